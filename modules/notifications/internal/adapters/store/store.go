// Package store stores deliveries and preferences in the database, with the same code for both engines.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// New returns the outbox over db.
func New(db *database.DB) ports.Outbox {
	return &outbox{
		db: db, ended: newEnded(),
		added: map[notifications.Channel]chan struct{}{
			notifications.Mail: make(chan struct{}, 1), notifications.Webhook: make(chan struct{}, 1),
		},
	}
}

type outbox struct {
	db    *database.DB
	added map[notifications.Channel]chan struct{}
	ended *prometheus.CounterVec // by channel, kind and state
}

type row struct {
	ID             notifications.ID
	Channel        notifications.Channel
	Kind           notifications.Kind
	RecipientKind  domain.RecipientKind
	RecipientID    uuid.UUID
	SubjectID      uuid.UUID
	SubjectVersion int64
	State          notifications.State
	DueAt          database.Time
	GiveUpAt       database.Time
	Attempts       int
	LastError      string
	CreatedAt      database.Time `gorm:"autoCreateTime:false"`
	EndedAt        database.Time
}

func (row) TableName() string { return "deliveries" }

// fixed are the columns that never change.
var fixed = []string{
	"id", "channel", "kind", "recipient_kind", "recipient_id", "subject_id", "subject_version", "created_at",
}

func rowOf(d domain.Delivery) row {
	return row{
		ID: d.ID, Channel: d.Channel, Kind: d.Kind, RecipientKind: d.Recipient.Kind, RecipientID: d.Recipient.ID,
		SubjectID: d.Subject.ID, SubjectVersion: d.Subject.Version, State: d.State, DueAt: database.At(d.DueAt),
		GiveUpAt: database.At(d.GiveUpAt), Attempts: d.Attempts, LastError: d.LastError,
		CreatedAt: database.At(d.CreatedAt), EndedAt: database.At(d.EndedAt),
	}
}

func (r row) delivery() domain.Delivery {
	return domain.Delivery{
		ID: r.ID, Channel: r.Channel, Kind: r.Kind,
		Recipient: domain.Recipient{Kind: r.RecipientKind, ID: r.RecipientID},
		Subject:   domain.Subject{ID: r.SubjectID, Version: r.SubjectVersion}, State: r.State, DueAt: r.DueAt.Time,
		GiveUpAt: r.GiveUpAt.Time, Attempts: r.Attempts, LastError: r.LastError, CreatedAt: r.CreatedAt.Time,
		EndedAt: r.EndedAt.Time,
	}
}

func deliveriesOf(rows []row) []domain.Delivery {
	all := make([]domain.Delivery, len(rows))
	for i, r := range rows {
		all[i] = r.delivery()
	}
	return all
}

func (s *outbox) Added(channel notifications.Channel) chan struct{} { return s.added[channel] }

// signalAfter signals that deliveries of the channel may be due, once the transaction of ctx has committed.
func (s *outbox) signalAfter(ctx context.Context, channel notifications.Channel) {
	s.db.AfterCommit(ctx, func() {
		select {
		case s.added[channel] <- struct{}{}:
		default:
		}
	})
}

func (s *outbox) Add(ctx context.Context, all ...domain.Delivery) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]row, len(all))
	channels := map[notifications.Channel]bool{}
	for i, d := range all {
		rows[i] = rowOf(d)
		channels[d.Channel] = true
	}
	for channel := range channels {
		s.signalAfter(ctx, channel)
	}
	return s.db.Write(ctx).Create(&rows).Error
}

func (s *outbox) CancelAbout(
	ctx context.Context, channel notifications.Channel, subject uuid.UUID, code string, now time.Time,
) error {
	about := s.db.Write(ctx).Where("subject_id = ? AND channel = ? AND due_at IS NOT NULL", subject, channel)
	return cancel(about, code, now)
}

func (s *outbox) CancelTo(
	ctx context.Context, endpoint notifications.EndpointID, code string, now time.Time,
) error {
	to := s.db.Write(ctx).Where("recipient_id = ? AND channel = 'webhook' AND due_at IS NOT NULL", endpoint)
	return cancel(to, code, now)
}

// cancel ends the pending deliveries of a query.
func cancel(q *gorm.DB, code string, now time.Time) error {
	return q.Model(&row{}).Updates(map[string]any{
		"state": notifications.Cancelled, "due_at": nil, "last_error": code, "ended_at": database.At(now),
	}).Error
}

func (s *outbox) RemoveAllOf(ctx context.Context, ids []uuid.UUID) error {
	for _, column := range []string{"recipient_id", "subject_id"} {
		if err := database.WhereIn(s.db.Write(ctx), column, ids).Delete(&row{}).Error; err != nil {
			return err
		}
	}
	return nil
}

// dueAt narrows a query to the deliveries of a channel that are due.
func dueAt(q *gorm.DB, channel notifications.Channel, now time.Time) *gorm.DB {
	return q.Where("channel = ? AND due_at IS NOT NULL AND due_at <= ?", channel, database.At(now))
}

func (s *outbox) Due(ctx context.Context, channel notifications.Channel, now time.Time) (bool, error) {
	due, _, err := s.Backlog(ctx, channel, now, 1)
	return due > 0, err
}

func (s *outbox) Claim(
	ctx context.Context, now time.Time, lease time.Duration, limit int,
) ([]domain.Delivery, error) {
	mails := func(q *gorm.DB) *gorm.DB { return dueAt(q, notifications.Mail, now) }
	return s.claim(ctx, now, lease, limit,
		func(q *gorm.DB) *gorm.DB { return mails(q).Where("recipient_kind = 'user'") },
		func(q *gorm.DB) *gorm.DB { return mails(q).Where("recipient_kind <> 'user'") })
}

func (s *outbox) ClaimOf(
	ctx context.Context, to notifications.EndpointID, now time.Time, lease time.Duration, limit int,
) ([]domain.Delivery, error) {
	return s.claim(ctx, now, lease, limit, func(q *gorm.DB) *gorm.DB {
		return q.Where("recipient_id = ? AND channel = 'webhook' AND due_at IS NOT NULL AND due_at <= ?",
			to, database.At(now))
	})
}

// claim claims deliveries that meet the first condition, and if there are fewer than limit, others that meet the next.
func (s *outbox) claim(
	ctx context.Context, now time.Time, lease time.Duration, limit int, conditions ...func(*gorm.DB) *gorm.DB,
) (all []domain.Delivery, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var rows []row
		for _, due := range conditions {
			var more []row
			err := unlocked(due(s.db.Write(ctx))).Order("due_at, id").Limit(limit - len(rows)).Find(&more).Error
			if err != nil {
				return err
			}
			if rows = append(rows, more...); len(rows) == limit {
				break
			}
		}
		if len(rows) == 0 {
			return nil
		}
		end := database.At(now.Add(lease))
		for i := range rows {
			rows[i].DueAt = end
			rows[i].Attempts++
		}
		all = deliveriesOf(rows)
		return database.WhereIn(s.db.Write(ctx).Model(&row{}), "id", idsOf(rows)).
			Updates(map[string]any{"due_at": end, "attempts": gorm.Expr("attempts + 1")}).Error
	})
	return all, err
}

// unlocked locks the rows of a query, without those that another transaction has locked. Their ids are then named in a
// second statement: PostgreSQL would plan a subquery with a limit for a tenth of the table.
func unlocked(q *gorm.DB) *gorm.DB {
	return q.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
}

func idsOf(rows []row) []uuid.UUID {
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID.UUID
	}
	return ids
}

func (s *outbox) Settle(ctx context.Context, d domain.Delivery, attempt int) (bool, error) {
	r := rowOf(d)
	done := s.db.Write(ctx).Model(&row{}).
		Where("id = ? AND due_at IS NOT NULL AND attempts = ?", d.ID, attempt).
		Updates(map[string]any{
			"state": r.State, "due_at": r.DueAt, "attempts": r.Attempts, "last_error": r.LastError,
			"ended_at": r.EndedAt,
		})
	if done.RowsAffected > 0 && d.State != notifications.Pending {
		s.ended.WithLabelValues(string(d.Channel), string(d.Kind), string(d.State)).Inc()
	}
	return done.RowsAffected > 0, done.Error
}

func (s *outbox) LastSent(
	ctx context.Context, recipient uuid.UUID, kinds []notifications.Kind, after time.Time,
) (notifications.Kind, error) {
	var rows []row
	sent := s.db.Read(ctx).Select("id", "kind", "ended_at").
		Where("recipient_id = ? AND state = ? AND ended_at > ?", recipient, notifications.Sent, database.At(after))
	err := database.WhereIn(sent, "kind", kinds).Order("ended_at DESC").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].Kind, nil
}

func (s *outbox) RetryTo(ctx context.Context, endpoint notifications.EndpointID, now time.Time) error {
	s.signalAfter(ctx, notifications.Webhook)
	return s.db.Write(ctx).Model(&row{}).
		Where("recipient_id = ? AND channel = ? AND due_at IS NOT NULL AND last_error <> ?", endpoint,
			notifications.Webhook, "").
		Updates(map[string]any{"due_at": database.At(now)}).Error
}

func (s *outbox) Find(ctx context.Context, id notifications.ID) (domain.Delivery, error) {
	var r row
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.delivery(), explain(err)
}

func explain(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return notifications.ErrNotFound
	}
	return err
}

// columns lists the columns by which the list can be ordered.
var columns = database.Columns[row]{
	"created_at": func(r row) any { return r.CreatedAt },
	"id":         func(r row) any { return r.ID },
}

func (s *outbox) List(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Delivery], error) {
	if filter != (domain.Filter{}) {
		ctx = database.PlanForValues(ctx)
	}
	q := s.db.Read(ctx).Model(&row{})
	if filter.State != "" {
		q = q.Where("state = ?", filter.State)
	}
	if filter.Kind != "" {
		q = q.Where("kind = ?", filter.Kind)
	}
	if filter.Channel != "" {
		q = q.Where("channel = ?", filter.Channel)
	}
	if filter.Recipient != uuid.Nil {
		q = q.Where("recipient_id = ?", filter.Recipient)
	}
	page, err := database.Page(q, request, columns)
	return paging.Map(page, row.delivery), err
}

func (s *outbox) Change(
	ctx context.Context, id notifications.ID, rule func(*domain.Delivery) error,
) (changed domain.Delivery, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.delivery()
		if err := rule(&changed); err != nil {
			return err
		}
		s.signalAfter(ctx, r.Channel)
		r = rowOf(changed)
		return explain(database.Update(s.db.Write(ctx).Where("id = ?", id), &r, fixed...))
	})
	return changed, err
}

func (s *outbox) ResendDead(
	ctx context.Context, channel notifications.Channel, since, now time.Time, limit int,
) (ids []uuid.UUID, err error) {
	err = s.db.Do(database.PlanForValues(ctx), func(ctx context.Context) error {
		var rows []row
		dead := unlocked(s.db.Write(ctx).Select("id")).
			Where("state = ? AND channel = ? AND ended_at >= ?", notifications.Dead, channel, database.At(since))
		dead = database.WhereNotIn(dead, "kind", domain.KindsWithEnd()).Order("created_at, id").Limit(limit)
		if err := dead.Find(&rows).Error; err != nil {
			return err
		}
		s.signalAfter(ctx, channel)
		ids = idsOf(rows)
		return database.WhereIn(s.db.Write(ctx).Model(&row{}), "id", ids).Updates(map[string]any{
			"state": notifications.Pending, "due_at": database.At(now), "ended_at": nil, "attempts": 0,
			"last_error": "", "give_up_at": database.At(domain.EndOf(channel, now)),
		}).Error
	})
	return ids, err
}

func (s *outbox) Prune(ctx context.Context, deadBefore, endedBefore time.Time, limit int) (pruned int, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var rows []row
		err := unlocked(s.db.Write(ctx).Select("id")).
			Where("ended_at < ?", database.At(endedBefore)).
			Where("(state <> ? OR ended_at < ?)", notifications.Dead, database.At(deadBefore)).
			Order("ended_at").Limit(limit).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		done := database.WhereIn(s.db.Write(ctx), "id", idsOf(rows)).Delete(&row{})
		pruned = int(done.RowsAffected)
		return done.Error
	})
	return pruned, err
}

func (s *outbox) Backlog(
	ctx context.Context, channel notifications.Channel, now time.Time, limit int,
) (due int, since time.Time, err error) {
	var rows []row
	err = dueAt(s.db.Read(ctx).Select("id", "due_at"), channel, now).Order("due_at, id").Limit(limit).Find(&rows).Error
	if len(rows) > 0 {
		since = rows[0].DueAt.Time
	}
	return len(rows), since, err
}
