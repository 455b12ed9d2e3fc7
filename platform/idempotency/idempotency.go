// Package idempotency lets a client repeat a POST whose answer it did not hear (the Idempotency-Key header,
// draft-ietf-httpapi-idempotency-key-header): the first one has its effect, the others are answered with what it made.
// Key and effect are one transaction, so a crash leaves all or nothing.
//
// No body is kept, only the address of what was made: a body would outlive the patient and the values that it shows.
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

// Lifetime is how long an answer is kept for repetition.
const Lifetime = 24 * time.Hour

const (
	sweep         = 20 // expired answers that a new one removes
	sweepBatch    = 500
	sweepInterval = time.Minute
)

// What a repetition may be refused for.
var (
	ErrInFlight = &errs.Error{
		Kind: errs.Conflict, Code: "idempotency_key_in_flight", RetryAfter: time.Second,
		Detail: "A request with this Idempotency-Key is still being worked on.",
	}
	ErrReused = errs.New(errs.Unprocessable, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
)

// Request is what makes two requests the same: who, where, which key; and the body, which must then be the same too.
type Request struct {
	User        uuid.UUID
	Route       string
	Key         string // 1..255 visible characters
	Fingerprint string // a digest of the body
}

// Answer is what is kept of the answer to the first request.
type Answer struct {
	Status int
	Header map[string]string // no value that a patient or a user has
}

// Keys keeps answers. It is safe for concurrent use, also by several instances on one PostgreSQL.
type Keys struct {
	db       *database.DB
	clock    clock.Clock
	inFlight sync.Map // Request without its fingerprint
	outcomes *prometheus.CounterVec
	interval time.Duration // between sweeps
}

// New keeps answers in db.
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

// Once runs effect in a transaction, together with keeping its answer, unless that was done for the same request already: then it returns
// the answer that was given. An effect that fails is not kept. Errors: ErrInFlight, ErrReused, effect's.
func (k *Keys) Once(ctx context.Context, r Request, effect func(context.Context) (Answer, error)) (given Answer, replayed bool, err error) {
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
		if given, replayed, err = k.kept(ctx, r); err != nil || replayed {
			return err
		}
		if given, err = effect(ctx); err != nil {
			return err
		}
		return k.keep(ctx, r, given)
	})
	return given, replayed, err
}

// kept is the answer given to the same request before. Errors: ErrReused.
func (k *Keys) kept(ctx context.Context, r Request) (Answer, bool, error) {
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

func (k *Keys) keep(ctx context.Context, r Request, a Answer) error {
	now := k.clock.Now()
	expired := k.db.Write(ctx).Model(&row{}).Select("user_id", "route", "key").Where("expires_at <= ?", database.At(now)).
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

// Forget removes at most limit of a user's answers, and returns how many. Errors: none of its own.
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

// Sweep removes the bodies that an earlier release has kept, and the answers that have expired. Errors: the store's.
func (k *Keys) Sweep(ctx context.Context) error {
	bodies := func(some *gorm.DB) *gorm.DB { // header holds an ETag at most, which is no value of a patient
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

// sweepWhere runs do over all rows of a condition, in short transactions.
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
