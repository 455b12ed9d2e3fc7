package password

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/errs"
)

// meter measures the derivations that run at once, and their memory.
type meter struct {
	mu                 sync.Mutex
	running, memory    int // now; memory in KiB
	mostRunning        int
	mostMemory, served int
}

// measured returns a derivation that calls work and is counted by the meter.
func (m *meter) measured(work derivation) derivation {
	return func(password, salt []byte, iterations, memory uint32, parallelism uint8, size uint32) []byte {
		m.add(1, int(memory))
		defer m.add(-1, -int(memory))
		return work(password, salt, iterations, memory, parallelism, size)
	}
}

func (m *meter) add(running, memory int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running += running
	m.memory += memory
	m.mostRunning = max(m.mostRunning, m.running)
	m.mostMemory = max(m.mostMemory, m.memory)
	m.served += max(0, running)
}

// most returns mostRunning while derivations run.
func (m *meter) most() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mostRunning
}

// takes returns a derivation that takes d on the bubble's clock and returns zeros.
func takes(d time.Duration) derivation {
	return func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte {
		time.Sleep(d)
		return make([]byte, size)
	}
}

// anonymous is an unidentified caller.
var anonymous ports.Caller

// newGated returns a hasher in which each hash takes a second.
func newGated(t *testing.T, slots, queue int, wait time.Duration) (*hasher, *meter) {
	t.Helper()
	m := &meter{}
	passwords, err := newHasher(Config{Memory: 64, Iterations: 1, Parallelism: 1, Slots: slots, Queue: queue,
		Wait: wait},
		m.measured(takes(time.Second)))
	require.NoError(t, err)
	return passwords.(*hasher), m
}

// outcome is the result of one caller, and its time.
type outcome struct {
	err   error
	after time.Duration
}

// callers starts n hashes at once and returns their outcomes in the order in which they end.
func callers(ctx context.Context, passwords *hasher, n int) <-chan outcome {
	ends := make(chan outcome, n)
	start := time.Now()
	for range n {
		go func() {
			_, _, err := passwords.Verify(ctx, anonymous, "secret", "", uncounted)
			ends <- outcome{err, time.Since(start)}
		}()
	}
	return ends
}

func requireBusy(t *testing.T, err, cause error) {
	t.Helper()
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, err, cause)
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, errs.Unavailable, e.Kind)
	require.Equal(t, "busy", e.Code)
	require.Equal(t, "Too many sign-in attempts at once. Try again shortly.", e.Detail)
	require.Equal(t, time.Second, e.RetryAfter)
}

func TestGate(t *testing.T) {
	in := func(name string, f func(*testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}

	in("runs one hash per slot, queues others, and rejects the next one after a pause", func(t *testing.T) {
		passwords, m := newGated(t, 3, 5, time.Minute)
		ends := callers(t.Context(), passwords, 9)
		for i, second := range []int{0, 1, 1, 1, 2, 2, 2, 3, 3} {
			end := <-ends
			if i == 0 {
				require.Equal(t, refusalPause, end.after)
				requireBusy(t, end.err, errQueueFull)
			} else {
				require.Equal(t, time.Duration(second)*time.Second, end.after)
				require.NoError(t, end.err)
			}
		}
		require.Equal(t, 3, m.mostRunning)
		require.Equal(t, 3*64, m.mostMemory)
	})

	in("rejects at once without a queue", func(t *testing.T) {
		passwords, _ := newGated(t, 1, 0, time.Minute)
		ends := callers(t.Context(), passwords, 3)
		for range 2 {
			end := <-ends
			require.Equal(t, refusalPause, end.after)
			requireBusy(t, end.err, errQueueFull)
		}
		require.NoError(t, (<-ends).err)
	})

	in("rejects a caller when its wait is over", func(t *testing.T) {
		passwords, m := newGated(t, 1, 3, 1500*time.Millisecond)
		ends := callers(t.Context(), passwords, 4)
		require.Equal(t, outcome{nil, time.Second}, <-ends)
		for range 2 {
			end := <-ends
			require.Equal(t, 1500*time.Millisecond, end.after)
			requireBusy(t, end.err, errWaited)
		}
		require.Equal(t, outcome{nil, 2 * time.Second}, <-ends,
			"the slot was free after 1 s; the wait excludes the hash")
		require.Equal(t, 2, m.served)
	})

	in("serves the queue in order", func(t *testing.T) {
		passwords, _ := newGated(t, 1, 16, time.Minute)
		served := make(chan int, 10)
		for i := range 10 {
			go func() {
				if _, err := passwords.Hash(t.Context(), anonymous, "secret"); err == nil {
					served <- i
				}
			}()
			synctest.Wait() // it is in the queue
		}
		for i := range 10 {
			require.Equal(t, i, <-served)
		}
	})

	in("rejects a cancelled caller at once and frees its place", func(t *testing.T) {
		passwords, m := newGated(t, 1, 1, time.Minute)
		first := callers(t.Context(), passwords, 1)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		second := callers(ctx, passwords, 1)
		time.Sleep(300 * time.Millisecond)
		cancel()
		end := <-second
		require.Equal(t, 300*time.Millisecond, end.after)
		requireBusy(t, end.err, context.Canceled)

		require.NoError(t, (<-callers(t.Context(), passwords, 1)).err)
		require.NoError(t, (<-first).err)
		require.Equal(t, 2, m.served)
	})

	in("ends the wait at a deadline", func(t *testing.T) {
		passwords, _ := newGated(t, 1, 1, time.Minute)
		first := callers(t.Context(), passwords, 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		end := <-callers(ctx, passwords, 1)
		require.Equal(t, 200*time.Millisecond, end.after)
		requireBusy(t, end.err, context.DeadlineExceeded)
		require.NoError(t, (<-first).err)
	})

	in("starts no hash for a context that has ended", func(t *testing.T) {
		passwords, m := newGated(t, 1, 1, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := passwords.Hash(ctx, anonymous, "secret")
		requireBusy(t, err, context.Canceled)
		require.Zero(t, m.served)
	})

	in("is shared by Hash, Verify, unknown users and unusable hashes", func(t *testing.T) {
		passwords, m := newGated(t, 1, 0, time.Minute)
		first := callers(t.Context(), passwords, 1)
		synctest.Wait()
		_, err := passwords.Hash(t.Context(), anonymous, "secret")
		requireBusy(t, err, errQueueFull)
		for _, phc := range []string{"", good, "unusable"} {
			ok, stale, err := passwords.Verify(t.Context(), anonymous, "secret", phc, uncounted)
			requireBusy(t, err, errQueueFull)
			require.False(t, ok || stale)
		}
		require.NoError(t, (<-first).err)
		require.Equal(t, 1, m.served)
	})

	in("has all slots free after a flood", func(t *testing.T) {
		passwords, m := newGated(t, 2, 2, 100*time.Millisecond)
		for range 3 {
			ends := callers(t.Context(), passwords, 50)
			served := 0
			for range 50 {
				if (<-ends).err == nil {
					served++
				}
			}
			require.Equal(t, 2, served)
		}
		hashing, waiting := passwords.gate.load()
		require.Zero(t, hashing)
		require.Zero(t, waiting)
		require.Equal(t, 2, m.mostRunning)
	})

	in("releases the slot of a derivation that panics", func(t *testing.T) {
		passwords, _ := newGated(t, 1, 0, time.Minute)
		original := passwords.derive
		passwords.derive = func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { panic("defect") }
		require.Panics(t, func() { _, _ = passwords.Hash(t.Context(), anonymous, "secret") })
		passwords.derive = original
		_, err := passwords.Hash(t.Context(), anonymous, "secret")
		require.NoError(t, err)
	})
}

// TestR17_AThousandLoginsStayBounded tests the defaults on two cores: one slot, a queue of 16, 41 ms a hash. The counts
// are exact on the bubble's clock.
func TestR17_AThousandLoginsStayBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		cfg := defaults()
		cfg.Slots = 1
		passwords, err := newHasher(cfg, m.measured(takes(41*time.Millisecond)))
		require.NoError(t, err)

		ends := callers(t.Context(), passwords.(*hasher), 1000)
		served, refused, paused := 0, 0, 0
		for range 1000 {
			end := <-ends
			require.LessOrEqual(t, end.after, cfg.Wait+41*time.Millisecond)
			if end.err == nil {
				served++
				continue
			}
			requireBusy(t, end.err, errQueueFull)
			if end.after != 0 {
				require.Equal(t, refusalPause, end.after)
				paused++
			}
			refused++
		}
		require.Equal(t, maxPaused, paused, "others are rejected at once")
		require.Equal(t, 1+16, served)
		require.Equal(t, 1000-17, refused)
		require.Equal(t, 1, m.mostRunning)
		require.LessOrEqual(t, m.mostMemory, 64*1024, "KiB at once")
	})
}

// TestR17_RealHashesAtOnce tests the bounds in real time with real hashes.
func TestR17_RealHashesAtOnce(t *testing.T) {
	m := &meter{}
	cfg := Config{Memory: 256, Iterations: 1, Parallelism: 1, Slots: 3, Queue: 16, Wait: maxWait}
	passwords, err := newHasher(cfg, m.measured(argon2.IDKey))
	require.NoError(t, err)
	phc := hashed(t, cfg, "secret")

	var served, refused atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range 1000 {
		all.Go(func() {
			<-start
			switch ok, _, err := passwords.Verify(t.Context(), anonymous, "secret", phc, uncounted); {
			case err == nil && ok:
				served.Add(1)
			case errors.Is(err, ErrBusy):
				refused.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	require.EqualValues(t, 1000, served.Load()+refused.Load(), "each is verified or rejected")
	require.EqualValues(t, m.served, served.Load())
	require.LessOrEqual(t, m.mostRunning, cfg.Slots)
	require.LessOrEqual(t, m.mostMemory, cfg.Slots*int(cfg.Memory))
	require.GreaterOrEqual(t, served.Load(), int64(cfg.Slots+cfg.Queue))
	t.Logf("%d served, %d rejected, at most %d at once", served.Load(), refused.Load(), m.mostRunning)
}

// uncounted admits every attempt.
func uncounted(context.Context) error { return nil }

func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passwords, _ := newGated(t, 1, 0, time.Second)
		flooding := network(1)
		var releases []func()
		for range lookups {
			release, err := passwords.Reserve(t.Context(), flooding.Caller)
			require.NoError(t, err)
			releases = append(releases, release)
		}
		start := time.Now()
		_, err := passwords.Reserve(t.Context(), flooding.Caller)
		requireBusy(t, err, errNoLookup)
		require.Equal(t, time.Second, time.Since(start), "the wait for a slot")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = passwords.Reserve(ctx, flooding.Caller)
		requireBusy(t, err, context.Canceled)

		for range 2 * waitingLookups { // a flood from one network does not delay callers of another
			go func() {
				if release, err := passwords.Reserve(t.Context(), flooding.Caller); err == nil {
					release()
				}
			}()
		}
		synctest.Wait()
		go func() {
			time.Sleep(time.Millisecond)
			releases[0]()
		}()
		start = time.Now()
		_, err = passwords.Reserve(t.Context(), network(2).Caller)
		require.NoError(t, err)
		require.Equal(t, time.Millisecond, time.Since(start))
		for _, release := range releases[1:] {
			release()
		}
	})
}

// network returns a caller in the nth network.
func network(n int) ports.Caller {
	return ports.Caller{Caller: admission.NewCaller(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1}), "")}
}

// attack runs n callers that hash in a loop until stop is called.
func attack(ctx context.Context, passwords *hasher, n int, by func(i int) ports.Caller) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if _, err := passwords.Hash(ctx, by(i), "secret"); err != nil {
					time.Sleep(10 * time.Millisecond) // the round trip
				}
			}
		})
	}
	synctest.Wait()
	return func() {
		cancel()
		all.Wait()
	}
}

// A flood of one network delays callers of other networks by one hash, or by one more per busy lane.
func TestGateIsFair(t *testing.T) {
	one := func(known bool) func(int) ports.Caller {
		return func(int) ports.Caller { c := network(1); c.Known = known; return c }
	}
	many := func(known bool) func(int) ports.Caller {
		return func(i int) ports.Caller { c := network(100 + i); c.Known = known; return c }
	}
	for name, c := range map[string]struct {
		attackers []func(int) ports.Caller
		bystander bool // whether it is known
		hashes    int
	}{
		"strangers of one network, a stranger elsewhere":         {[]func(int) ports.Caller{one(false)}, false, 2},
		"strangers of one network, a known client elsewhere":     {[]func(int) ports.Caller{one(false)}, true, 2},
		"known clients of one network, a stranger elsewhere":     {[]func(int) ports.Caller{one(true)}, false, 2},
		"known clients of one network, a known client elsewhere": {[]func(int) ports.Caller{one(true)}, true, 2},
		"both kinds of one network, a stranger elsewhere": {
			[]func(int) ports.Caller{one(true), one(false)},
			false,
			4,
		},
		"strangers of 24 networks, a known client elsewhere": {[]func(int) ports.Caller{many(false)}, true, 2},
		"strangers of 24 networks and known ones of one, a known client": {
			[]func(int) ports.Caller{many(false), one(true)},
			true,
			4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &meter{}
				const hash = 41 * time.Millisecond
				cfg := defaults()
				cfg.Slots = 1
				made, err := newHasher(cfg, m.measured(takes(hash)))
				require.NoError(t, err)
				passwords := made.(*hasher)
				for _, by := range c.attackers {
					defer attack(t.Context(), passwords, 24, by)()
				}
				bystander := network(9)
				bystander.Known = c.bystander
				for i := range 100 {
					time.Sleep(time.Duration(i) * 7 * time.Millisecond % (100 * time.Millisecond))
					start := time.Now()
					_, err := passwords.Hash(t.Context(), bystander, "secret")
					require.NoError(t, err, "attempt %d", i+1)
					require.LessOrEqual(t, time.Since(start), time.Duration(c.hashes)*hash, "attempt %d", i+1)
				}
				require.Equal(t, 1, m.most())
			})
		})
	}
}
