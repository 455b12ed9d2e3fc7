// Package idempotency lets a client repeat a POST whose response it did not receive (the Idempotency-Key header,
// draft-ietf-httpapi-idempotency-key-header). The first request has the effect; the response to its repetitions is the
// stored one. Key and effect are one transaction, so a crash leaves both or neither.
//
// A stored response has no body, only the address of the new resource: a body would outlive the deletion of the patient
// and the change of the values that it shows.
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

// Lifetime is how long a response is stored.
const Lifetime = 24 * time.Hour

const (
	sweepOnStore  = 20 // expired responses that are deleted when a new response is stored
	sweepBatch    = 500
	sweepInterval = time.Minute
)

// Errors of rejected repetitions.
var (
	ErrInFlight = &errs.Error{
		Kind: errs.Conflict, Code: "idempotency_key_in_flight", RetryAfter: time.Second,
		Detail: "A request with this Idempotency-Key is still being processed.",
	}
	ErrReused = errs.New(
		errs.Unprocessable, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
)

// Request identifies a request. Requests of the same user, route and key must have the same fingerprint.
type Request struct {
	User        uuid.UUID
	Route       string
	Key         string // 1..255 visible characters
	Fingerprint string // a digest of the body, and of the record that the path names
}

// Response is the stored part of the response to the first request.
type Response struct {
	Status int
	Header map[string]string // no personal data
}

// Store stores the responses to requests with an Idempotency-Key. It is safe for concurrent use, also by several
// instances on one PostgreSQL database.
type Store struct {
	db       *database.DB
	clock    clock.Clock
	inFlight sync.Map // set of Request, without fingerprints
	outcomes *prometheus.CounterVec
	interval time.Duration // between sweeps
}

// New returns the Store of the responses in db.
func New(db *database.DB, clk clock.Clock) *Store {
	return &Store{db: db, clock: clk, outcomes: newOutcomes(), interval: sweepInterval}
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

// Once runs effect and stores its response in one transaction. If the same request was processed before, Once returns
// the stored response instead. The response of a failed effect is not stored. Errors: ErrInFlight, ErrReused, those of
// effect.
func (s *Store) Once(
	ctx context.Context, r Request, effect func(context.Context) (Response, error),
) (given Response, replayed bool, err error) {
	defer func() { s.count(replayed, err) }()
	id := Request{User: r.User, Route: r.Route, Key: r.Key}
	if _, busy := s.inFlight.LoadOrStore(id, true); busy {
		return Response{}, false, ErrInFlight
	}
	defer s.inFlight.Delete(id)
	err = s.db.Do(ctx, func(ctx context.Context) error {
		free, err := s.db.TryLock(ctx, "idempotency "+r.User.String()+" "+r.Route+" "+r.Key)
		if err != nil {
			return err
		}
		if !free {
			return ErrInFlight // on another instance
		}
		if given, replayed, err = s.find(ctx, r); err != nil || replayed {
			return err
		}
		if given, err = effect(ctx); err != nil {
			return err
		}
		return s.store(ctx, r, given)
	})
	return given, replayed, err
}

// find returns the unexpired response to the same request. Errors: ErrReused.
func (s *Store) find(ctx context.Context, r Request) (Response, bool, error) {
	var found row
	same := func() *gorm.DB {
		return s.db.Write(ctx).Where("user_id = ? AND route = ? AND key = ?", r.User, r.Route, r.Key)
	}
	err := same().Take(&found).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return Response{}, false, nil
	case err != nil:
		return Response{}, false, err
	case !s.clock.Steady().Before(found.ExpiresAt.Time):
		return Response{}, false, same().Delete(&row{}).Error
	case found.Fingerprint != r.Fingerprint:
		return Response{}, false, ErrReused
	}
	response := Response{Status: found.Status}
	return response, true, json.Unmarshal([]byte(found.Header), &response.Header)
}

// store inserts a response, and deletes some expired responses.
func (s *Store) store(ctx context.Context, r Request, response Response) error {
	expired := s.db.Write(ctx).Model(&row{}).Select("user_id", "route", "key").
		Where("expires_at <= ?", database.At(s.clock.Steady())).
		Order("expires_at").Limit(sweepOnStore).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	if err := s.db.Write(ctx).Where("(user_id, route, key) IN (?)", expired).Delete(&row{}).Error; err != nil {
		return err
	}
	header, err := json.Marshal(response.Header)
	if err != nil {
		return err
	}
	return s.db.Write(ctx).Create(&row{
		UserID: r.User, Route: r.Route, Key: r.Key, Fingerprint: r.Fingerprint, Status: response.Status,
		Header: string(header), Body: []byte{}, ExpiresAt: database.At(s.clock.Now().Add(Lifetime)),
	}).Error
}

// DeleteByUser deletes at most limit responses to a user's requests, and returns their number. Errors: those of db.
func (s *Store) DeleteByUser(ctx context.Context, user uuid.UUID, limit int) (int, error) {
	done := s.db.Write(ctx).Exec(`DELETE FROM idempotency_keys WHERE (user_id, route, key) IN
		(SELECT user_id, route, key FROM idempotency_keys WHERE user_id = ? LIMIT ?)`, user, limit)
	return int(done.RowsAffected), done.Error
}

// Run calls Sweep once a minute until ctx is done.
func (s *Store) Run(ctx context.Context, log *zap.Logger) {
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Warn("expired Idempotency-Keys were not removed; the next attempt is in a minute", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep deletes expired responses, and the bodies that an earlier release stored. The lifetime of responses that were
// stored in the future, before the clock went back, begins now. Errors: those of db.
func (s *Store) Sweep(ctx context.Context) error {
	bodies := func(batch *gorm.DB) *gorm.DB { // the header stays: it holds no personal data
		return s.db.Write(ctx).Model(&row{}).Where("(user_id, route, key) IN (?)", batch).UpdateColumn("body", []byte{})
	}
	if err := s.sweepWhere(ctx, bodies, "length(body) > 0"); err != nil {
		return err
	}
	longest := database.At(s.clock.Now().Add(Lifetime))
	ahead := func(batch *gorm.DB) *gorm.DB {
		q := s.db.Write(ctx).Model(&row{}).Where("(user_id, route, key) IN (?)", batch)
		return q.UpdateColumn("expires_at", longest)
	}
	if err := s.sweepWhere(ctx, ahead, "expires_at > ?", longest); err != nil {
		return err
	}
	expired := func(batch *gorm.DB) *gorm.DB {
		return s.db.Write(ctx).Where("(user_id, route, key) IN (?)", batch).Delete(&row{})
	}
	return s.sweepWhere(ctx, expired, "expires_at <= ?", database.At(s.clock.Steady()))
}

// sweepWhere calls do with queries for the rows that meet a condition, in batches, so that every transaction is short.
func (s *Store) sweepWhere(
	ctx context.Context, do func(batch *gorm.DB) *gorm.DB, condition string, values ...any,
) error {
	for {
		batch := s.db.Write(ctx).Model(&row{}).Select("user_id", "route", "key").
			Where(condition, values...).Order("expires_at").Limit(sweepBatch)
		done := do(batch)
		if done.Error != nil || done.RowsAffected < sweepBatch {
			return done.Error
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond): // lets waiting requests use SQLite's only writer
		}
	}
}
