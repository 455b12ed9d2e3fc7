package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/idempotency"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// env holds the keys under test and a table to which effects write.
type env struct {
	*idempotency.Store
	cfg   database.Config
	db    *database.DB
	clock *clock.Manual
}

// each runs test once per engine.
func each(t *testing.T, test func(t *testing.T, d env)) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		d := another(t, env{cfg: cfg, clock: clock.At(now)})
		require.NoError(t, d.db.Write(t.Context()).Exec(`CREATE TABLE effects (name text NOT NULL)`).Error)
		test(t, d)
	})
}

// another returns a second instance on the same database.
func another(t *testing.T, d env) env {
	t.Helper()
	db, err := database.Open(d.cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(t.Context()))
	return env{Store: idempotency.New(db, d.clock), cfg: d.cfg, db: db, clock: d.clock}
}

// effect returns an effect that inserts a row and returns a response with status 201.
func (d env) effect(name string) func(context.Context) (idempotency.Response, error) {
	return func(ctx context.Context) (idempotency.Response, error) {
		err := d.db.Write(ctx).Exec(`INSERT INTO effects (name) VALUES (?)`, name).Error
		return created(name), err
	}
}

func created(name string) idempotency.Response {
	return idempotency.Response{Status: 201, Header: map[string]string{"Location": "/" + name, "ETag": `"v1"`}}
}

// count returns the number of effects with a name, or the number of stored responses if name is empty.
func (d env) count(t require.TestingT, name string) (n int) {
	q := d.db.Read(context.Background()).Raw(`SELECT count(*) FROM idempotency_keys`)
	if name != "" {
		q = d.db.Read(context.Background()).Raw(`SELECT count(*) FROM effects WHERE name = ?`, name)
	}
	require.NoError(t, q.Scan(&n).Error)
	return n
}

func request(key string) idempotency.Request {
	return idempotency.Request{
		User: uuid.NewSHA1(uuid.Nil, []byte("Asha")), Route: "POST /api/patients/", Key: key, Fingerprint: "f",
	}
}

func TestOnce(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		ctx := t.Context()
		t.Run("returns the first response to a repetition, without a second effect", func(t *testing.T) {
			for i := range 3 {
				given, replayed, err := d.Once(ctx, request("once"), d.effect("once"))
				require.NoError(t, err)
				require.Equal(t, i > 0, replayed)
				require.Equal(t, created("once"), given)
			}
			require.Equal(t, 1, d.count(t, "once"))
		})
		t.Run("another instance replays the response, too", func(t *testing.T) {
			given, replayed, err := another(t, d).Once(ctx, request("once"), d.effect("once"))
			require.NoError(t, err)
			require.True(t, replayed)
			require.Equal(t, created("once"), given)
		})
		t.Run("rejects a different body, and keeps the first response", func(t *testing.T) {
			other := request("once")
			other.Fingerprint = "g"
			_, _, err := d.Once(ctx, other, d.effect("once"))
			require.ErrorIs(t, err, idempotency.ErrReused)
			_, replayed, err := d.Once(ctx, request("once"), d.effect("once"))
			require.NoError(t, err)
			require.True(t, replayed)
			require.Equal(t, 1, d.count(t, "once"))
		})
		t.Run("a request with a different user, route or key has its own effect", func(t *testing.T) {
			others := []idempotency.Request{request("once"), request("once"), request("ONCE")}
			others[0].User = uuid.New()
			others[1].Route = "POST /api/doctors/"
			for i, other := range others {
				_, replayed, err := d.Once(ctx, other, d.effect("apart"))
				require.NoError(t, err)
				require.False(t, replayed)
				require.Equal(t, i+1, d.count(t, "apart"))
			}
		})
		t.Run("a response expires to the microsecond, and its key can be used again", func(t *testing.T) {
			_, _, err := d.Once(ctx, request("old"), d.effect("old"))
			require.NoError(t, err)
			d.clock.Advance(idempotency.Lifetime - time.Microsecond)
			_, replayed, err := d.Once(ctx, request("old"), d.effect("old"))
			require.NoError(t, err)
			require.True(t, replayed)
			d.clock.Advance(time.Microsecond)
			again := request("old")
			again.Fingerprint = "g"
			given, replayed, err := d.Once(ctx, again, d.effect("renewed"))
			require.NoError(t, err)
			require.False(t, replayed)
			require.Equal(t, created("renewed"), given)
			require.Equal(t, 1, d.count(t, "renewed"))
		})
	})
}

// A response that was stored in the future, before the clock was set back, is returned for a day from then on.
func TestTheClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		ctx := t.Context()
		for _, ahead := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
			name := ahead.String()
			d.clock.Advance(ahead)
			_, _, err := d.Once(ctx, request(name), d.effect(name))
			require.NoError(t, err)
			d.clock.Advance(-ahead)
			for _, again := range []env{d, another(t, d)} {
				_, replayed, err := again.Once(ctx, request(name), again.effect(name))
				require.NoError(t, err)
				require.True(t, replayed)
			}
			require.NoError(t, d.Sweep(ctx))
			d.clock.Advance(idempotency.Lifetime - time.Microsecond)
			_, replayed, err := d.Once(ctx, request(name), d.effect(name))
			require.NoError(t, err)
			require.True(t, replayed)
			d.clock.Advance(time.Microsecond)
			_, replayed, err = d.Once(ctx, request(name), d.effect(name))
			require.NoError(t, err)
			require.False(t, replayed)
			require.Equal(t, 2, d.count(t, name))
		}
	})
}

// A clock that is set forward by mistake does not expire responses: once it is set back, clients repeat their requests.
func TestTheClockIsSetForwardByMistake(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		replays := func(want bool) {
			t.Helper()
			_, replayed, err := d.Once(t.Context(), request("a"), d.effect("a"))
			require.NoError(t, err)
			require.Equal(t, want, replayed)
		}
		replays(false)
		d.clock.Set(25 * time.Hour)
		require.NoError(t, d.Sweep(t.Context()))
		_, _, err := d.Once(t.Context(), request("b"), d.effect("b")) // deletes expired responses
		require.NoError(t, err)
		replays(true)
		d.clock.Set(-25 * time.Hour)
		replays(true)
		require.Equal(t, 1, d.count(t, "a"))
		d.clock.Advance(24 * time.Hour)
		replays(false)
	})
}

func TestInFlight(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		ctx := t.Context()
		instances := []env{d}
		// With SQLite, the second process would wait for the first, and then return the stored response.
		if d.db.Engine() == database.Postgres {
			instances = append(instances, another(t, d))
		}
		for i, other := range instances {
			t.Run(fmt.Sprintf("rejects a concurrent request on instance %d", i), func(t *testing.T) {
				name := fmt.Sprint("flight ", i)
				effect := func(ctx context.Context) (idempotency.Response, error) {
					_, _, err := other.Once(t.Context(), request(name), other.effect(name))
					require.ErrorIs(t, err, idempotency.ErrInFlight)
					require.Equal(t, errs.Conflict, errs.KindOf(err))
					reused := request(name)
					reused.Fingerprint = "g"
					_, _, err = other.Once(t.Context(), reused, other.effect(name))
					require.ErrorIs(t, err, idempotency.ErrInFlight, "no response is stored yet")
					return d.effect(name)(ctx)
				}
				given, replayed, err := d.Once(ctx, request(name), effect)
				require.NoError(t, err)
				require.False(t, replayed)
				again, replayed, err := other.Once(ctx, request(name), other.effect(name))
				require.NoError(t, err)
				require.True(t, replayed)
				require.Equal(t, given, again)
				require.Equal(t, 1, d.count(t, name))
			})
		}
		t.Run("only one of many concurrent requests to all instances has an effect", func(t *testing.T) {
			var all sync.WaitGroup
			var effects atomic.Int32
			for i := range 60 {
				at := instances[i%len(instances)]
				all.Go(func() {
					for {
						given, replayed, err := at.Once(ctx, request("storm"), at.effect("storm"))
						if errors.Is(err, idempotency.ErrInFlight) {
							time.Sleep(time.Millisecond)
							continue
						}
						if err != nil || given.Status != 201 {
							t.Errorf("%v %v", err, given)
						}
						if !replayed {
							effects.Add(1)
						}
						return
					}
				})
			}
			all.Wait()
			require.Equal(t, int32(1), effects.Load())
			require.Equal(t, 1, d.count(t, "storm"))
		})
	})
}
