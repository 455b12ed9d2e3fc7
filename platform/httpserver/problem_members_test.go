package httpserver

import (
	"encoding/json"
	"math"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/audittest"
	"healthcare/platform/clock"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/idempotency"
)

// writtenProblem returns the members of the problem for err, and the log.
func writtenProblem(t *testing.T, django bool, err error) (members map[string]any, logged *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zapcore.DebugLevel)
	s := &Server{cfg: Config{Django: django}, log: zap.New(core)}
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/api/seats/")
	s.writeProblem(&ctx, "the-id", "/api/seats/", err)
	require.NoError(t, json.Unmarshal(ctx.Response.Body(), &members), "%s", ctx.Response.Body())
	return members, logged
}

func TestExtensionMembers(t *testing.T) {
	type seat struct {
		Row int `json:"row"`
	}
	errTaken := errs.New(errs.Conflict, "seat_taken", "The seat is taken.")
	for _, django := range []bool{false, true} {
		standard, _ := writtenProblem(t, django, errTaken)
		require.Equal(t, "seat_taken", standard["code"])
		t.Run("are members of the body", func(t *testing.T) {
			members := map[string]any{"free": []seat{{1}, {2}}, "next": nil}
			got, logged := writtenProblem(t, django, errTaken.With(members))
			require.Equal(t, []any{map[string]any{"row": 1.0}, map[string]any{"row": 2.0}}, got["free"])
			require.Contains(t, got, "next")
			delete(got, "free")
			delete(got, "next")
			require.Equal(t, standard, got)
			require.Zero(t, logged.Len())
		})
		t.Run("do not override other members", func(t *testing.T) {
			all := map[string]any{"errors": 1}
			for name := range standard {
				all[name] = 1
			}
			got, logged := writtenProblem(t, django, errTaken.With(all))
			require.Equal(t, standard, got)
			require.Zero(t, logged.Len())
			require.Len(t, all, len(standard)+1, "the error does not change")
		})
		t.Run("are omitted and logged if JSON cannot represent them", func(t *testing.T) {
			got, logged := writtenProblem(t, django, errTaken.With(map[string]any{"free": math.NaN()}))
			require.Equal(t, standard, got)
			require.Equal(t, 1, logged.Len())
			require.Equal(t, "seat_taken", logged.All()[0].ContextMap()["code"])
		})
	}
}

const seatsDocument = `
openapi: 3.0.3
info: {title: Seats, version: "1.0"}
x-problems: {seat_taken: The seat is taken.}
x-problem-members: {free: {type: array, description: With seat_taken., items: {type: integer}}}
paths:
  /api/seats/:
    post: {operationId: reserve, x-access: authenticated, responses: {"201": {description: Reserved.}}}
`

// TestExtensionMembersWithAKey verifies that a repeated request gets current members: a problem is not stored.
func TestExtensionMembersWithAKey(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	reserve := func(*fiber.Ctx) error {
		return errs.New(errs.Conflict, "seat_taken", "Taken.").With(map[string]any{"free": []int64{calls.Add(1)}})
	}
	server, err := New(
		Config{
			Address: "127.0.0.1:0", BodyLimit: 4096, HeaderLimit: 2048, URLLimit: 512, Connections: 32,
			HandlerTimeout: time.Minute, CursorKeys: testKeys(),
		}, zap.NewNop(), oneToken{}, contractOf(t, seatsDocument), nil,
		idempotency.New(databasetest.SQLite(t), clock.New()), new(audittest.Recorder), unobserved(),
		func(router fiber.Router) { router.Post("/api/seats/", reserve) },
	)
	require.NoError(t, err)
	s := &testServer{Server: server}
	require.NoError(t, s.Listen())
	t.Cleanup(func() { _ = s.app.Shutdown() })
	for _, want := range []string{`"free":[1]`, `"free":[2]`} {
		a := s.send(t, http.MethodPost, "/api/seats/", "{}", "Authorization: Bearer "+token, "Idempotency-Key: k")
		require.Equal(t, "seat_taken", requireProblem(t, a, http.StatusConflict).Code)
		require.Contains(t, a.body, want)
		require.Empty(t, a.header.Get("Idempotent-Replayed"))
	}
}
