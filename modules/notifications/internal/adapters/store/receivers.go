package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// NewReceivers returns the store of endpoints over db.
func NewReceivers(db *database.DB, clk clock.Clock) ports.Receivers {
	return &receivers{db: db, clock: clk}
}

type receivers struct {
	db    *database.DB
	clock clock.Clock
	known cache
}

type receiverRow struct {
	ID             notifications.EndpointID
	URL            string
	Description    string
	Kinds          string
	Secret         sealed
	PreviousSecret sealed
	PreviousUntil  database.Time
	Enabled        bool
	DisabledReason domain.Reason
	FailingSince   database.Time
	Version        int
	CreatedBy      uuid.UUID
	CreatedAt      database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      database.Time `gorm:"autoUpdateTime:false"` // set by the domain
}

// sealed is a text to the database. A domain.SealedSecret would be a placeholder to it.
type sealed string

func (receiverRow) TableName() string { return "webhook_endpoints" }

func receiverRowOf(r domain.Receiver) receiverRow {
	return receiverRow{
		ID: r.ID, URL: r.URL, Description: r.Description, Kinds: joinKinds(r.Kinds), Secret: sealed(r.Secret),
		PreviousSecret: sealed(r.PreviousSecret), PreviousUntil: database.At(r.PreviousUntil), Enabled: r.Enabled,
		DisabledReason: r.DisabledReason, FailingSince: database.At(r.FailingSince), Version: r.Version,
		CreatedBy: r.CreatedBy, CreatedAt: database.At(r.CreatedAt), UpdatedAt: database.At(r.UpdatedAt),
	}
}

func (r receiverRow) receiver() domain.Receiver {
	return domain.Receiver{
		ID: r.ID,
		ReceiverDetails: domain.ReceiverDetails{
			URL: r.URL, Description: r.Description, Kinds: splitKinds(r.Kinds), Enabled: r.Enabled,
		},
		Secret: domain.SealedSecret(r.Secret), PreviousSecret: domain.SealedSecret(r.PreviousSecret),
		PreviousUntil: r.PreviousUntil.Time, DisabledReason: r.DisabledReason, FailingSince: r.FailingSince.Time,
		Version: r.Version, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

// joinKinds and splitKinds convert kinds to a column and back.
func joinKinds(kinds []notifications.Kind) string {
	texts := make([]string, len(kinds))
	for i, kind := range kinds {
		texts[i] = string(kind)
	}
	return strings.Join(texts, " ")
}

func splitKinds(text string) (kinds []notifications.Kind) {
	for kind := range strings.FieldsSeq(text) {
		kinds = append(kinds, notifications.Kind(kind))
	}
	return kinds
}

func explainReceiver(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return notifications.ErrEndpointNotFound
	}
	return err
}

func (s *receivers) Add(ctx context.Context, r domain.Receiver) error {
	if err := s.db.Lock(ctx, "webhook endpoints"); err != nil {
		return err
	}
	var count int64
	if err := s.db.Write(ctx).Model(&receiverRow{}).Count(&count).Error; err != nil {
		return err
	}
	if count >= domain.MaxEndpoints {
		return notifications.ErrTooManyEndpoints
	}
	added := receiverRowOf(r)
	s.db.AfterCommit(ctx, s.known.invalidate)
	return s.db.Write(ctx).Create(&added).Error
}

func (s *receivers) Find(ctx context.Context, id notifications.EndpointID) (domain.Receiver, error) {
	var r receiverRow
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.receiver(), explainReceiver(err)
}

func (s *receivers) List(ctx context.Context) ([]domain.Receiver, error) {
	var rows []receiverRow
	err := s.db.Read(ctx).Order("created_at DESC, id DESC").Find(&rows).Error
	all := make([]domain.Receiver, len(rows))
	for i, r := range rows {
		all[i] = r.receiver()
	}
	return all, err
}

// freshness is how long subscriptions are used without reading them again.
const freshness = time.Second

// cache has the subscriptions of the process.
type cache struct {
	mu         sync.Mutex
	all        []ports.Subscription
	until      time.Time
	generation int // of changes in this process
}

// get returns the subscriptions, unless they are too old, and the generation of those that the caller reads.
func (c *cache) get(now time.Time) (all []ports.Subscription, generation int, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.until.Sub(now)
	return c.all, c.generation, left > 0 && left <= freshness // more is left after a clock was set back
}

// put stores subscriptions that were read at a time, unless a change was committed since.
func (c *cache) put(all []ports.Subscription, generation int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation {
		c.all, c.until = all, now.Add(freshness)
	}
}

func (c *cache) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.until = time.Time{}
}

func (s *receivers) Subscriptions(ctx context.Context) ([]ports.Subscription, error) {
	now := s.clock.Now()
	all, generation, fresh := s.known.get(now)
	if fresh {
		return all, nil
	}
	var rows []receiverRow
	err := s.db.Read(database.FromPrimary(ctx)).Select("id", "kinds").Where("enabled = ?", true).Order("id").
		Find(&rows).Error
	if err != nil {
		return nil, err
	}
	all = make([]ports.Subscription, len(rows))
	for i, r := range rows {
		all[i] = ports.Subscription{Endpoint: r.ID, Kinds: splitKinds(r.Kinds)}
	}
	s.known.put(all, generation, now)
	return all, nil
}

// lock returns an endpoint, which is locked until the transaction ends.
func (s *receivers) lock(ctx context.Context, id notifications.EndpointID) (domain.Receiver, error) {
	var r receiverRow
	locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
	err := locked.Where("id = ?", id).Take(&r).Error
	return r.receiver(), explainReceiver(err)
}

func (s *receivers) Change(
	ctx context.Context, id notifications.EndpointID, rule func(*domain.Receiver) error,
) (changed domain.Receiver, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		if changed, err = s.lock(ctx, id); err != nil {
			return err
		}
		before := changed.Version
		if err := rule(&changed); err != nil || changed.Version == before {
			return err
		}
		r := receiverRowOf(changed)
		s.db.AfterCommit(ctx, s.known.invalidate)
		return explainReceiver(database.Update(
			s.db.Write(ctx).Where("id = ?", id), &r, "id", "created_by", "created_at"))
	})
	return changed, err
}

func (s *receivers) Remove(
	ctx context.Context, id notifications.EndpointID, rule func(domain.Receiver) error,
) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		found, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		if err := rule(found); err != nil {
			return err
		}
		s.db.AfterCommit(ctx, s.known.invalidate)
		return s.db.Write(ctx).Where("id = ?", id).Delete(&receiverRow{}).Error
	})
}

// queueRow is an endpoint and when its first webhook is due.
type queueRow struct {
	ID           notifications.EndpointID
	FailingSince database.Time
	DueAt        database.Time
}

func (queueRow) TableName() string { return "webhook_endpoints" }

// firstDue is when the first webhook to an endpoint is due.
const firstDue = `(SELECT min(d.due_at) FROM deliveries d
	WHERE d.channel = 'webhook' AND d.due_at IS NOT NULL AND d.recipient_id = webhook_endpoints.id)`

// Queues reads one entry of an index for each endpoint, and none of the webhooks that wait behind it.
func (s *receivers) Queues(ctx context.Context, now time.Time) ([]ports.Queue, error) {
	var rows []queueRow
	err := s.db.Read(database.FromPrimary(ctx)).Select("id", "failing_since", firstDue+" AS due_at").
		Where(firstDue+" <= ?", database.At(now)).Order("due_at, id").Find(&rows).Error
	all := make([]ports.Queue, len(rows))
	for i, r := range rows {
		all[i] = ports.Queue{Endpoint: r.ID, Failing: !r.FailingSince.IsZero()}
	}
	return all, err
}

func (s *receivers) CancelOrphans(ctx context.Context, code string, now time.Time) error {
	orphans := s.db.Write(ctx).Where("channel = 'webhook' AND due_at IS NOT NULL").
		Where("NOT EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.id = deliveries.recipient_id)")
	return cancel(orphans, code, now)
}
