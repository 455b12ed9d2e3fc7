package admission_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/admission"
)

// hold leases the weight for the caller and lets the resource end the use.
func hold(t *testing.T, r *admission.Resource, by admission.Caller, weight int64) (lease *admission.Lease, cut *bool) {
	lease, err := r.Lease(t.Context(), by, weight)
	require.NoError(t, err)
	cut = new(bool)
	lease.Recallable(func() {
		*cut = true
		lease.Release()
	})
	return lease, cut
}

// For a caller that has less, the oldest uses of the caller with most are ended, and no more than necessary.
func TestLeasesAreRecalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(10, 10)
		neighbour := admission.By(netip.MustParseAddr("203.0.113.7"), "neighbour")
		_, others := hold(t, r, neighbour, 3)
		var cuts []*bool
		for range 7 {
			_, cut := hold(t, r, attacker, 1)
			cuts = append(cuts, cut)
			time.Sleep(time.Millisecond)
		}
		start := time.Now()
		lease, err := r.Lease(t.Context(), bystander, 2)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 200*time.Millisecond)
		require.False(t, *others)
		for i, cut := range cuts {
			require.Equal(t, i < 2, *cut, i)
		}
		lease.Release()
		lease.Release() // has no effect
		lease.Resize(100)
		_, err = r.Lease(t.Context(), bystander, 2)
		require.NoError(t, err, "it was released")
	})
}

// A use that is kept is no longer ended. A use that was ended cannot be kept.
func TestLeasesAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 10)
		kept, cut := hold(t, r, attacker, 1)
		ended, _ := hold(t, r, attacker, 1)
		require.True(t, kept.Keep())
		_, err := r.Lease(t.Context(), bystander, 1)
		require.NoError(t, err)
		require.False(t, *cut)
		require.False(t, ended.Keep())
		require.True(t, (*admission.Lease)(nil).Keep())
		_, err = r.Lease(t.Context(), bystander, 1)
		require.ErrorIs(t, err, admission.ErrBusy)
		require.False(t, *cut)
	})
}

// A caller waits if no other has more in use: it does not end its own uses.
func TestLeasesAreNotRecalledForCallerWithMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(4, 10)
		_, first := hold(t, r, attacker, 2)
		_, second := hold(t, r, bystander, 2)
		_, err := r.Lease(t.Context(), attacker, 1)
		require.ErrorIs(t, err, admission.ErrBusy)
		require.False(t, *first || *second)
	})
}

// The weight of a lease is the weight in use, even beyond the capacity.
func TestLeasesAreResized(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(4, 10)
		lease, err := r.Lease(t.Context(), attacker, 4)
		require.NoError(t, err)
		lease.Resize(1)
		taken := r.Take(bystander, 6)
		_, err = r.Lease(t.Context(), attacker, 1)
		require.ErrorIs(t, err, admission.ErrBusy)
		taken.Release()
		_, err = r.Lease(t.Context(), attacker, 3)
		require.NoError(t, err)
	})
}

// A caller with less in use is served if it fits, although another waits for more capacity than is free.
func TestQueueIsNotBlockedForCallerWithLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(4, 10)
		_, err := r.Acquire(t.Context(), attacker, 3)
		require.NoError(t, err)
		go func() { _, _ = r.Acquire(t.Context(), attacker, 3) }()
		synctest.Wait()
		start := time.Now()
		_, err = r.Acquire(t.Context(), bystander, 1)
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		time.Sleep(time.Minute)
	})
}
