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
	attacker  = admission.By(netip.MustParseAddr("192.0.2.7"), "attacker")
	bystander = admission.By(netip.MustParseAddr("198.51.100.7"), "bystander")
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

// A single caller may use all of it.
func TestResourceOfOneCaller(t *testing.T) {
	t.Parallel()
	r := resource(4, 4)
	for range 4 {
		_, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
	}
}

// A bystander is served next, whatever the length of the attacker's line.
func TestResourceServesWhoHasLeast(t *testing.T) {
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
		require.Equal(t, time.Second, time.Since(start), "it waits for one use to end, not for the line")
		require.LessOrEqual(t, served.Load(), int64(4))
		release()
		time.Sleep(time.Minute)
		require.InDelta(t, 20, served.Load(), 2, "the others waited too long")
	})
}

// The /56 of one /48 have a share together, however many of them wait.
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
		other := admission.By(netip.MustParseAddr("2001:db8:2::7"), "")
		release, err := r.Acquire(t.Context(), other, 1)
		took := time.Since(start)
		if err == nil {
			release()
		}
		time.Sleep(time.Minute) // until the line is empty
		require.NoError(t, err)
		require.Equal(t, time.Second, took, "it waits for one use to end, not for the line")
	})
}

// ofWideNetwork is a caller at one of the /56 of 2001:db8:1::/48.
func ofWideNetwork(i int) admission.Caller {
	address := netip.MustParseAddr("2001:db8:1::7").As16()
	address[6] = byte(i)
	return admission.By(netip.AddrFrom16(address), "")
}

// Where one use takes all, nobody who waits has anything in use: a bystander is served next all the same.
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
			require.LessOrEqual(t, time.Since(start), 3*time.Second, "its own second, and one or two of the attacker's")
		}
		time.Sleep(time.Minute)
	})
}

// names are those of who was admitted, in that order.
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

// A use that did not have to wait counts as one, so that the same caller's next one comes after a bystander's.
func TestResourceCountsWhoDidNotWait(t *testing.T) {
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
		require.Zero(t, admission.Turns(r), "nothing is remembered of callers who left")
	})
}

// A full line refuses who has most in it, not who comes last.
func TestResourceLineIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(1, 3)
		_, err := r.Acquire(t.Context(), attacker, 1)
		require.NoError(t, err)
		refused := make(chan error, 10)
		for range 4 {
			go func() {
				_, err := r.Acquire(t.Context(), attacker, 1)
				refused <- err
			}()
			synctest.Wait()
		}
		require.ErrorIs(t, <-refused, admission.ErrShare, "the fourth of its own")
		go func() { _, _ = r.Acquire(t.Context(), bystander, 1) }()
		synctest.Wait()
		require.ErrorIs(t, <-refused, admission.ErrShare, "the third made room")
		time.Sleep(11 * time.Second)
		require.ErrorIs(t, <-refused, admission.ErrBusy)
	})
}

// Accounts do not multiply a network's share, nor networks an account's.
func TestResourceCountsEachKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 10)
		sameNetwork := admission.By(netip.MustParseAddr("192.0.2.9"), "another")
		sameUser := admission.By(netip.MustParseAddr("203.0.113.9"), "attacker")
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

// One that needs much is not overtaken for ever, and one that needs more than there is takes all.
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
		_, err = r.Acquire(ended(t), attacker, 1)
		require.ErrorIs(t, err, context.Canceled)
		small()
		small() // once is enough
		synctest.Wait()
		require.True(t, large.Load())
		_, err = r.Acquire(t.Context(), attacker, 4)
		require.NoError(t, err, "all was given back")
	})
}

func ended(t *testing.T) context.Context {
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
		b.Spend(admission.By(netip.MustParseAddr("192.0.2.9"), "another"), 1),
		"the same network",
	)
	require.Equal(
		t,
		time.Minute,
		b.Spend(admission.By(netip.MustParseAddr("203.0.113.9"), "attacker"), 1),
		"the same user",
	)
	require.Zero(t, b.Spend(bystander, 60))
	require.Zero(t, b.Spend(ofWideNetwork(0), 60))
	require.Equal(t, time.Minute, b.Spend(ofWideNetwork(1), 1), "another /56 of the same /48")
	require.Zero(t, b.Spend(admission.By(netip.MustParseAddr("2001:db8:2::7"), ""), 60), "another /48")
	now = now.Add(time.Minute)
	require.Zero(t, b.Spend(attacker, 1))
	require.Equal(t, time.Minute, b.Spend(attacker, 1))
	require.Zero(t, admission.NewBudget(admission.Allowance{}, time.Now).Spend(attacker, 1_000_000))
}

// Many callers do not fill the memory; who used most is remembered longest.
func TestBudgetIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := admission.NewBudget(admission.Allowance{Amount: 10, Period: time.Hour}, func() time.Time { return now })
	require.Zero(t, b.Spend(attacker, 10))
	for i := range 150_000 {
		address := netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})
		b.Spend(admission.By(address, ""), 1)
	}
	require.NotZero(t, b.Spend(attacker, 1))
	require.LessOrEqual(t, admission.Remembered(b), 100_000)
}
