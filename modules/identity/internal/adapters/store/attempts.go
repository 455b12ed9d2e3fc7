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

// attemptsSweep is how many expired rows one counted attempt clears away: more than the four it adds, so that they
// cannot pile up, and no scheduler is needed.
const attemptsSweep = 20

// NewAttempts counts attempts in db, under keys that nobody can trace to an address without key: 32 random bytes, the same for all
// instances. Another key forgets every attempt.
func NewAttempts(db *database.DB, key []byte, limits domain.AttemptLimits, clock clock.Clock) ports.Attempts {
	return &attempts{
		db: db, hidden: hidden(key), limits: limits, clock: clock, refused: newRefusals(),
		made: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "healthcare_password_attempts_total", Help: "Attempts to prove a password that the throttle let through: each costs a hash.",
		}),
		right: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "healthcare_password_attempts_right_total", Help: "Attempts whose password was right.",
		}),
	}
}

type attempts struct {
	db     *database.DB
	hidden hidden
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
	return domain.Tally{Failures: r.Failures, FirstAt: r.FirstAt.Time, LastAt: r.LastAt.Time, SucceededAt: r.SucceededAt.Time}
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

// hidden makes keys that nobody can trace to an address without these 32 bytes.
type hidden []byte

// key is the HMAC-SHA-256 of the parts, each behind its length, so that no two lists of parts are one text.
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

func (a *attempts) Succeeded(ctx context.Context, attempt domain.Attempt) error {
	err := a.db.Do(ctx, func(ctx context.Context) error {
		err := a.change(ctx, attempt, func(t *domain.Tallies, now time.Time) error {
			t.Succeed(now)
			return nil
		})
		if err != nil {
			return err
		}
		return a.remember(ctx, attempt)
	})
	if err == nil {
		a.right.Inc()
	}
	return err
}

// change applies rule to an attempt's tallies while nobody else can change them, and stores what came of it. It holds
// the rows until the transaction of ctx ends.
func (a *attempts) change(ctx context.Context, attempt domain.Attempt, rule func(*domain.Tallies, time.Time) error) error {
	keys := a.keysOf(attempt)
	return a.db.Do(ctx, func(ctx context.Context) error {
		rows, err := a.lock(ctx, keys.used())
		if err != nil {
			return err
		}
		now, tallies := a.clock.Now(), keys.tallies(rows) // under the lock, for waiting for it took time
		if err := rule(&tallies, now); err != nil {
			return err
		}
		return a.write(ctx, keys, tallies, now)
	})
}

// lock is the rows of keys, held until the transaction ends. Those that are missing are added, empty, for a row that is
// not there cannot be held. Everybody takes an account before a client before a wide one before a pair, so nobody waits
// for one who waits for them.
func (a *attempts) lock(ctx context.Context, keys []string) ([]attemptRow, error) {
	rows := make([]attemptRow, 0, len(keys))
	for _, key := range keys {
		rows = append(rows, attemptRow{Key: key, ExpiresAt: database.At(a.clock.Now())})
	}
	held := clause.OnConflict{Columns: []clause.Column{{Name: "key"}}, DoUpdates: clause.AssignmentColumns([]string{"key"})} // changes nothing, but locks
	returned := clause.Returning{Columns: []clause.Column{{Name: "key"}, {Name: "failures"}, {Name: "first_at"}, {Name: "last_at"}, {Name: "succeeded_at"}, {Name: "expires_at"}}}
	return rows, a.db.Write(ctx).Clauses(held, returned).Create(&rows).Error
}

// write stores what still counts of tallies and drops the rest. The rows are locked. Successes are in known_clients;
// succeeded_at, which the release before wrote, stays until the pair succeeds again.
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

// sweep forgets a few expired rows. It passes over what others hold: that is in use again, or being swept. What it deletes it holds itself, so
// it comes last: whoever waits for one of those rows is not waited for.
func (a *attempts) sweep(ctx context.Context) error {
	expired := a.db.Write(ctx).Model(&attemptRow{}).Select("key").Where("expires_at <= ?", database.At(a.clock.Now())).
		Order("expires_at").Limit(attemptsSweep).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	return a.db.Write(ctx).Where("key IN (?)", expired).Delete(&attemptRow{}).Error
}
