package admission_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/admission"
)

// hold returns a lease that the resource may recall; cut becomes true when it does.
func hold(t *testing.T, r *admission.Resource, by admission.Caller, weight int64) (lease *admission.Lease, cut *bool) {
	lease, err := r.Lease(t.Context(), by, weight)
	require.NoError(t, err)
	cut = new(bool)
	lease.AllowRecall(func() {
		*cut = true
		lease.Release()
	})
	return lease, cut
}

// For a caller that uses less, the resource ends the oldest uses of the caller that uses most, and no more than
// necessary.
func TestLeasesAreRecalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(10, 10)
		neighbour := admission.NewCaller(netip.MustParseAddr("203.0.113.7"), "neighbour")
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
		require.NoError(t, err, "the lease was released")
	})
}

// PreventRecall protects a lease, but has no effect on one that was recalled.
func TestPreventRecall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(2, 10)
		kept, cut := hold(t, r, attacker, 1)
		ended, _ := hold(t, r, attacker, 1)
		require.True(t, kept.PreventRecall())
		_, err := r.Lease(t.Context(), bystander, 1)
		require.NoError(t, err)
		require.False(t, *cut)
		require.False(t, ended.PreventRecall())
		require.True(t, (*admission.Lease)(nil).PreventRecall())
		_, err = r.Lease(t.Context(), bystander, 1)
		require.ErrorIs(t, err, admission.ErrBusy)
		require.False(t, *cut)
	})
}

// A caller waits if no other caller uses more: its own leases are not recalled.
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

// The changed weight of a lease counts as used, even beyond the capacity.
func TestLeasesAreResized(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resource(4, 10)
		lease, err := r.Lease(t.Context(), attacker, 4)
		require.NoError(t, err)
		lease.Resize(1)
		taken := r.ForceLease(bystander, 6)
		_, err = r.Lease(t.Context(), attacker, 1)
		require.ErrorIs(t, err, admission.ErrBusy)
		taken.Release()
		_, err = r.Lease(t.Context(), attacker, 3)
		require.NoError(t, err)
	})
}

// A caller that uses less is served if the capacity suffices, although another caller waits for more capacity.
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
