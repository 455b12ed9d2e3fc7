package httpserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
	"healthcare/platform/contract"
	"healthcare/platform/paging"
	"healthcare/platform/rest"
)

// BenchmarkShares measures the cost of charging a list request: the trail's budget, and memory for the page and the
// response.
func BenchmarkShares(b *testing.B) {
	s := &Server{cfg: Config{HandlerTimeout: time.Second, RecordedPerHour: 1 << 30}}
	s.shares = newShares(s.cfg)
	app := fiber.New()
	op := &contract.Operation{List: &contract.ListRules{}, Method: http.MethodGet}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		for pb.Next() {
			call := &call{shares: &s.shares}
			call.Operation, call.Principal, call.Address = op, someone, netip.MustParseAddr("192.0.2.1")
			call.Settings = &s.settings
			if call.spend(c) != nil || call.reserve(c) != nil {
				b.Error("rejected")
			}
			call.lease.Resize(20_000)
			call.release()
		}
	})
}

// newListCall returns a call of a list operation with the given query, on a new server.
func newListCall(t *testing.T, query string, headers ...string) (*call, *fiber.Ctx) {
	t.Helper()
	s := &Server{cfg: Config{HandlerTimeout: time.Second}}
	s.shares = newShares(s.cfg)
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/things/?" + query)
	for i := 0; i < len(headers); i += 2 {
		ctx.Request.Header.Set(headers[i], headers[i+1])
	}
	app := fiber.New()
	c := app.AcquireCtx(&ctx)
	t.Cleanup(func() { app.ReleaseCtx(c) })
	return &call{shares: &s.shares, Call: rest.Call{
		Operation: &contract.Operation{
			List: &contract.ListRules{Heavy: []string{"doctor", "gender"}}, Method: http.MethodGet,
		},
		Principal: someone, Address: netip.MustParseAddr("192.0.2.1"), Settings: &s.settings,
	}}, c
}

func TestWeightsOfLists(t *testing.T) {
	t.Parallel()
	for query, weight := range map[string]int64{
		"": 0, "limit=200": 0, "limit=500": 1, "search=a": 2, "search=a&limit=201": 3, "search=": 0,
		"doctor=1": 1, "doctor=1&gender=Other": 1, "doctor=1&search=a": 3, "doctor=": 0, "id=1": 0,
	} {
		call, c := newListCall(t, query)
		require.Equal(t, weight, call.weight(c), query)
		call, c = newListCall(t, query, "Prefer", "count=exact")
		require.Equal(t, weight+2, call.weight(c), query)
	}
}

// While other callers use the whole capacity for heavy reads, a further heavy read waits and an ordinary page does not.
func TestHeavyReadsWaitForSlots(t *testing.T) {
	t.Parallel()
	call, c := newListCall(t, "search=a")
	attacker := admission.NewCaller(netip.MustParseAddr("198.51.100.1"), "")
	slots, err := call.shares.heavy.Lease(t.Context(), attacker, 1<<20)
	require.NoError(t, err)
	c.SetUserContext(shortContext(t))
	require.ErrorIs(t, call.reserve(c), admission.ErrBusy)
	c.Request().URI().SetQueryString("limit=100")
	c.SetUserContext(shortContext(t))
	require.NoError(t, call.reserve(c))
	call.release()
	slots.Release()
	c.Request().URI().SetQueryString("search=a")
	require.NoError(t, call.reserve(c))
	call.release()
}

// A heavy operation leases a share of heavy work, which it releases, and waits for it.
func TestHeavyOperationsTakeAShare(t *testing.T) {
	t.Parallel()
	call, c := newListCall(t, "")
	call.Operation = &contract.Operation{Heavy: true, Method: http.MethodPost}
	require.NoError(t, call.reserve(c))
	attacker := admission.NewCaller(netip.MustParseAddr("198.51.100.1"), "")
	_, err := call.shares.heavy.Lease(shortContext(t), attacker, 1<<20)
	require.ErrorIs(t, err, admission.ErrBusy)
	call.release()
	all, err := call.shares.heavy.Lease(t.Context(), attacker, 1<<20)
	require.NoError(t, err)
	c.SetUserContext(shortContext(t))
	require.ErrorIs(t, call.reserve(c), admission.ErrBusy)
	all.Release()
}

// A list reserves memory by its limit, then for the largest page if its items are large, and releases all of it.
func TestListsReserveMemory(t *testing.T) {
	t.Parallel()
	call, c := newListCall(t, "limit=50&search=a")
	memory, heavy := call.shares.memory, call.shares.heavy
	require.NoError(t, call.reserve(c))
	require.Equal(t, 50*ordinaryItem, call.PageBytes)
	require.NoError(t, call.reservePage(c, paging.MaxBytes))
	free := func(r *admission.Resource, weight int64) bool {
		lease, err := r.Lease(shortContext(t), call.caller(), weight)
		lease.Release()
		return err == nil
	}
	require.True(t, free(memory, memoryBytes-2*paging.MaxBytes))
	require.False(t, free(memory, memoryBytes-2*paging.MaxBytes+1))
	call.release()
	require.True(t, free(memory, memoryBytes))
	require.True(t, free(heavy, 1<<20), "all of it")
}

// shortContext returns a context with a timeout of 20 ms.
func shortContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// While one network uses all turns and has waiting requests, the next free turn goes to another network.
func TestTurnsAreSharedFairly(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	crowd := admission.NewCaller(netip.MustParseAddr("192.0.2.7"), "")
	var turns []*admission.Lease
	for range max(turnsPerProcessor*runtime.GOMAXPROCS(0), 2*s.cfg.StoreConnections) {
		turn, err := s.shares.turns.Lease(t.Context(), crowd, 1)
		require.NoError(t, err)
		turns = append(turns, turn)
	}
	var asked []net.Conn
	send := func(path, network string) {
		before, conn := waiting(s), s.dial(t)
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"+
			"X-Forwarded-For: %s\r\n\r\n", path, token, network)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return waiting(s) == before+1 }, 20*time.Second, time.Millisecond)
		asked = append(asked, conn)
	}
	for range 4 {
		send("/things/1/", "192.0.2.1")
	}
	send("/held/", "198.51.100.1") // a public operation
	turns[0].Release()
	<-s.entered
	require.Equal(t, 4, waiting(s))
	s.release <- struct{}{}
	for _, conn := range asked {
		all := answers(t, conn, "GET ")
		require.Len(t, all, 1)
		require.Equal(t, http.StatusOK, all[0].status)
	}
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/livez", "").status, "needs no turn")
}

func waiting(s *testServer) int {
	_, waiting := s.shares.turns.Load()
	return waiting
}
