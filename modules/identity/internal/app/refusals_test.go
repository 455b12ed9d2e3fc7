package app_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// refusalTest is a fixture with the sign-ins that its throttle refused.
type refusalTest struct {
	fixture
	seen int // entries that refusals has returned
}

// eachRefusal runs test once per engine.
func eachRefusal(t *testing.T, test func(t *testing.T, h *refusalTest), adjust ...func(*identity.Config)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := &refusalTest{fixture: newFixture(t, db, adjust...)}
		h.registered(t, asha())
		test(t, h)
	})
}

// guess tries wrong passwords and requires the kind of the errors.
func (h *refusalTest) guess(t *testing.T, times int, email string, from app.From, id string, want errs.Kind) {
	t.Helper()
	for range times {
		ctx := audit.WithRequest(t.Context(), audit.Request{ID: id, Address: from.Address})
		_, err := h.SignIn(ctx, domain.Credentials{Email: email, Password: "a guess"}, from)
		require.Equal(t, want, errs.KindOf(err))
	}
}

// fail makes as many failed attempts as are free, at Asha's account.
func (h *refusalTest) fail(t *testing.T, from app.From) {
	t.Helper()
	h.guess(t, 5, asha().Email, from, "", errs.Unauthenticated)
}

// refuse makes refused attempts at Asha's account.
func (h *refusalTest) refuse(t *testing.T, times int, from app.From, id string) {
	t.Helper()
	h.guess(t, times, asha().Email, from, id, errs.Throttled)
}

// flush records the counts.
func (h *refusalTest) flush(t *testing.T) {
	t.Helper()
	kept, err := h.credentials.RecordRefusals(t.Context())
	require.NoError(t, err)
	require.Zero(t, kept)
}

// refusals returns the entries of refused sign-ins since the last call, the smallest counts first.
func (h *refusalTest) refusals(t *testing.T) (entries []audittest.Recorded) {
	t.Helper()
	all := h.trail.Recorded()
	for _, entry := range all[h.seen:] {
		if entry.Status != http.StatusTooManyRequests {
			continue
		}
		require.Equal(t, audit.Entry{
			Action: audit.LoginFailed, Resource: "User", Outcome: audit.Denied, Status: http.StatusTooManyRequests,
			Count: entry.Count,
		}, entry.Entry, "nothing identifies the account")
		require.Equal(t, auth.Principal{}, entry.Who)
		entries = append(entries, entry)
	}
	h.seen = len(all)
	slices.SortStableFunc(entries, func(a, b audittest.Recorded) int { return cmp.Compare(a.Count, b.Count) })
	return entries
}

// requireCounts requires the counts of the entries since the last call; 0 is that of a single refusal.
func (h *refusalTest) requireCounts(t *testing.T, want ...int64) []audittest.Recorded {
	t.Helper()
	entries := h.refusals(t)
	var counts []int64
	for _, entry := range entries {
		counts = append(counts, entry.Count)
	}
	require.Equal(t, want, counts)
	return entries
}

// The first refused sign-in of a window is an entry, and further ones are one entry with their number.
func TestRefusedSignInsAreCounted(t *testing.T) {
	eachRefusal(t, func(t *testing.T, h *refusalTest) {
		h.fail(t, network(1))
		h.requireCounts(t)
		h.refuse(t, 1, network(1), "first")
		require.Equal(t, audit.Request{ID: "first", Address: network(1).Address}, h.requireCounts(t, 0)[0].Request)
		h.refuse(t, 98, network(1), "")
		h.refuse(t, 1, network(1), "last")
		h.requireCounts(t)
		h.flush(t)
		require.Equal(t, audit.Request{ID: "last", Address: network(1).Address}, h.requireCounts(t, 99)[0].Request)
		h.flush(t)
		h.requireCounts(t)

		h.clock.Advance(app.RefusalWindow - time.Microsecond) // the wait of the pair ends as well
		h.guess(t, 1, asha().Email, network(1), "", errs.Unauthenticated)
		h.refuse(t, 2, network(1), "")
		h.flush(t)
		h.requireCounts(t, 2) // still the same window

		h.clock.Advance(time.Microsecond)
		h.refuse(t, 4, network(1), "")
		h.requireCounts(t, 0) // the first of the next window
		h.flush(t)
		h.requireCounts(t, 3)
	})
}

// A window belongs to a limit and what it limits: an account, a client at one account, or a client at all accounts.
func TestWindowsOfRefusedSignIns(t *testing.T) {
	eachRefusal(t, func(t *testing.T, h *refusalTest) {
		for _, client := range []app.From{network(1), network(2)} {
			h.fail(t, client)
			h.refuse(t, 2, client, "")
		}
		h.requireCounts(t, 0, 0)
		for n := range 14 {
			h.guess(t, 1, fmt.Sprintf("%d@example.com", n), network(1), "", errs.Unauthenticated)
		}
		h.refuse(t, 1, network(1), "")
		h.clock.Advance(time.Second)
		h.guess(t, 1, asha().Email, network(1), "", errs.Unauthenticated) // the 20th failure of the client
		h.requireCounts(t)
		h.refuse(t, 3, network(1), "") // by the limit of the client
		h.requireCounts(t, 0)
		h.guess(t, 2, "20@example.com", network(1), "", errs.Throttled)
		h.requireCounts(t)
		h.flush(t)
		h.requireCounts(t, 1, 2, 4) // network 2; the pair of network 1; its client
	})
}

// The trail may fail: what is not recorded is counted, and recorded later.
func TestRefusedSignInsWithoutATrail(t *testing.T) {
	eachRefusal(t, func(t *testing.T, h *refusalTest) {
		full := errors.New("full")
		h.fail(t, network(1))
		h.trail.Refuse(full)
		h.refuse(t, 3, network(1), "last")
		kept, err := h.credentials.RecordRefusals(t.Context())
		require.ErrorIs(t, err, full)
		require.EqualValues(t, 3, kept)
		h.trail.Refuse(nil)
		h.requireCounts(t)
		h.refuse(t, 2, network(1), "last")
		h.clock.Advance(app.RefusalWindow)
		h.trail.Refuse(full)
		kept, err = h.credentials.RecordRefusals(t.Context())
		require.ErrorIs(t, err, full)
		require.EqualValues(t, 5, kept)
		h.trail.Refuse(nil)
		h.flush(t) // the window has ended and was removed
		require.Equal(t, audit.Request{ID: "last", Address: network(1).Address}, h.requireCounts(t, 5)[0].Request)
		h.flush(t)
		h.requireCounts(t)
	})
}

// A window that began in the future ends when the clock goes back.
func TestRefusedSignInsAfterTheClockWentBack(t *testing.T) {
	eachRefusal(t, func(t *testing.T, h *refusalTest) {
		h.clock.Advance(365 * 24 * time.Hour)
		h.fail(t, network(1))
		h.refuse(t, 3, network(1), "")
		h.requireCounts(t, 0)
		h.clock.Advance(-365 * 24 * time.Hour)
		h.guess(t, 1, asha().Email, network(1), "", errs.Unauthenticated)
		h.refuse(t, 2, network(1), "")
		h.requireCounts(t, 0)
		h.flush(t)
		h.requireCounts(t, 3) // two of the earlier window, and one
	})
}
