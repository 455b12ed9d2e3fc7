package store

import (
	"context"
	"net/netip"
	"time"

	"gorm.io/gorm/clause"

	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// NewRegistrations returns a ports.Registrations that counts in db. Its keys cannot be traced to an address without
// key.
func NewRegistrations(
	db *database.DB, key []byte, limit domain.Allowance, clk clock.Clock,
) ports.Registrations {
	return &registrations{allowances{db: db, hidden: hidden(key), clock: clk}, limit}
}

type registrations struct {
	used  allowances
	limit domain.Allowance
}

func (r *registrations) Check(ctx context.Context, client netip.Addr) error {
	wait, err := r.used.check(ctx, r.used.networks("registrations", client), r.limit)
	if err != nil {
		return err
	}
	return domain.Throttled(domain.ErrTooManyRegistrations, wait)
}

func (r *registrations) Count(ctx context.Context, client netip.Addr) error {
	wait, err := r.used.take(ctx, r.used.networks("registrations", client), r.limit)
	if err != nil {
		return err
	}
	return domain.Throttled(domain.ErrTooManyRegistrations, wait)
}

// NewMailLimits returns a ports.MailLimits that counts in db, with a limit for each network.
func NewMailLimits(
	db *database.DB, key []byte, limit domain.Allowance, clk clock.Clock,
) ports.MailLimits {
	return &mailLimits{allowances{db: db, hidden: hidden(key), clock: clk}, limit}
}

type mailLimits struct {
	used  allowances
	limit domain.Allowance
}

func (m *mailLimits) CheckClient(ctx context.Context, client netip.Addr) error {
	wait, err := m.used.check(ctx, m.used.networks("mail", client), m.limit)
	if err != nil {
		return err
	}
	return domain.Throttled(domain.ErrTooManyMails, wait)
}

func (m *mailLimits) CountClient(ctx context.Context, client netip.Addr) error {
	wait, err := m.used.take(ctx, m.used.networks("mail", client), m.limit)
	if err != nil {
		return err
	}
	return domain.Throttled(domain.ErrTooManyMails, wait)
}

func (m *mailLimits) CountMailbox(ctx context.Context, mailbox string) (admitted bool, err error) {
	wait, err := m.used.take(ctx, []string{m.used.hidden.key("mailbox", mailbox)}, domain.MailAllowance)
	return err == nil && wait == 0, err
}

// allowances counts in the table registrations, which is older than its other uses.
type allowances struct {
	db     *database.DB
	hidden hidden
	clock  clock.Clock
}

type allowanceRow struct {
	Network string // the key, of a network or a mailbox
	FullAt  database.Time
}

func (allowanceRow) TableName() string { return "registrations" }

// networks returns the keys of the client's networks, smaller ones first.
func (a *allowances) networks(use string, client netip.Addr) (keys []string) {
	for _, network := range domain.RegistrationNetworks(client) {
		keys = append(keys, a.hidden.key(use, network))
	}
	return keys
}

// check returns the time after which one more is allowed for every key. Errors: the store's.
func (a *allowances) check(ctx context.Context, keys []string, limit domain.Allowance) (time.Duration, error) {
	if limit.Burst <= 0 {
		return 0, nil
	}
	var rows []allowanceRow
	err := a.db.Read(ctx).Where("network IN ?", keys).Find(&rows).Error
	return waitFor(rows, limit, a.clock.Now()), err
}

// take counts one more for every key if it is allowed, and otherwise returns the time after which it is. Errors: the
// store's.
func (a *allowances) take(
	ctx context.Context, keys []string, limit domain.Allowance,
) (wait time.Duration, err error) {
	if limit.Burst <= 0 {
		return 0, nil
	}
	err = a.db.Do(ctx, func(ctx context.Context) error {
		rows, err := a.lock(ctx, keys)
		if err != nil {
			return err
		}
		now := a.clock.Now() // after waiting for the lock
		wait = waitFor(rows, limit, now)
		for i := range rows {
			if wait == 0 { // else the rows are stored unchanged, which takes as long
				rows[i].FullAt = database.At(limit.Count(rows[i].FullAt.Time, now))
			}
		}
		counted := clause.OnConflict{
			Columns:   []clause.Column{{Name: "network"}},
			DoUpdates: clause.AssignmentColumns([]string{"full_at"}),
		}
		if err := a.db.Write(ctx).Clauses(counted).Create(&rows).Error; err != nil {
			return err
		}
		return a.sweep(ctx)
	})
	return wait, err
}

// waitFor returns the wait of the row with the longest one.
func waitFor(rows []allowanceRow, limit domain.Allowance, now time.Time) time.Duration {
	var full time.Time
	for _, row := range rows {
		if row.FullAt.After(full) {
			full = row.FullAt.Time
		}
	}
	return limit.Wait(full, now)
}

// lock locks the rows of keys until the transaction ends, and returns them. Missing rows are added. The order of the
// keys prevents deadlocks.
func (a *allowances) lock(ctx context.Context, keys []string) ([]allowanceRow, error) {
	var rows []allowanceRow
	for _, key := range keys {
		rows = append(rows, allowanceRow{Network: key, FullAt: database.At(a.clock.Now())})
	}
	held := clause.OnConflict{
		Columns:   []clause.Column{{Name: "network"}},
		DoUpdates: clause.AssignmentColumns([]string{"network"}),
	}
	returned := clause.Returning{Columns: []clause.Column{{Name: "network"}, {Name: "full_at"}}}
	return rows, a.db.Write(ctx).Clauses(held, returned).Create(&rows).Error
}

// sweep deletes a few rows whose whole allowance is available again, more than one use adds.
func (a *allowances) sweep(ctx context.Context) error {
	over := a.db.Write(ctx).Model(&allowanceRow{}).Select("network").
		Where("full_at <= ?", database.At(a.clock.Steady())).Order("full_at").Limit(attemptsSweep).
		Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	return a.db.Write(ctx).Where("network IN (?)", over).Delete(&allowanceRow{}).Error
}
