package store

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

const (
	mailboxBatch    = 500              // users in one transaction
	mailboxProgress = 10 * time.Second // between two log lines of a long run

	// The overlap with the previous run: another instance's clock may be behind, and a transaction may commit late.
	catchUpMargin = time.Minute
	sweepMargin   = time.Hour
)

// Mailboxes records the mailboxes of users that have none recorded: users from before user_mailboxes, and users that an
// older release adds at the same time. It changes no user.
type Mailboxes struct {
	db    *database.DB
	clock clock.Clock
	log   *zap.Logger
	upTo  atomic.Int64 // when the last complete run began, in Unix microseconds; 0: none has
}

// NewMailboxes returns the mailboxes in db.
func NewMailboxes(db *database.DB, clk clock.Clock, log *zap.Logger) *Mailboxes {
	return &Mailboxes{db: db, clock: clk, log: log}
}

// CatchUp implements ports.Mailboxes.
func (m *Mailboxes) CatchUp(ctx context.Context) error { return m.run(ctx, catchUpMargin) }

// Sweep is CatchUp with a wider overlap, to be run regularly. Errors: the store's.
func (m *Mailboxes) Sweep(ctx context.Context) error { return m.run(ctx, sweepMargin) }

func (m *Mailboxes) run(ctx context.Context, margin time.Duration) error {
	start := m.clock.Now()
	if err := m.recordSince(ctx, margin); err != nil {
		return err
	}
	if !m.db.InTransaction(ctx) { // an open transaction may still be rolled back
		m.upTo.Store(start.UnixMicro())
	}
	return nil
}

func (m *Mailboxes) recordSince(ctx context.Context, margin time.Duration) error {
	var from *position // nil: from the beginning
	if upTo := m.upTo.Load(); upTo != 0 {
		begun := time.UnixMicro(min(upTo, m.clock.Now().UnixMicro())) // the clock may have been set back since
		from = &position{createdAt: database.At(begun.Add(-margin))}
	} else if all, err := m.complete(ctx); err != nil || all {
		return err
	}
	recorded, logged := 0, m.clock.Now()
	for {
		batch, err := m.record(ctx, from)
		if err != nil || len(batch) == 0 { // fewer than asked for is not the end: users may have been deleted meanwhile
			return err
		}
		recorded += len(batch)
		from = &position{batch[len(batch)-1].CreatedAt, batch[len(batch)-1].ID}
		if now := m.clock.Now(); now.Sub(logged) >= mailboxProgress {
			logged = now
			m.log.Info("recording the mailboxes of accounts", zap.Int("done", recorded))
		}
	}
}

// complete reports whether every user has a recorded mailbox, as at almost every start. Two counts are faster than a
// join.
func (m *Mailboxes) complete(ctx context.Context) (all bool, err error) {
	const counts = "SELECT (SELECT count(*) FROM users) = (SELECT count(*) FROM user_mailboxes)"
	err = m.db.Write(ctx).Raw(counts).Scan(&all).Error
	return all, err
}

// position is the position of a user in the order of registration.
type position struct {
	createdAt database.Time
	id        identity.UserID
}

type unrecorded struct {
	ID        identity.UserID
	Email     string
	CreatedAt database.Time
}

func (unrecorded) TableName() string { return "users" }

// record records the mailboxes of the next users, oldest first, and logs which users share one.
func (m *Mailboxes) record(ctx context.Context, after *position) (batch []unrecorded, err error) {
	var sharing [][]identity.UserID
	err = m.db.Do(ctx, func(ctx context.Context) error {
		batch, sharing = nil, nil
		// The lock prevents deletion until the rows refer to the users.
		held := m.db.Write(ctx).Clauses(clause.Locking{Strength: "KEY SHARE"}).
			Where("NOT EXISTS (SELECT 1 FROM user_mailboxes m WHERE m.user_id = users.id)")
		if after != nil {
			held = held.Where("(created_at, id) > (?, ?)", after.createdAt, after.id)
		}
		if err := held.Order("created_at, id").Limit(mailboxBatch).Find(&batch).Error; err != nil || len(batch) == 0 {
			return err
		}
		rows := make([]mailboxRow, len(batch))
		for i, user := range batch {
			rows[i] = mailboxRow{UserID: user.ID, Mailbox: domain.Mailbox(user.Email), Holds: true}
		}
		// The first of a mailbox holds it. Another instance may be recording the same users.
		if err := m.insert(ctx, rows); err != nil {
			return err
		}
		for i := range rows {
			rows[i].Holds = false
		}
		if err := m.insert(ctx, rows); err != nil {
			return err
		}
		sharing, err = m.sharing(ctx, rows)
		return err
	})
	for _, users := range sharing {
		m.log.Warn("accounts share one mailbox: each signs in with its address exactly as registered, the oldest, "+
			"which is first, also with every other spelling. None was changed", zap.Stringers("accounts", users))
	}
	return batch, err
}

func (m *Mailboxes) insert(ctx context.Context, rows []mailboxRow) error {
	return m.db.Write(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error
}

// sharing returns the users of each mailbox of rows that has several, oldest first.
func (m *Mailboxes) sharing(ctx context.Context, rows []mailboxRow) (all [][]identity.UserID, err error) {
	recorded := make([]identity.UserID, len(rows))
	for i, r := range rows {
		recorded[i] = r.UserID
	}
	var found []mailboxRow
	shared := database.WhereIn(
		m.db.Write(ctx).Model(&mailboxRow{}).Select("mailbox").Where("NOT holds"),
		"user_id",
		recorded,
	)
	err = m.db.Write(ctx).Table("user_mailboxes AS s").Select("s.user_id", "s.mailbox").
		Joins("JOIN users ON users.id = s.user_id").
		Where("s.mailbox IN (?)", shared).
		Order("s.mailbox, users.created_at, users.id").Find(&found).Error
	for i, r := range found {
		if i == 0 || found[i-1].Mailbox != r.Mailbox {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], r.UserID)
	}
	return all, err
}
