package database_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/telemetry"
)

func TestStatementsAreTraced(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		cfg.SlowQuery = time.Nanosecond
		core, lines := observer.New(zap.WarnLevel)
		db := openStore(t, cfg, zap.New(core))
		recorded := tracetest.NewSpanRecorder()
		tracing := telemetry.TracingWith(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded)))
		require.NoError(t, db.Trace(tracing))
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		require.Empty(t, recorded.Ended(), "statements outside a request should have no span")

		// request returns the spans of a request that calls work.
		request := func(
			t *testing.T, work func(ctx context.Context),
		) (spans map[string]sdktrace.ReadOnlySpan, root sdktrace.ReadOnlySpan) {
			recorded.Reset()
			lines.TakeAll()
			ctx, span := tracing.StartServer(t.Context(), "", "request")
			work(ctx)
			span.End()
			spans = map[string]sdktrace.ReadOnlySpan{}
			for _, s := range recorded.Ended() {
				require.NotContains(t, fmt.Sprint(s.Attributes(), s.Status(), s.Events(), s.Name()), canary)
				spans[s.Name()] = s
			}
			return spans, spans["request"]
		}
		requireChild := func(t *testing.T, parent, child sdktrace.ReadOnlySpan) {
			t.Helper()
			require.NotNil(t, child)
			require.Equal(t, parent.SpanContext().SpanID(), child.Parent().SpanID(),
				"%s should be a child of %s", child.Name(), parent.Name())
		}
		t.Run("as children of their request, with placeholders", func(t *testing.T) {
			spans, root := request(t, func(ctx context.Context) {
				require.NoError(t, add(ctx, db, canary))
				byID := db.Read(ctx).Table("things").Where("id = ?", canary)
				require.NoError(t, byID.Limit(7001).Find(&[]map[string]any{}).Error)
				require.NoError(t, db.Write(ctx).Table("things").Where("id = ?", canary).Update("n", 7002).Error)
				require.Len(t, things(ctx, t, db), 1)
				require.NoError(t, db.Write(ctx).Table("things").Where("id = ?", canary).Delete(nil).Error)
				require.NoError(t, db.Write(ctx).Table("things").Create(map[string]any{"id": canary, "n": 7003}).Error)
				require.Error(t, db.Read(ctx).Table("things").Where("id = 'nobody'").Take(&map[string]any{}).Error)
			})
			for name, operation := range map[string]string{
				"INSERT": "INSERT", "SELECT things": "SELECT", "UPDATE things": "UPDATE",
				"SELECT": "SELECT", "DELETE things": "DELETE", "INSERT things": "INSERT",
			} {
				requireChild(t, root, spans[name])
				all := map[string]string{}
				for _, a := range spans[name].Attributes() {
					all[string(a.Key)] = a.Value.String()
				}
				require.Equal(t, operation, all["db.operation.name"])
				require.Equal(t, strings.ToLower(db.Engine().String()), all["db.system.name"])
				require.True(t, strings.HasPrefix(all["db.query.text"], operation+" "), all)
				require.NotContains(t, all["db.query.text"], "700", "numbers should be placeholders, too")
				require.Equal(t, codes.Unset, spans[name].Status().Code, "a missing row is not an error")
			}
			for _, line := range lines.All() {
				require.Equal(t, root.SpanContext().TraceID().String(), line.ContextMap()["trace_id"],
					"the log of a slow statement should identify its request")
			}
		})
		t.Run("as children of their transaction", func(t *testing.T) {
			spans, root := request(t, func(ctx context.Context) {
				require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
					return db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, canary+"2") })
				}))
			})
			require.Len(t, spans, 3)
			requireChild(t, root, spans["transaction"])
			requireChild(t, spans["transaction"], spans["INSERT"])
		})
		t.Run("with the kind of an error instead of its text", func(t *testing.T) {
			spans, _ := request(t, func(ctx context.Context) {
				require.Error(t, db.Do(ctx, func(ctx context.Context) error {
					return errors.Join(add(ctx, db, canary), errors.New(canary))
				}))
			})
			for _, name := range []string{"transaction", "INSERT"} {
				require.Equal(t, codes.Error, spans[name].Status().Code, name)
				require.Contains(t, fmt.Sprint(spans[name].Attributes()), "conflict", name)
			}
		})
		t.Run("with a bounded text", func(t *testing.T) {
			spans, _ := request(t, func(ctx context.Context) {
				long := db.Read(ctx).Table("things").Where("id IN ?", make([]string, 3000))
				require.NoError(t, long.Find(&[]map[string]any{}).Error)
			})
			for _, a := range spans["SELECT things"].Attributes() {
				require.LessOrEqual(t, len(a.Value.String()), 2048)
			}
		})
	})
}

func TestDisabledTracing(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		db := openStore(t, cfg, zap.NewNop())
		require.NoError(t, db.Trace(nil))
		require.Nil(t, db.Write(t.Context()).Callback().Query().Get("healthcare:begin"))
		require.NoError(t, db.Trace(telemetry.TracingWith(sdktrace.NewTracerProvider())))
		require.NotNil(t, db.Write(t.Context()).Callback().Query().Get("healthcare:begin"),
			"the callback should have this name")
	})
}
