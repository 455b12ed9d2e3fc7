package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/idempotency"
)

func TestAtomicity(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		failed := errors.New("the effect failed after it wrote")
		for what, end := range map[string]func(ctx context.Context, cancel func()) error{
			"fails":              func(context.Context, func()) error { return failed },
			"panics":             func(context.Context, func()) error { panic(failed) },
			"loses its client":   func(_ context.Context, cancel func()) error { cancel(); return nil },
			"ends its goroutine": func(context.Context, func()) error { runtime.Goexit(); return nil },
			"drops the table of the responses": func(ctx context.Context, _ func()) error {
				return d.db.Write(ctx).Exec(`DROP TABLE idempotency_keys`).Error
			},
		} {
			t.Run("an effect that "+what+" leaves no rows and a free key", func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				effect := func(ctx context.Context) (idempotency.Response, error) {
					answer, err := d.effect(what)(ctx)
					require.NoError(t, err)
					return answer, end(ctx, cancel)
				}
				over := make(chan error, 1)
				go func() {
					defer close(over)
					defer func() { _ = recover() }()
					_, _, err := d.Once(ctx, request(what), effect)
					over <- err
				}()
				if err, returned := <-over; returned {
					require.Error(t, err)
				}
				require.Zero(t, d.count(t, what))
				require.Zero(t, d.count(t, ""))

				var replayed bool
				// PostgreSQL detects the closed connection, and releases its lock, a moment later.
				require.Eventually(t, func() bool {
					_, again, err := d.Once(t.Context(), request(what), d.effect(what))
					replayed = again
					return err == nil
				}, time.Minute, 10*time.Millisecond)
				require.False(t, replayed)
				require.Equal(t, 1, d.count(t, what))
				require.NoError(t, d.db.Write(t.Context()).Exec(`DELETE FROM idempotency_keys`).Error)
			})
		}
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		for i := range 50 {
			_, _, err := d.Once(t.Context(), request(fmt.Sprint("old ", i)), d.effect("old"))
			require.NoError(t, err)
		}
		d.clock.Advance(idempotency.Lifetime)
		t.Run("storing a response deletes twenty expired responses, and no others", func(t *testing.T) {
			for i, left := range []int{31, 12, 3, 4} {
				_, _, err := d.Once(t.Context(), request(fmt.Sprint("new ", i)), d.effect("new"))
				require.NoError(t, err)
				require.Equal(t, left, d.count(t, ""))
			}
		})
		t.Run("a repetition deletes no response", func(t *testing.T) {
			d.clock.Advance(idempotency.Lifetime - time.Microsecond)
			_, replayed, err := d.Once(t.Context(), request("new 0"), d.effect("new"))
			require.NoError(t, err)
			require.True(t, replayed)
			require.Equal(t, 4, d.count(t, ""))
		})
	})
}

func TestSweepRuns(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		_, _, err := d.Once(t.Context(), request("kept"), d.effect("kept"))
		require.NoError(t, err)
		require.NoError(
			t,
			d.db.Write(t.Context()).
				Exec(`UPDATE idempotency_keys SET body = ?`, []byte("canary of the previous release")).Error,
		)
		bodies := func() (n int) {
			require.NoError(
				t,
				d.db.Read(t.Context()).
					Raw(`SELECT count(*) FROM idempotency_keys WHERE length(body) > 0`).Scan(&n).Error,
			)
			return n
		}
		require.Equal(t, 1, bodies())
		require.NoError(t, d.Sweep(t.Context()))
		require.Zero(t, bodies(), "a body that an earlier release stored is deleted")
		require.Equal(t, 1, d.count(t, ""), "the key of a deleted body remains")
		d.clock.Advance(idempotency.Lifetime)
		require.NoError(t, d.Sweep(t.Context()))
		require.Zero(t, d.count(t, ""))

		idempotency.SweepEvery(d.Store, 5*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { d.Run(ctx, zap.NewNop()); close(ended) }()
		for i := range 3 { // the first sweep is immediate, the ticker starts the others
			_, _, err := d.Once(t.Context(), request(fmt.Sprint("swept ", i)), d.effect("swept"))
			require.NoError(t, err)
			d.clock.Advance(idempotency.Lifetime)
			require.Eventually(t, func() bool { return d.count(t, "") == 0 }, 10*time.Second, 5*time.Millisecond)
		}
		cancel()
		<-ended
	})
}

func TestDeleteByUser(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		for i := range 3 {
			_, _, err := d.Once(t.Context(), request(fmt.Sprint("mine ", i)), d.effect("mine"))
			require.NoError(t, err)
		}
		user := request("mine 0").User
		for _, expected := range []int{2, 1, 0} {
			removed, err := d.DeleteByUser(t.Context(), user, 2)
			require.NoError(t, err)
			require.Equal(t, expected, removed)
		}
	})
}
