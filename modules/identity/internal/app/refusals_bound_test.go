package app

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

// RefusalWindow is refusalWindow, for the tests of the package app_test.
const RefusalWindow = refusalWindow

// The number of windows is bounded: refusals beyond it share one.
func TestRefusedSignInsOfManyClients(t *testing.T) {
	const beyond = 50
	trail, manual := new(audittest.Recorder), clock.At(time.Date(2026, time.November, 29, 2, 0, 0, 0, time.UTC))
	r := newRefusals(trail, manual)
	address := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1}) }
	refuse := func(from, to int) {
		for n := from; n < to; n++ {
			ctx := audit.WithRequest(t.Context(), audit.Request{Address: address(n)})
			r.add(ctx, domain.Attempt{Mailbox: "asha@example.com", Client: address(n)}, domain.ErrTooManyAttempts)
		}
		require.LessOrEqual(t, len(r.windows), maxRefusalWindows+1)
	}
	seen := 0
	recorded := func() []audittest.Recorded {
		all := trail.Recorded()
		defer func() { seen = len(all) }()
		return all[seen:]
	}
	flush := func(kept int64) {
		t.Helper()
		got, err := r.flush(t.Context())
		require.Equal(t, kept > 0, err != nil)
		require.Equal(t, kept, got)
		require.LessOrEqual(t, len(r.windows), maxRefusalWindows+1)
	}

	refuse(0, maxRefusalWindows+beyond)
	require.Len(t, recorded(), maxRefusalWindows+1)
	refuse(1, 2)
	flush(0)
	counts := map[netip.Addr]int64{}
	for _, entry := range recorded() {
		counts[entry.Request.Address] = entry.Count
	}
	require.Equal(t, map[netip.Addr]int64{address(1): 1, {}: beyond - 1}, counts, "without an address for many clients")

	trail.Refuse(errors.New("full"))
	refuse(0, maxRefusalWindows)
	flush(maxRefusalWindows)
	manual.Advance(refusalWindow)
	flush(maxRefusalWindows)
	refuse(maxRefusalWindows, 2*maxRefusalWindows)
	flush(2 * maxRefusalWindows)
	trail.Refuse(nil)
	flush(0)
	var total int64
	for _, entry := range recorded() {
		total += entry.Count
	}
	require.EqualValues(t, 2*maxRefusalWindows, total)

	manual.Advance(refusalWindow)
	refuse(0, maxRefusalWindows)
	refuse(0, maxRefusalWindows)
	manual.Advance(refusalWindow)
	r.trail = &flooded{flood: func() { refuse(maxRefusalWindows, 2*maxRefusalWindows) }}
	flush(maxRefusalWindows)
	manual.Advance(refusalWindow)
	r.trail = trail
	flush(0)
	require.Empty(t, r.windows, "they have ended")
}

// flooded is a trail that does not record counts, and calls flood before its first error.
type flooded struct {
	once  sync.Once
	flood func()
}

func (f *flooded) Record(_ context.Context, _ auth.Principal, entries ...audit.Entry) error {
	if entries[0].Count == 0 {
		return nil
	}
	f.once.Do(f.flood)
	return errors.New("full")
}
