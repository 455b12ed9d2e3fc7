package httpserver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

// hangingReplicas is a store that does not respond.
type hangingReplicas struct{ called bool }

func (*hangingReplicas) Reading(ctx context.Context, _ uuid.UUID, _ ...uuid.UUID) context.Context {
	return ctx
}
func (*hangingReplicas) UsedReplica(context.Context) bool            { return false }
func (*hangingReplicas) Writing(ctx context.Context) context.Context { return ctx }
func (l *hangingReplicas) Wrote(ctx context.Context, _ uuid.UUID) error {
	l.called = ctx.Err() == nil
	<-ctx.Done()
	return ctx.Err()
}

func TestRecordWriteIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 100 * time.Millisecond
	refused := errs.New(errs.Unavailable, "unavailable", "gone")
	for name, handler := range map[string]fiber.Handler{
		"after its deadline":                    func(c *fiber.Ctx) error { <-c.UserContext().Done(); return refused },
		"that was rejected at once":             func(*fiber.Ctx) error { return refused },
		"that succeeded and cannot be recorded": func(*fiber.Ctx) error { return nil },
	} {
		t.Run("a write "+name, func(t *testing.T) {
			t.Parallel()
			store := &hangingReplicas{}
			s := &Server{replicas: store}
			app := fiber.New()
			var err error
			var elapsed time.Duration
			app.Post("/", func(c *fiber.Ctx) error {
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				c.SetUserContext(ctx)
				start := time.Now()
				err = s.recordWrite(func(_ *call, c *fiber.Ctx) error { return handler(c) })(&call{}, c)
				elapsed = time.Since(start)
				return nil
			})
			answer, failed := app.Test(httptest.NewRequest(http.MethodPost, "/", nil), 5000)
			require.NoError(t, failed)
			require.NoError(t, answer.Body.Close())
			require.Error(t, err)
			require.True(t, store.called, "the write is recorded, because it may have been committed")
			require.Less(t, elapsed, limit+recordGrace+time.Second)
		})
	}
}
