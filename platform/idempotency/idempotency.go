// Package idempotency lets a client repeat a POST whose response it did not receive (the Idempotency-Key header,
// draft-ietf-httpapi-idempotency-key-header). The first request has its effect; repetitions get its stored answer.
// Key and effect are one transaction, so a crash leaves both or neither.
//
// An answer holds no body, only the address of the new resource: a body would outlive the patient and the values that
// it shows.
package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

// Lifetime is how long an answer is stored.
const Lifetime = 24 * time.Hour

const (
	sweep         = 20 // expired answers that are removed when a new one is stored
	sweepBatch    = 500
	sweepInterval = time.Minute
)

// The errors of a rejected repetition.
var (
	ErrInFlight = &errs.Error{
		Kind: errs.Conflict, Code: "idempotency_key_in_flight", RetryAfter: time.Second,
		Detail: "A request with this Idempotency-Key is still being worked on.",
	}
	ErrReused = errs.New(
		errs.Unprocessable, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
)

// Request identifies a request. Requests of the same user, route and key must have the same fingerprint.
type Request struct {
	User        uuid.UUID
	Route       string
	Key         string // 1..255 visible characters
	Fingerprint string // a digest of the body
}

// Answer is the stored part of the response to the first request.
type Answer struct {
	Status int
	Header map[string]string // no personal data
}

// Keys stores answers. It is safe for concurrent use, also by several instances on one PostgreSQL.
type Keys struct {
	db       *database.DB
	clock    clock.Clock
	inFlight sync.Map // Request without its fingerprint
	outcomes *prometheus.CounterVec
	interval time.Duration // between sweeps
}

// New returns the answers stored in db.
func New(db *database.DB, clock clock.Clock) *Keys {
	return &Keys{db: db, clock: clock, outcomes: newOutcomes(), interval: sweepInterval}
}

type row struct {
	UserID      uuid.UUID
	Route       string
	Key         string
	Fingerprint string
	Status      int
	Header      string
	Body        []byte
	ExpiresAt   database.Time
}

func (row) TableName() string { return "idempotency_keys" }

// Once runs effect and stores its answer in one transaction. If the same request was processed before, Once returns the
// stored answer instead. The answer of a failed effect is not stored. Errors: ErrInFlight, ErrReused, effect's.
func (k *Keys) Once(
	ctx context.Context, r Request, effect func(context.Context) (Answer, error),
) (given Answer, replayed bool, err error) {
	defer func() { k.count(replayed, err) }()
	id := Request{User: r.User, Route: r.Route, Key: r.Key}
	if _, busy := k.inFlight.LoadOrStore(id, true); busy {
		return Answer{}, false, ErrInFlight
	}
	defer k.inFlight.Delete(id)
	err = k.db.Do(ctx, func(ctx context.Context) error {
		free, err := k.db.TryLock(ctx, "idempotency "+r.User.String()+" "+r.Route+" "+r.Key)
		if err != nil {
			return err
		}
		if !free {
			return ErrInFlight // at another instance
		}
		if given, replayed, err = k.find(ctx, r); err != nil || replayed {
			return err
		}
		if given, err = effect(ctx); err != nil {
			return err
		}
		return k.store(ctx, r, given)
	})
	return given, replayed, err
}

// find returns the unexpired answer to the same request. Errors: ErrReused.
func (k *Keys) find(ctx context.Context, r Request) (Answer, bool, error) {
	var found row
	same := func() *gorm.DB {
		return k.db.Write(ctx).Where("user_id = ? AND route = ? AND key = ?", r.User, r.Route, r.Key)
	}
	err := same().Take(&found).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return Answer{}, false, nil
	case err != nil:
		return Answer{}, false, err
	case !k.clock.Now().Before(found.ExpiresAt.Time):
		return Answer{}, false, same().Delete(&row{}).Error
	case found.Fingerprint != r.Fingerprint:
		return Answer{}, false, ErrReused
	}
	answer := Answer{Status: found.Status}
	return answer, true, json.Unmarshal([]byte(found.Header), &answer.Header)
}

// store stores an answer, and removes some expired ones.
func (k *Keys) store(ctx context.Context, r Request, a Answer) error {
	now := k.clock.Now()
	expired := k.db.Write(ctx).Model(&row{}).Select("user_id", "route", "key").
		Where("expires_at <= ?", database.At(now)).
		Order("expires_at").Limit(sweep).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	if err := k.db.Write(ctx).Where("(user_id, route, key) IN (?)", expired).Delete(&row{}).Error; err != nil {
		return err
	}
	header, err := json.Marshal(a.Header)
	if err != nil {
		return err
	}
	return k.db.Write(ctx).Create(&row{
		UserID: r.User, Route: r.Route, Key: r.Key, Fingerprint: r.Fingerprint,
		Status: a.Status, Header: string(header), Body: []byte{}, ExpiresAt: database.At(now.Add(Lifetime)),
	}).Error
}

// Forget removes at most limit of a user's answers, and returns the number of removed ones. Errors: the store's.
func (k *Keys) Forget(ctx context.Context, user uuid.UUID, limit int) (int, error) {
	done := k.db.Write(ctx).Exec(`DELETE FROM idempotency_keys WHERE (user_id, route, key) IN
		(SELECT user_id, route, key FROM idempotency_keys WHERE user_id = ? LIMIT ?)`, user, limit)
	return int(done.RowsAffected), done.Error
}

// Run sweeps until ctx ends.
func (k *Keys) Run(ctx context.Context, log *zap.Logger) {
	tick := time.NewTicker(k.interval)
	defer tick.Stop()
	for {
		if err := k.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Warn("expired Idempotency-Keys were not removed; the next attempt is in a minute", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep removes the bodies that an earlier release has stored, and expired answers. Errors: the store's.
func (k *Keys) Sweep(ctx context.Context) error {
	bodies := func(some *gorm.DB) *gorm.DB { // the header stays: it holds no personal data
		return k.db.Write(ctx).Model(&row{}).Where("(user_id, route, key) IN (?)", some).UpdateColumn("body", []byte{})
	}
	if err := k.sweepWhere(ctx, bodies, "length(body) > 0"); err != nil {
		return err
	}
	expired := func(some *gorm.DB) *gorm.DB {
		return k.db.Write(ctx).Where("(user_id, route, key) IN (?)", some).Delete(&row{})
	}
	return k.sweepWhere(ctx, expired, "expires_at <= ?", database.At(k.clock.Now()))
}

// sweepWhere calls do on all rows that meet a condition, in short transactions.
func (k *Keys) sweepWhere(ctx context.Context, do func(some *gorm.DB) *gorm.DB, condition string, values ...any) error {
	for {
		some := k.db.Write(ctx).Model(&row{}).Select("user_id", "route", "key").
			Where(condition, values...).Order("expires_at").Limit(sweepBatch)
		done := do(some)
		if done.Error != nil || done.RowsAffected < sweepBatch {
			return done.Error
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond): // requests wait for SQLite's one writer
		}
	}
}
