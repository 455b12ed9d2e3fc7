package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// attemptsSweep is the number of expired rows that one counted attempt deletes: more than the four that it adds, so
// that rows do not accumulate and no scheduler is needed.
const attemptsSweep = 20

// NewAttempts returns a ports.Attempts that counts in db. Its keys cannot be traced to an address without key: 32
// random bytes, the same for all instances. Another key resets all counts. Accounts still know the clients that they
// know by one of the previous keys.
func NewAttempts(
	db *database.DB, key []byte, limits domain.AttemptLimits, clk clock.Clock, previous ...[]byte,
) ports.Attempts {
	known := []hidden{hidden(key)}
	for _, earlier := range previous {
		known = append(known, hidden(earlier))
	}
	return &attempts{
		db: db, hidden: hidden(key), known: known, limits: limits, clock: clk, refused: newRefusals(),
		made: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "healthcare_password_attempts_total",
			Help: "Password attempts admitted; each costs a hash.",
		}),
		right: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "healthcare_password_attempts_right_total", Help: "Attempts whose password was right.",
		}),
	}
}

type attempts struct {
	db     *database.DB
	hidden hidden
	known  []hidden // for known clients, newest first
	limits domain.AttemptLimits
	clock  clock.Clock

	refused     *prometheus.CounterVec // by limit
	made, right prometheus.Counter
}

type attemptRow struct {
	Key         string
	Failures    int
	FirstAt     database.Time
	LastAt      database.Time
	SucceededAt database.Time
	ExpiresAt   database.Time
}

func (attemptRow) TableName() string { return "signin_attempts" }

func (r attemptRow) tally() domain.Tally {
	return domain.Tally{
		Failures: r.Failures, FirstAt: r.FirstAt.Time, LastAt: r.LastAt.Time, SucceededAt: r.SucceededAt.Time,
	}
}

// scopeKeys are the keys of an attempt's rows, by scope; "" for a scope that the attempt is not counted in.
type scopeKeys [len(domain.Tallies{})]string

func (a *attempts) keysOf(attempt domain.Attempt) scopeKeys {
	mailbox, prefix := domain.Mailbox(attempt.Mailbox), attempt.Prefix()
	keys := scopeKeys{
		domain.Account: a.hidden.key("account", mailbox),
		domain.Client:  a.hidden.key("client", prefix),
		domain.Pair:    a.hidden.key("pair", mailbox, prefix),
	}
	if wide := attempt.WidePrefix(); wide != "" {
		keys[domain.WideClient] = a.hidden.key("client", wide)
	}
	return keys
}

// used returns the keys of the scopes that the attempt is counted in.
func (k scopeKeys) used() []string {
	return slices.DeleteFunc(slices.Clone(k[:]), func(key string) bool { return key == "" })
}

// hidden makes keys that cannot be traced to an address without these 32 bytes.
type hidden []byte

// key returns the HMAC-SHA-256 of the parts, each after its length, so that different lists of parts differ.
func (h hidden) key(parts ...string) string {
	mac := hmac.New(sha256.New, h)
	for _, part := range parts {
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash never fails
		_, _ = mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func (k scopeKeys) tallies(rows []attemptRow) (t domain.Tallies) {
	for _, r := range rows {
		if scope := slices.Index(k[:], r.Key); scope >= 0 {
			t[scope] = r.tally()
		}
	}
	return t
}

func (a *attempts) Check(ctx context.Context, attempt domain.Attempt) (known bool, err error) {
	keys := a.keysOf(attempt)
	var rows []attemptRow
	if err := a.db.Read(ctx).Where("key IN ?", keys.used()).Find(&rows).Error; err != nil {
		return false, err
	}
	tallies := keys.tallies(rows)
	if err := a.addKnown(a.db.Read(ctx), attempt, &tallies); err != nil {
		return false, err
	}
	now := a.clock.Now()
	return tallies.Known(now), a.admit(tallies, attempt, now)
}

func (a *attempts) Count(ctx context.Context, attempt domain.Attempt) error {
	err := a.db.Do(ctx, func(ctx context.Context) error {
		err := a.change(ctx, attempt, func(t *domain.Tallies, now time.Time) error {
			if err := a.addKnown(a.db.Write(ctx), attempt, t); err != nil {
				return err
			}
			if err := a.admit(*t, attempt, now); err != nil {
				return err
			}
			t.Count(now)
			return nil
		})
		if err != nil {
			return err
		}
		return a.sweep(ctx)
	})
	if err == nil {
		a.made.Inc()
	}
	return err
}

func (a *attempts) Succeeded(ctx context.Context, attempt domain.Attempt) (isNew bool, err error) {
	err = a.db.Do(ctx, func(ctx context.Context) error {
		err := a.change(ctx, attempt, func(t *domain.Tallies, now time.Time) error {
			t.Succeed(now)
			return nil
		})
		if err != nil {
			return err
		}
		isNew, err = a.remember(ctx, attempt)
		return err
	})
	if err == nil {
		a.right.Inc()
	}
	return isNew, err
}

// change locks an attempt's tallies until the transaction of ctx ends, applies rule and stores the result.
func (a *attempts) change(
	ctx context.Context, attempt domain.Attempt, rule func(*domain.Tallies, time.Time) error,
) error {
	keys := a.keysOf(attempt)
	return a.db.Do(ctx, func(ctx context.Context) error {
		rows, err := a.lock(ctx, keys.used())
		if err != nil {
			return err
		}
		now, tallies := a.clock.Now(), keys.tallies(rows) // after waiting for the lock
		if err := rule(&tallies, now); err != nil {
			return err
		}
		return a.write(ctx, keys, tallies, now)
	})
}

// lock locks the rows of keys until the transaction ends, and returns them. Missing rows are added, because they cannot
// be locked otherwise. The order is always account, client, wide client, pair, which prevents deadlocks.
func (a *attempts) lock(ctx context.Context, keys []string) ([]attemptRow, error) {
	rows := make([]attemptRow, 0, len(keys))
	for _, key := range keys {
		rows = append(rows, attemptRow{Key: key, ExpiresAt: database.At(a.clock.Now())})
	}
	held := clause.OnConflict{ // changes nothing, but locks
		Columns:   []clause.Column{{Name: "key"}},
		DoUpdates: clause.AssignmentColumns([]string{"key"}),
	}
	returned := clause.Returning{Columns: []clause.Column{
		{Name: "key"}, {Name: "failures"}, {Name: "first_at"}, {Name: "last_at"}, {Name: "succeeded_at"},
		{Name: "expires_at"},
	}}
	return rows, a.db.Write(ctx).Clauses(held, returned).Create(&rows).Error
}

// write stores the tallies that still count and deletes the others. The rows are locked. Successes are in
// known_clients; succeeded_at, which earlier releases wrote, stays until the pair succeeds again.
func (a *attempts) write(ctx context.Context, keys scopeKeys, tallies domain.Tallies, now time.Time) error {
	var kept []attemptRow
	var over []string
	for scope, key := range keys {
		if key == "" {
			continue
		}
		tallies[scope].SucceededAt = time.Time{}
		t, ends := tallies[scope], tallies.Ends(domain.Scope(scope))
		if !now.Before(ends) {
			over = append(over, key)
			continue
		}
		kept = append(kept, attemptRow{
			Key: key, Failures: t.Failures, FirstAt: database.At(t.FirstAt),
			LastAt: database.At(t.LastAt), ExpiresAt: database.At(ends),
		})
	}
	if len(over) > 0 {
		if err := a.db.Write(ctx).Where("key IN ?", over).Delete(&attemptRow{}).Error; err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return nil
	}
	stored := clause.OnConflict{
		Columns:   []clause.Column{{Name: "key"}},
		DoUpdates: clause.AssignmentColumns([]string{"failures", "first_at", "last_at", "expires_at"}),
	}
	return a.db.Write(ctx).Clauses(stored).Create(&kept).Error
}

// sweep deletes a few expired rows. It skips locked rows, which are in use again or being deleted. It locks the rows
// that it deletes, so it runs last, which prevents deadlocks.
func (a *attempts) sweep(ctx context.Context) error {
	expired := a.db.Write(ctx).Model(&attemptRow{}).Select("key").
		Where("expires_at <= ?", database.At(a.clock.Steady())).Order("expires_at").Limit(attemptsSweep).
		Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	return a.db.Write(ctx).Where("key IN (?)", expired).Delete(&attemptRow{}).Error
}
