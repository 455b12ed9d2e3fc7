package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/app"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// canary is a part of each URL that must not appear anywhere else.
const canary = "c4nary"

var administrator = auth.Principal{UserID: uuid.New(), Role: auth.Admin}

// request is a webhook that a receiver got.
type request struct {
	header http.Header
	body   string
}

// receiver is the server of an endpoint.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	got     []request
	respond func(http.ResponseWriter) // nil: 204
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got = append(r.got, request{q.Header, string(body)})
		respond := r.respond
		r.mu.Unlock()
		if respond != nil {
			respond(w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) url() string { return r.URL + "/" + canary }

// answer sets the status of responses; 0: that of a success.
func (r *receiver) answer(status int, header ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.respond = nil; status == 0 {
		return
	}
	r.respond = func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// take returns the requests since the last call.
func (r *receiver) take() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func allowLocal(cfg *notifications.Config) {
	cfg.WebhookAllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// endpoint adds an endpoint that wants the kinds.
func (h env) endpoint(t testing.TB, url string, kinds ...notifications.Kind) app.WithSecret {
	t.Helper()
	added, err := h.webhooks.Add(t.Context(), administrator, domain.ReceiverChanges{URL: &url, Kinds: &kinds})
	require.NoError(t, err)
	return added
}

func (h env) receiver(t testing.TB, id notifications.EndpointID) domain.Receiver {
	t.Helper()
	found, err := h.receivers.Find(t.Context(), id)
	require.NoError(t, err)
	return found
}

// booked publishes a booking of a patient without an address, so that there are no mails.
func (h env) booked(t testing.TB) appointments.ID {
	t.Helper()
	event := h.changed(h.patient(""), twoWeeks, appointments.WasBooked)
	event.Version = 3
	h.publish(t, event)
	return event.ID
}

func (h env) drain(t testing.TB) {
	t.Helper()
	require.NoError(t, h.Drain(t.Context()))
}

// deliveries returns those of an endpoint, oldest first.
func (h env) deliveries(t testing.TB, id notifications.EndpointID) []domain.Delivery {
	t.Helper()
	order := []paging.Order{{Column: "created_at"}, {Column: "id"}}
	page, err := h.webhooks.Deliveries(t.Context(), administrator, id, paging.Request{Limit: 500, Order: order})
	require.NoError(t, err)
	return page.Items
}

func (h env) statesOf(t testing.TB, id notifications.EndpointID) map[notifications.State]int {
	t.Helper()
	counts := map[notifications.State]int{}
	for _, d := range h.deliveries(t, id) {
		counts[d.State]++
	}
	return counts
}

// requireSigned verifies a request with the library of the specification.
func requireSigned(t testing.TB, secret string, r request) {
	t.Helper()
	verifier, err := standard.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.VerifyIgnoringTimestamp([]byte(r.body), r.header))
}

func requireUnsigned(t testing.TB, secret string, r request) {
	t.Helper()
	verifier, err := standard.NewWebhook(secret)
	require.NoError(t, err)
	require.Error(t, verifier.VerifyIgnoringTimestamp([]byte(r.body), r.header))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db, allowLocal)
		all, some := newReceiver(t), newReceiver(t)
		endpoint := h.endpoint(t, all.url())
		h.endpoint(t, some.url(), notifications.AppointmentCancelled, notifications.DoctorWasLinked)
		t.Run("a booking is sent once, signed, with ids only", func(t *testing.T) {
			id := h.booked(t)
			h.clock.Advance(time.Minute)
			h.drain(t)
			h.drain(t)
			got := all.take()
			require.Len(t, got, 1)
			require.Empty(t, some.take())
			requireSigned(t, endpoint.Shown, got[0])
			require.JSONEq(t, fmt.Sprintf(`{"type":"appointment.booked","timestamp":"2026-11-30T09:00:00.000000Z",
				"data":{"id":%q,"version":3}}`, id), got[0].body)
			sent := h.deliveries(t, endpoint.ID)
			require.Len(t, sent, 1)
			require.Equal(t, sent[0].ID.String(), got[0].header.Get("Webhook-Id"))
			require.Equal(t, notifications.Sent, sent[0].State)
			require.Equal(t, fmt.Sprint(h.clock.Now().Unix()), got[0].header.Get("Webhook-Timestamp"))
		})
		t.Run("every kind is sent", func(t *testing.T) {
			typesOf := func(requests []request) (types []string) {
				for _, r := range requests {
					var body struct{ Type string }
					require.NoError(t, json.Unmarshal([]byte(r.body), &body))
					types = append(types, body.Type)
				}
				return types
			}
			patient := h.patient("")
			for _, change := range []appointments.Change{
				appointments.WasHeld, appointments.WasRequested, appointments.WasBooked, appointments.WasMoved,
				appointments.WasCancelled, appointments.HasArrived, appointments.WasFulfilled, appointments.WasMissed,
				appointments.WasVoided, appointments.HasExpired,
			} {
				h.publish(t, h.changed(patient, -time.Hour, change))
			}
			h.publish(t, patients.Claimed{ID: patient, User: uuid.New(), Basis: "self"})
			h.publish(t, patients.Claimed{ID: patient, User: uuid.New(), Basis: "emergency"})
			h.publish(t, doctors.Linked{ID: recordid.New[doctors.ID](), User: uuid.New()})
			h.drain(t)
			var want []string
			for _, kind := range domain.Events() {
				want = append(want, string(kind))
			}
			require.ElementsMatch(t, want, typesOf(all.take()))
			require.ElementsMatch(t, []string{"appointment.cancelled", "doctor.linked"}, typesOf(some.take()))
		})
		t.Run("a transaction that fails sends nothing", func(t *testing.T) {
			undone := errors.New("undone")
			err := db.Do(t.Context(), func(ctx context.Context) error {
				event := h.changed(h.patient(""), twoWeeks, appointments.WasBooked)
				return errors.Join(undone, h.events.Publish(ctx, event))
			})
			require.ErrorIs(t, err, undone)
			h.drain(t)
			require.Empty(t, all.take())
		})
		t.Run("an event whose endpoints cannot be read fails", func(t *testing.T) {
			h.clock.Advance(time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			err := db.Do(ctx, func(ctx context.Context) error {
				cancel()
				return h.events.Publish(ctx, h.changed(h.patient(""), -time.Hour, appointments.HasArrived))
			})
			require.ErrorIs(t, err, context.Canceled)
		})
		t.Run("a booking has no statement more, once the endpoints are known", func(t *testing.T) {
			sent := databasetest.Statements(t, db)
			count := func() int {
				*sent = nil
				h.booked(t)
				return len(*sent)
			}
			h.clock.Advance(time.Second)
			require.Equal(t, 2, count(), "they are read")
			require.Equal(t, 1, count())
		})
		t.Run("a removed endpoint has no deliveries and gets nothing", func(t *testing.T) {
			h.booked(t)
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, endpoint.ID, anyVersion))
			all.take()
			h.booked(t)
			h.drain(t)
			require.Empty(t, all.take())
			_, err := h.webhooks.Deliveries(t.Context(), administrator, endpoint.ID, paging.Request{Limit: 1})
			require.ErrorIs(t, err, notifications.ErrEndpointNotFound)
			page, err := h.outbox.List(t.Context(), domain.Filter{Recipient: endpoint.ID.UUID},
				paging.Request{Limit: 1, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}})
			require.NoError(t, err)
			require.Empty(t, page.Items)
		})
	})
}

func TestSigningSecrets(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, server := newEnv(t, db, allowLocal), newReceiver(t)
		first := h.endpoint(t, server.url())
		send := func(h env) request {
			h.booked(t)
			h.drain(t)
			got := server.take()
			require.Len(t, got, 1)
			return got[0]
		}
		second, err := h.webhooks.Rotate(t.Context(), administrator, first.ID, anyVersion)
		require.NoError(t, err)
		require.NotEqual(t, first.Shown, second.Shown)
		t.Run("for a day after a rotation, both secrets sign", func(t *testing.T) {
			h.clock.Advance(domain.Rotation - time.Second)
			got := send(h)
			requireSigned(t, first.Shown, got)
			requireSigned(t, second.Shown, got)
			h.clock.Advance(time.Second)
			got = send(h)
			requireUnsigned(t, first.Shown, got)
			requireSigned(t, second.Shown, got)
		})
		t.Run("secrets are sealed", func(t *testing.T) {
			stored := h.receiver(t, first.ID)
			require.NotContains(t, string(stored.Secret), second.Shown)
			require.Equal(t, "[sealed]", fmt.Sprintf("%s", stored.Secret))
			require.NotContains(t, fmt.Sprintf("%+v %#v", stored, stored), string(stored.Secret))
		})
		t.Run("a previous SECRET_KEY still opens them, and a change seals them with the newest", func(t *testing.T) {
			during := newEnvWith(t, db, keysOf(t, secondSecret, firstSecret), allowLocal)
			after := newEnvWith(t, db, keysOf(t, secondSecret), allowLocal)
			requireSigned(t, second.Shown, send(during))
			after.booked(t)
			after.drain(t)
			require.Empty(t, server.take(), "no key opens it")
			require.Contains(t, fmt.Sprintf("%+v", after.deliveries(t, first.ID)), "LastError:sealed secret")
			text := "another"
			_, err := during.webhooks.Amend(t.Context(), administrator, first.ID, anyVersion,
				domain.ReceiverChanges{Description: &text})
			require.NoError(t, err)
			after.clock.Advance(time.Hour)
			after.drain(t)
			got := server.take()
			require.Len(t, got, 1)
			requireSigned(t, second.Shown, got[0])
		})
		t.Run("they are sealed with the newest key at the start", func(t *testing.T) {
			third := "a third secret of at least thirty-two bytes"
			both := newEnvWith(t, db, keysOf(t, third, secondSecret), allowLocal)
			before := h.receiver(t, first.ID)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- both.Run(ctx) }()
			require.Eventually(t, func() bool { return h.receiver(t, first.ID).Secret != before.Secret },
				5*time.Second, 10*time.Millisecond)
			stop()
			require.NoError(t, <-done)
			requireSigned(t, second.Shown, send(newEnvWith(t, db, keysOf(t, third), allowLocal)))
		})
	})
}

func TestNothingOfAnEndpointIsShown(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, server := newEnv(t, db, allowLocal), newReceiver(t)
		endpoint := h.endpoint(t, server.url())
		rotated, err := h.webhooks.Rotate(t.Context(), administrator, endpoint.ID, anyVersion)
		require.NoError(t, err)
		for _, status := range []int{http.StatusInternalServerError, http.StatusFound, http.StatusGone} {
			server.answer(status, "Location", server.url(), "Retry-After", canary)
			h.publish(t, h.changed(h.patient(canary+"@example.org"), twoWeeks, appointments.WasBooked))
			h.drain(t)
			h.clock.Advance(time.Hour)
		}
		require.Equal(t, domain.Gone, h.receiver(t, endpoint.ID).DisabledReason)
		for name, text := range map[string]string{
			"reports": h.reports.text(), "deliveries": fmt.Sprintf("%+v", h.all(t)),
			"trail": fmt.Sprintf("%+v", h.trail.Recorded()),
		} {
			require.Contains(t, text, endpoint.ID.String(), name)
			for _, hidden := range []string{canary, endpoint.Shown, rotated.Shown, "whsec_", "127.0.0.1"} {
				require.NotContains(t, text, hidden, name)
			}
		}
		for _, r := range server.take() {
			require.NotContains(t, r.body, canary)
		}
	})
}

func TestFailingEndpoints(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Run("five days of nothing but failures disable an endpoint", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			h.administrators = []identity.UserID{h.account("root@clinic.example")}
			server.answer(http.StatusInternalServerError)
			id := h.endpoint(t, server.url()).ID
			began := h.clock.Now()
			h.booked(t)
			h.drain(t)
			require.Equal(t, began, h.receiver(t, id).FailingSince)
			for h.receiver(t, id).Enabled && h.clock.Now().Before(began.Add(7*24*time.Hour)) {
				h.clock.Advance(time.Hour)
				h.booked(t)
				h.drain(t)
			}
			disabled := h.receiver(t, id)
			require.Equal(t, domain.Failing, disabled.DisabledReason)
			end := began.Add(domain.MaxFailing)
			require.WithinRange(t, h.clock.Now(), end, end.Add(2*time.Hour))
			require.Len(t, server.take(), 121, "one attempt an hour, of whatever waits the longest")
			states := h.statesOf(t, id)
			require.Zero(t, states[notifications.Pending])
			require.NotZero(t, states[notifications.Dead])
			require.NotZero(t, states[notifications.Cancelled])
			h.drain(t)
			mails := h.mail.take()
			require.Equal(t, []notifications.Kind{notifications.WebhookDisabled}, kindsOf(mails))
			require.Equal(t, "root@clinic.example", mails[0].To)
			var recorded []audit.Entry
			for _, entry := range h.trail.Recorded() {
				if entry.Resource == "Webhook" && entry.Action == audit.Update {
					recorded = append(recorded, entry.Entry)
				}
			}
			require.Len(t, recorded, 1)
			require.Equal(t, []string{"disabled_reason", "enabled"}, recorded[0].Fields)
			require.Equal(t, id.UUID, recorded[0].ResourceID)
			t.Run("then nothing is stored for it", func(t *testing.T) {
				before := len(h.deliveries(t, id))
				h.booked(t)
				require.Len(t, h.deliveries(t, id), before)
			})
			t.Run("enabled again, it gets the ones that were given up", func(t *testing.T) {
				server.answer(0)
				enabled := true
				again, err := h.webhooks.Amend(t.Context(), administrator, id, anyVersion,
					domain.ReceiverChanges{Enabled: &enabled})
				require.NoError(t, err)
				require.Equal(t, domain.NoReason, again.DisabledReason)
				require.Zero(t, again.FailingSince)
				dead := states[notifications.Dead]
				resent, err := h.administration.ResendDead(t.Context(), administrator, resending(notifications.Webhook))
				require.NoError(t, err)
				require.Equal(t, dead, resent)
				h.drain(t)
				require.Len(t, server.take(), dead)
			})
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
		t.Run("a success ends a series of failures, and later ones write nothing", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			id := h.endpoint(t, server.url()).ID
			server.answer(http.StatusBadGateway)
			h.booked(t)
			h.drain(t)
			require.NotZero(t, h.receiver(t, id).FailingSince)
			server.answer(0)
			h.clock.Advance(time.Hour)
			h.drain(t)
			works := h.receiver(t, id)
			require.Zero(t, works.FailingSince)
			h.booked(t)
			h.drain(t)
			require.Equal(t, works, h.receiver(t, id))
			require.Equal(t, map[notifications.State]int{notifications.Sent: 2}, h.statesOf(t, id))
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
		t.Run("an administrator who sets enabled ends a pause, and what failed is due at once", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			id := h.endpoint(t, server.url()).ID
			server.answer(http.StatusBadGateway)
			h.booked(t)
			h.drain(t)
			h.clock.Advance(time.Hour)
			h.drain(t)
			require.Len(t, server.take(), 2)
			server.answer(0)
			h.drain(t)
			require.Empty(t, server.take(), "the next attempt is due later")
			enabled := true
			changed, err := h.webhooks.Amend(t.Context(), administrator, id, anyVersion,
				domain.ReceiverChanges{Enabled: &enabled})
			require.NoError(t, err)
			require.Zero(t, changed.FailingSince)
			h.drain(t)
			require.Len(t, server.take(), 1)
			require.Equal(t, map[notifications.State]int{notifications.Sent: 1}, h.statesOf(t, id))
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
		t.Run("410 disables an endpoint and cancels its pending webhooks", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			server.answer(http.StatusGone)
			id := h.endpoint(t, server.url()).ID
			for range 3 {
				h.booked(t)
			}
			h.drain(t)
			require.Len(t, server.take(), 1)
			require.Equal(t, domain.Gone, h.receiver(t, id).DisabledReason)
			require.Equal(t, map[notifications.State]int{notifications.Dead: 1, notifications.Cancelled: 2},
				h.statesOf(t, id))
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
		t.Run("a URL that is no longer permitted disables an endpoint, an address does not", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			id := h.endpoint(t, server.url()).ID
			elsewhere := newEnv(t, db, func(cfg *notifications.Config) {
				cfg.WebhookAllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
			})
			elsewhere.booked(t)
			elsewhere.drain(t)
			require.True(t, h.receiver(t, id).Enabled)
			require.Equal(t, "forbidden address", h.deliveries(t, id)[0].LastError)
			require.Equal(t, notifications.Pending, h.deliveries(t, id)[0].State)
			strict := newEnv(t, db)
			strict.clock.Advance(time.Hour)
			strict.drain(t)
			require.Equal(t, domain.ForbiddenURL, h.receiver(t, id).DisabledReason)
			require.Empty(t, server.take())
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
		t.Run("Retry-After is obeyed, by other webhooks of the endpoint as well", func(t *testing.T) {
			h, server := newEnv(t, db, allowLocal), newReceiver(t)
			server.answer(http.StatusTooManyRequests, "Retry-After", "7200")
			id := h.endpoint(t, server.url()).ID
			h.booked(t)
			h.booked(t)
			h.drain(t)
			require.Len(t, server.take(), 1)
			server.answer(0)
			h.clock.Advance(2*time.Hour - time.Second)
			h.drain(t)
			require.Empty(t, server.take())
			h.clock.Advance(time.Second)
			h.drain(t)
			require.Len(t, server.take(), 2)
			require.NoError(t, h.webhooks.Remove(t.Context(), administrator, id, anyVersion))
		})
	})
}

// A receiver that hangs has 2 workers at first, one after a failure, and none of those that others need.
func TestOneEndpointDelaysNoOther(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db, allowLocal)
		hanging, quick := newReceiver(t), newReceiver(t)
		release := make(chan struct{})
		defer close(release)
		hanging.respond = func(http.ResponseWriter) { <-release }
		slow, fast := h.endpoint(t, hanging.url()), h.endpoint(t, quick.url())
		const events = 60
		for range events {
			h.booked(t)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		require.Eventually(t, func() bool {
			return h.statesOf(t, fast.ID)[notifications.Sent] == events
		}, 8*time.Second, 20*time.Millisecond, "before the first attempt at the other endpoint ends")
		require.Len(t, hanging.take(), 2, "at most two workers wait for it")
		require.Equal(t, map[notifications.State]int{notifications.Pending: events}, h.statesOf(t, slow.ID))
		require.Zero(t, h.receiver(t, slow.ID).FailingSince)
		stop()
		require.NoError(t, <-done)
		for _, d := range h.deliveries(t, slow.ID) {
			require.Zero(t, d.Attempts, "an attempt that the end of the program has ended does not count")
		}
	})
}

// Of an endpoint that fails, one webhook at a time is tried, and the others do not count as failed.
func TestFailuresOfAnEndpointPauseIt(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, server := newEnv(t, db, allowLocal), newReceiver(t)
		server.answer(http.StatusServiceUnavailable)
		id := h.endpoint(t, server.url()).ID
		for range 30 {
			h.booked(t)
		}
		var at []time.Duration
		for range 240 {
			h.drain(t)
			for range server.take() {
				at = append(at, h.clock.Now().Sub(now))
			}
			h.clock.Advance(30 * time.Second)
		}
		require.Equal(t, []time.Duration{
			0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second, 930 * time.Second,
			1830 * time.Second, 2730 * time.Second, 3630 * time.Second, 4530 * time.Second, 5430 * time.Second,
			6330 * time.Second,
		}, at)
		attempts := 0
		for _, d := range h.deliveries(t, id) {
			attempts += d.Attempts
		}
		require.Equal(t, len(at), attempts)
		server.answer(0)
		h.clock.Advance(6 * time.Hour)
		h.drain(t)
		require.Equal(t, map[notifications.State]int{notifications.Sent: 30}, h.statesOf(t, id))
	})
}

func TestManagingEndpoints(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, server := newEnv(t, db, allowLocal), newReceiver(t)
		endpoint := h.endpoint(t, server.url())
		amend := func(changes domain.ReceiverChanges) (domain.Receiver, error) {
			return h.webhooks.Amend(t.Context(), administrator, endpoint.ID, anyVersion, changes)
		}
		t.Run("a new URL and unknown kinds are validated", func(t *testing.T) {
			strict := newEnv(t, db)
			for _, url := range []string{"", "http://hooks.clinic.example", "https://10.0.0.1/"} {
				_, err := strict.webhooks.Amend(t.Context(), administrator, endpoint.ID, anyVersion,
					domain.ReceiverChanges{URL: &url})
				require.Equal(t, errs.Invalid, errs.KindOf(err), url)
				require.NotContains(t, fmt.Sprint(err), "10.0.0.1")
			}
			text := "kept"
			_, err := strict.webhooks.Amend(t.Context(), administrator, endpoint.ID, anyVersion,
				domain.ReceiverChanges{Description: &text})
			require.NoError(t, err, "a URL that stays is not")
			enabled, disabled := true, false
			for _, change := range []*bool{&enabled, &disabled} { // it is enabled, and this URL is no longer permitted
				_, err = strict.webhooks.Amend(t.Context(), administrator, endpoint.ID, anyVersion,
					domain.ReceiverChanges{Enabled: change})
				require.NoError(t, err)
			}
			_, err = strict.webhooks.Amend(t.Context(), administrator, endpoint.ID, anyVersion,
				domain.ReceiverChanges{Enabled: &enabled})
			require.Equal(t, errs.Invalid, errs.KindOf(err), "it would be disabled again at the next event")
			_, err = amend(domain.ReceiverChanges{Enabled: &enabled})
			require.NoError(t, err)
			_, err = amend(domain.ReceiverChanges{Kinds: &[]notifications.Kind{"account.password-reset"}})
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
		t.Run("an administrator who disables an endpoint cancels its webhooks", func(t *testing.T) {
			h.booked(t)
			disabled := false
			changed, err := amend(domain.ReceiverChanges{Enabled: &disabled})
			require.NoError(t, err)
			require.Equal(t, domain.NoReason, changed.DisabledReason)
			h.drain(t)
			require.Empty(t, server.take())
			require.Equal(t, map[notifications.State]int{notifications.Cancelled: 1}, h.statesOf(t, endpoint.ID))
		})
		t.Run("a test is sent at once, also to a disabled endpoint, and changes nothing", func(t *testing.T) {
			before := h.receiver(t, endpoint.ID)
			result, err := h.webhooks.Test(t.Context(), administrator, endpoint.ID)
			require.NoError(t, err)
			require.Equal(t, app.TestResult{Delivered: true}, result)
			got := server.take()
			require.Len(t, got, 1)
			requireSigned(t, endpoint.Shown, got[0])
			require.Contains(t, got[0].body, `"type":"webhook.test"`)
			server.answer(http.StatusInternalServerError)
			result, err = h.webhooks.Test(t.Context(), administrator, endpoint.ID)
			require.NoError(t, err)
			require.Equal(t, app.TestResult{Code: "http 500"}, result)
			require.Equal(t, before, h.receiver(t, endpoint.ID))
			require.Len(t, h.deliveries(t, endpoint.ID), 1)
			_, err = h.webhooks.Test(t.Context(), administrator, recordid.New[notifications.EndpointID]())
			require.ErrorIs(t, err, notifications.ErrEndpointNotFound)
		})
		t.Run("a test ends before its request", func(t *testing.T) {
			server.mu.Lock()
			server.respond = func(http.ResponseWriter) { time.Sleep(2 * time.Second) }
			server.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			result, err := h.webhooks.Test(ctx, administrator, endpoint.ID)
			require.NoError(t, err)
			require.Equal(t, "timeout", result.Code)
			require.NoError(t, ctx.Err())
			server.answer(0)
		})
		t.Run("tests of one user are limited", func(t *testing.T) {
			var err error
			for range 20 {
				if _, err = h.webhooks.Test(t.Context(), administrator, endpoint.ID); err != nil {
					break
				}
			}
			require.Equal(t, errs.Throttled, errs.KindOf(err))
			other := auth.Principal{UserID: uuid.New(), Role: auth.Admin}
			_, err = h.webhooks.Test(t.Context(), other, endpoint.ID)
			require.NoError(t, err)
		})
		t.Run("there are at most 50", func(t *testing.T) {
			for range domain.MaxEndpoints - 1 {
				h.endpoint(t, server.url())
			}
			url := server.url()
			_, err := h.webhooks.Add(t.Context(), administrator, domain.ReceiverChanges{URL: &url})
			require.ErrorIs(t, err, notifications.ErrTooManyEndpoints)
			listed, err := h.webhooks.List(t.Context(), administrator)
			require.NoError(t, err)
			require.Len(t, listed, domain.MaxEndpoints)
		})
		t.Run("webhooks to endpoints that another process had removed end", func(t *testing.T) {
			orphan := domain.NewWebhook(notifications.AppointmentBooked, recordid.New[notifications.EndpointID](),
				domain.Subject{ID: uuid.New()}, now)
			require.NoError(t, h.outbox.Add(t.Context(), orphan))
			require.NoError(t, h.receivers.CancelOrphans(t.Context(), domain.CodeDisabled, now))
			found, err := h.outbox.Find(t.Context(), orphan.ID)
			require.NoError(t, err)
			require.Equal(t, notifications.Cancelled, found.State)
		})
	})
}
