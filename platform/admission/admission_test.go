package admission_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/admission"
)

var (
	attacker  = admission.NewCaller(netip.MustParseAddr("192.0.2.7"), "attacker")
	bystander = admission.NewCaller(netip.MustParseAddr("198.51.100.7"), "bystander")
)

func resource(capacity int64, waiting int) *admission.Resource {
	return admission.NewResource(admission.Bounds{Capacity: capacity, Waiting: waiting, Wait: 10 * time.Second})
}

func TestNetworksOfAnAddress(t *testing.T) {
	t.Parallel()
	for address, networks := range map[string][]string{
		"192.0.2.7":         {"192.0.2.0/24"},
		"::ffff:192.0.2.7":  {"192.0.2.0/24"},
		"2001:db8:1:234::7": {"2001:db8:1:200::/56", "2001:db8:1::/48"},
		"fe80::1%eth0":      {"fe80::/56", "fe80::/48"},
	} {
		var texts []string
		for _, network := range admission.Networks(netip.MustParseAddr(address)) {
			texts = append(texts, network.String())
		}
		require.Equal(t, networks, texts, address)
	}
	require.Empty(t, admission.Networks(netip.Addr{}))
}

// A single caller may use the whole capacity.
func TestResourceOfOneCaller(t *testing.T) {
	t.Parallel()
	r := resource(4, 4)
	for range 4 {
		_, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
	}
}

// A bystander is served next, independently of how many requests of the attacker wait.
func TestResourceServesCallerThatUsesLeast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 50)
		var served atomic.Int64
		attack := func() {
			release, err := r.Acquire(t.Context(), attacker, 1)
			if err != nil {
				return
			}
			served.Add(1)
			time.Sleep(time.Second)
			release()
		}
		for range 40 {
			go attack()
		}
		synctest.Wait()
		start := time.Now()
		release, err := r.Acquire(t.Context(), bystander, 1)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start), "it should wait for the end of one use only")
		require.LessOrEqual(t, served.Load(), int64(4))
		release()
		time.Sleep(time.Minute)
		require.InDelta(t, 20, served.Load(), 2, "the other waiters have timed out")
	})
}

// The /56 networks of one /48 share one allowance, however many of them wait.
func TestResourceCountsWideNetworks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 50)
		for i := range 40 {
			go func() {
				if release, err := r.Acquire(t.Context(), ofWideNetwork(i), 1); err == nil {
					time.Sleep(time.Second)
					release()
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		other := admission.NewCaller(netip.MustParseAddr("2001:db8:2::7"), "")
		release, err := r.Acquire(t.Context(), other, 1)
		elapsed := time.Since(start)
		if err == nil {
			release()
		}
		time.Sleep(time.Minute) // until no caller waits
		require.NoError(t, err)
		require.Equal(t, time.Second, elapsed, "it should wait for the end of one use only")
	})
}

// ofWideNetwork returns a caller in the i-th /56 of 2001:db8:1::/48.
func ofWideNetwork(i int) admission.Caller {
	address := netip.MustParseAddr("2001:db8:1::7").As16()
	address[6] = byte(i)
	return admission.NewCaller(netip.AddrFrom16(address), "")
}

// If one use takes the whole capacity, no waiting caller uses the resource. A bystander is served soon nevertheless.
func TestResourceOfOneUseServesTheShorterLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(1, 50)
		use := func(by admission.Caller) {
			if release, err := r.Acquire(t.Context(), by, 1); err == nil {
				time.Sleep(time.Second)
				release()
			}
		}
		for range 20 {
			go use(attacker)
		}
		synctest.Wait()
		for range 3 {
			start := time.Now()
			use(bystander)
			require.LessOrEqual(t, time.Since(start), 3*time.Second, "its own second and up to two others")
		}
		time.Sleep(time.Minute)
	})
}

// names records the names of the admitted callers, in order.
type names struct {
	mu  sync.Mutex
	all []string
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, name)
}

func (n *names) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// An admission without waiting counts as a turn, so that a bystander is served before the next request of that caller.
func TestResourceCountsUsesWithoutWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(1, 10)
		release, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
		var order names
		go func() {
			release, err := r.Acquire(t.Context(), attacker, 1)
			if err == nil {
				order.add("attacker")
				release()
			}
		}()
		synctest.Wait()
		time.AfterFunc(time.Second, release)
		release, err = r.Acquire(t.Context(), bystander, 1)
		require.NoError(t, err)
		require.Empty(t, order.list())
		release()
		synctest.Wait()
		require.Equal(t, []string{"attacker"}, order.list())
		used, waiting := r.Load()
		require.Zero(t, used)
		require.Zero(t, waiting)
		require.Zero(t, admission.Turns(r), "no state remains of callers without a use")
	})
}

// A full queue rejects the caller with most requests in it, not the last to arrive.
func TestResourceSharesQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(1, 3)
		_, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
		rejected := make(chan error, 10)
		for range 4 {
			go func() {
				_, err := r.Acquire(t.Context(), attacker, 1)
				rejected <- err
			}()
			synctest.Wait()
		}
		require.ErrorIs(t, <-rejected, admission.ErrTooMany, "the fourth request of the attacker")
		go func() { _, _ = r.Acquire(t.Context(), bystander, 1) }()
		synctest.Wait()
		require.ErrorIs(t, <-rejected, admission.ErrTooMany, "the third request was evicted")
		time.Sleep(11 * time.Second)
		require.ErrorIs(t, <-rejected, admission.ErrBusy)
	})
}

// Several users of a network share its allowance, and several networks of a user share that of the user.
func TestResourceCountsEachKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 10)
		sameNetwork := admission.NewCaller(netip.MustParseAddr("192.0.2.9"), "another")
		sameUser := admission.NewCaller(netip.MustParseAddr("203.0.113.9"), "attacker")
		release, err := r.Acquire(t.Context(), attacker, 2)
		require.NoError(t, err)
		var order names
		wait := func(name string, c admission.Caller) {
			go func() {
				release, err := r.Acquire(t.Context(), c, 1)
				if err == nil {
					order.add(name)
					time.Sleep(time.Second)
					release()
				}
			}()
			synctest.Wait()
		}
		wait("attacker", attacker)
		wait("attacker again", attacker)
		wait("same network", sameNetwork)
		wait("same user", sameUser)
		wait("bystander", bystander)
		release()
		synctest.Wait()
		require.ElementsMatch(t, []string{"attacker", "bystander"}, order.list())
		time.Sleep(time.Minute)
		require.Len(t, order.list(), 5)
	})
}

// A caller with a large weight is not overtaken forever. A weight beyond the capacity takes all of it.
func TestResourceOfWeights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(4, 10)
		small, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
		var large atomic.Bool
		go func() {
			release, err := r.Acquire(t.Context(), bystander, 9)
			if err == nil {
				large.Store(true)
				release()
			}
		}()
		synctest.Wait()
		_, err = r.Acquire(canceled(t), attacker, 1)
		require.ErrorIs(t, err, context.Canceled)
		small()
		small() // has no effect
		synctest.Wait()
		require.True(t, large.Load())
		_, err = r.Acquire(t.Context(), attacker, 4)
		require.NoError(t, err, "everything was released")
	})
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestBudget(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := admission.NewBudget(admission.Allowance{Amount: 60, Period: time.Hour}, func() time.Time { return now })
	for range 60 {
		require.Zero(t, b.Spend(attacker, 1))
	}
	require.Equal(t, time.Minute, b.Spend(attacker, 1))
	require.Equal(
		t,
		time.Minute,
		b.Spend(admission.NewCaller(netip.MustParseAddr("192.0.2.9"), "another"), 1),
		"the same network",
	)
	require.Equal(
		t,
		time.Minute,
		b.Spend(admission.NewCaller(netip.MustParseAddr("203.0.113.9"), "attacker"), 1),
		"the same user",
	)
	require.Zero(t, b.Spend(bystander, 60))
	require.Zero(t, b.Spend(ofWideNetwork(0), 60))
	require.Equal(t, time.Minute, b.Spend(ofWideNetwork(1), 1), "a different /56 of the same /48")
	require.Zero(t, b.Spend(admission.NewCaller(netip.MustParseAddr("2001:db8:2::7"), ""), 60), "a different /48")
	now = now.Add(time.Minute)
	require.Zero(t, b.Spend(attacker, 1))
	require.Equal(t, time.Minute, b.Spend(attacker, 1))
	require.Zero(t, admission.NewBudget(admission.Allowance{}, time.Now).Spend(attacker, 1_000_000))
}

// The number of stored keys is bounded. The keys of callers that spent most are evicted last.
func TestBudgetIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := admission.NewBudget(admission.Allowance{Amount: 10, Period: time.Hour}, func() time.Time { return now })
	require.Zero(t, b.Spend(attacker, 10))
	for i := range 150_000 {
		address := netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})
		b.Spend(admission.NewCaller(address, ""), 1)
	}
	require.NotZero(t, b.Spend(attacker, 1))
	require.LessOrEqual(t, admission.Keys(b), 100_000)
}
