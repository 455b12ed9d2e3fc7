package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

func kindsOf(messages []domain.Message) (kinds []notifications.Kind) {
	for _, m := range messages {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

const twoWeeks = 14 * 24 * time.Hour

func TestMessagesAboutAppointments(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Run("a booking is confirmed at once, and reminded of a day before", func(t *testing.T) {
			h := newEnv(t, db)
			booked := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasBooked)
			h.publish(t, booked)
			sent := h.drained(t)
			require.Equal(t, []notifications.Kind{notifications.AppointmentBooked}, kindsOf(sent))
			require.Equal(t, "ben@example.org", sent[0].To)
			require.Zero(t, sent[0].When, "the time is not shown by default")
			h.clock.Advance(twoWeeks - 25*time.Hour)
			require.Empty(t, h.drained(t), "an hour too early")
			h.clock.Advance(time.Hour)
			require.Equal(t, []notifications.Kind{notifications.AppointmentReminder}, kindsOf(h.drained(t)))
			h.clock.Advance(time.Hour)
			require.Empty(t, h.drained(t))
		})
		t.Run("a moved one is reminded of before its new time only", func(t *testing.T) {
			h := newEnv(t, db)
			event := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasBooked)
			h.publish(t, event)
			require.Len(t, h.drained(t), 1)
			event.Version, event.Change, event.StartsAt = 2, appointments.WasMoved, event.StartsAt.Add(twoWeeks)
			h.visits[event.ID] = event.Appointment
			h.publish(t, event)
			require.Equal(t, []notifications.Kind{notifications.AppointmentMoved}, kindsOf(h.drained(t)))
			h.clock.Advance(twoWeeks)
			require.Empty(t, h.drained(t))
			h.clock.Advance(twoWeeks - 24*time.Hour)
			require.Equal(t, []notifications.Kind{notifications.AppointmentReminder}, kindsOf(h.drained(t)))
		})
		t.Run("a cancelled one withdraws what was not sent", func(t *testing.T) {
			h := newEnv(t, db)
			event := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasBooked)
			h.publish(t, event)
			event.Version, event.Change, event.Status = 2, appointments.WasCancelled, appointments.Cancelled
			h.visits[event.ID] = event.Appointment
			h.publish(t, event)
			require.Equal(t, []notifications.Kind{notifications.AppointmentCancelled}, kindsOf(h.drained(t)))
			h.clock.Advance(twoWeeks)
			require.Empty(t, h.drained(t))
		})
		t.Run("what the appointment no longer is, is not sent, also without an event", func(t *testing.T) {
			h := newEnv(t, db)
			event := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasBooked)
			h.publish(t, event)
			visit := event.Appointment
			visit.Status = appointments.Cancelled
			h.visits[visit.ID] = visit
			require.Empty(t, h.drained(t))
			h.clock.Advance(twoWeeks - time.Hour)
			require.Empty(t, h.drained(t))
		})
		t.Run("an appointment of tomorrow has no reminder, and one that has passed no message", func(t *testing.T) {
			h := newEnv(t, db)
			patient := h.patient("ben@example.org")
			h.publish(t, h.changed(patient, 23*time.Hour, appointments.WasBooked))
			h.publish(t, h.changed(patient, -time.Hour, appointments.WasBooked))
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasHeld))
			require.Equal(t, []notifications.Kind{notifications.AppointmentBooked}, kindsOf(h.drained(t)))
			h.clock.Advance(20 * time.Hour)
			require.Empty(t, h.drained(t))
		})
		t.Run("a request is acknowledged, and reminded of once it is confirmed", func(t *testing.T) {
			h := newEnv(t, db)
			event := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasRequested)
			h.publish(t, event)
			require.Equal(t, []notifications.Kind{notifications.AppointmentRequested}, kindsOf(h.drained(t)))
			event.Version, event.Change, event.Status = 2, appointments.WasBooked, appointments.Booked
			h.visits[event.ID] = event.Appointment
			h.publish(t, event)
			require.Equal(t, []notifications.Kind{notifications.AppointmentBooked}, kindsOf(h.drained(t)))
			h.clock.Advance(twoWeeks - time.Hour)
			require.Equal(t, []notifications.Kind{notifications.AppointmentReminder}, kindsOf(h.drained(t)))
		})
		t.Run("the time is shown if the operator chooses so", func(t *testing.T) {
			h := newEnv(t, db, func(cfg *notifications.Config) { cfg.Detail = notifications.TimeDetail })
			event := h.changed(h.patient("ben@example.org"), twoWeeks, appointments.WasBooked)
			h.publish(t, event)
			sent := h.drained(t)
			require.Len(t, sent, 1)
			require.Equal(t, event.StartsAt, sent[0].When)
			require.Equal(t, zone, sent[0].Zone.String())
		})
	})
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		book := func(patient patients.ID) []domain.Message {
			h.clock.Advance(time.Hour)
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasBooked))
			return h.drained(t)
		}
		t.Run("the account of a patient comes before the address of the record", func(t *testing.T) {
			patient := h.patient("record@example.org")
			contact, account := h.contacts[patient], h.account("own@example.org")
			contact.Account = account.UUID
			h.contacts[patient] = contact
			require.Equal(t, "own@example.org", book(patient)[0].To)
			t.Run("unless it is disabled", func(t *testing.T) {
				h.accounts[account] = identity.Contact{Email: "own@example.org"}
				require.Equal(t, "record@example.org", book(patient)[0].To)
			})
		})
		t.Run("nothing is sent to a patient without an address, or who was removed", func(t *testing.T) {
			require.Empty(t, book(h.patient("")))
			require.Empty(t, book(recordid.New[patients.ID]()))
		})
		t.Run("a removed patient or account has no deliveries", func(t *testing.T) {
			patient, user := h.patient("ben@example.org"), h.account("meera@example.org")
			before := len(h.all(t))
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasBooked))
			h.publish(t, identity.PasswordChanged{User: user})
			require.Len(t, h.all(t), before+3)
			h.publish(t, patients.Deleted{IDs: []patients.ID{patient}})
			h.publish(t, identity.Removed{User: user})
			require.Len(t, h.all(t), before)
		})
		t.Run("an emergency access is announced to the keeper and the patient", func(t *testing.T) {
			patient := h.patient("ben@example.org")
			h.publish(t, patients.Claimed{ID: patient, User: uuid.New(), Basis: "emergency"})
			sent := h.drained(t)
			require.ElementsMatch(t, []string{"ben@example.org", "keeper@clinic.example"}, addresses(sent))
			require.Equal(t, notifications.EmergencyAccess, sent[0].Kind)
			require.Empty(t, sent[0].Unsubscribe)
			t.Run("and a claim of the own record to the keeper", func(t *testing.T) {
				h.publish(t, patients.Claimed{ID: patient, User: uuid.New(), Basis: "self", Represents: true})
				sent := h.drained(t)
				require.Equal(t, []string{"keeper@clinic.example"}, addresses(sent))
				require.Equal(t, notifications.AccessGranted, sent[0].Kind)
			})
		})
		t.Run("a link and a new network are announced to the user", func(t *testing.T) {
			user := h.account("meera@example.org")
			h.publish(t, doctors.Linked{ID: recordid.New[doctors.ID](), User: user.UUID})
			h.publish(t, identity.SignedInFromNewNetwork{User: user, At: now})
			sent := h.drained(t)
			require.Equal(t, []notifications.Kind{notifications.DoctorLinked, notifications.NewNetwork}, kindsOf(sent))
			require.Equal(t, []string{"meera@example.org", "meera@example.org"}, addresses(sent))
		})
	})
}

func addresses(messages []domain.Message) (all []string) {
	for _, m := range messages {
		all = append(all, m.To)
	}
	return all
}

func TestTokens(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		wanted := identity.TokenWanted{
			User: h.account("meera@example.org"), Purpose: identity.PasswordReset, Generation: 7,
			ExpiresAt: now.Add(30 * time.Minute),
		}
		t.Run("a token is made when it is sent", func(t *testing.T) {
			h.publish(t, wanted)
			sent := h.drained(t)
			require.Len(t, sent, 1)
			require.Equal(t, "a-token", sent[0].Token)
			require.Equal(t, 30*time.Minute, sent[0].Validity)
		})
		t.Run("a token that is no longer wanted is not sent", func(t *testing.T) {
			replaced := wanted
			replaced.Generation = 6
			h.publish(t, replaced)
			require.Empty(t, h.drained(t))
		})
		t.Run("an unknown address has a row that is never sent", func(t *testing.T) {
			before := len(h.all(t))
			unknown := wanted
			unknown.User = identity.UserID{}
			h.publish(t, unknown)
			require.Len(t, h.all(t), before+1)
			require.Empty(t, h.drained(t))
		})
		t.Run("an expired token is not sent, and cannot be sent again", func(t *testing.T) {
			h.mail.fail(domain.ForNow, "451")
			h.publish(t, wanted)
			require.Empty(t, h.drained(t))
			h.mail.failure = nil
			h.clock.Advance(31 * time.Minute)
			require.Empty(t, h.drained(t))
			all := h.all(t)
			last := all[len(all)-1]
			require.Equal(t, notifications.Dead, last.State)
			_, err := h.administration.Resend(t.Context(), auth.Principal{}, last.ID)
			require.ErrorIs(t, err, notifications.ErrNotResendable)
			resent, err := h.administration.ResendDead(t.Context(), auth.Principal{}, resending(notifications.Mail))
			require.NoError(t, err)
			require.Zero(t, resent)
		})
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		announce := func(t *testing.T, h env) {
			h.publish(t, identity.PasswordChanged{User: h.account("meera@example.org")})
		}
		t.Run("a server that is down for three days gives up nothing", func(t *testing.T) {
			h := newEnv(t, db)
			for range 25 {
				announce(t, h)
			}
			calls := 0
			h.mail.failure = func(domain.Message) error {
				calls++
				return &domain.Failure{Scope: domain.OfChannel, Code: "refused"}
			}
			for range 3 * 24 * 12 {
				h.clock.Advance(5 * time.Minute)
				require.Empty(t, h.drained(t))
			}
			require.LessOrEqual(t, calls, 3*24*4+10, "the channel pauses up to 15 minutes")
			require.Equal(t, map[notifications.State]int{notifications.Pending: 25}, h.states(t))
			h.mail.failure = nil
			h.clock.Advance(16 * time.Minute)
			require.Len(t, h.drained(t), 25)
			for _, d := range h.all(t) {
				require.Equal(t, 1, d.Attempts, "attempts at a server that is down do not count")
			}
		})
		t.Run("a message that is postponed is sent after growing waits, and given up after four days",
			func(t *testing.T) {
				h := newEnv(t, db)
				before := h.states(t)[notifications.Dead]
				announce(t, h)
				var attempts []time.Time
				h.mail.failure = func(domain.Message) error {
					attempts = append(attempts, h.clock.Now())
					return &domain.Failure{Scope: domain.ForNow, Code: "451 4.7.1"}
				}
				for range 5 * 24 * 12 {
					h.clock.Advance(5 * time.Minute)
					require.Empty(t, h.drained(t))
				}
				require.Equal(t, before+1, h.states(t)[notifications.Dead])
				require.Greater(t, len(attempts), 15)
				require.Less(t, len(attempts), 35)
				require.Less(t, attempts[len(attempts)-1].Sub(now), 4*24*time.Hour+time.Minute)
				h.mail.failure = nil
				resent, err := h.administration.ResendDead(t.Context(), auth.Principal{}, resending(notifications.Mail))
				require.NoError(t, err)
				require.Equal(t, 1, resent)
				require.Len(t, h.drained(t), 1)
			})
		t.Run("addresses to which nothing can be sent are given up at once, and pause nothing", func(t *testing.T) {
			h := newEnv(t, db)
			const bad = "nobody@"
			h.mail.failure = func(m domain.Message) error {
				if m.To == bad {
					return &domain.Failure{Scope: domain.Permanently, Code: "invalid address"}
				}
				return nil
			}
			before := h.states(t)[notifications.Dead]
			for range 12 {
				h.publish(t, identity.PasswordChanged{User: h.account(bad)})
			}
			announce(t, h)
			require.Len(t, h.drained(t), 1)
			require.Equal(t, before+12, h.states(t)[notifications.Dead])
		})
		t.Run("a recipient is given up at the second rejection, if others are accepted meanwhile", func(t *testing.T) {
			h := newEnv(t, db)
			const bad = "nobody@example.org"
			h.mail.failure = func(m domain.Message) error {
				if m.To == bad {
					return &domain.Failure{Scope: domain.Permanently, Code: "550 5.1.1", Doubtful: true}
				}
				return nil
			}
			h.publish(t, identity.PasswordChanged{User: h.account(bad)})
			require.Empty(t, h.drained(t))
			all := h.all(t)
			rejected := all[len(all)-1].ID
			state := func() domain.Delivery {
				found, err := h.outbox.Find(t.Context(), rejected)
				require.NoError(t, err)
				return found
			}
			h.clock.Advance(time.Minute)
			require.Empty(t, h.drained(t))
			require.Equal(t, notifications.Pending, state().State, "everybody may be rejected")
			announce(t, h)
			require.Len(t, h.drained(t), 1)
			h.clock.Advance(time.Hour)
			require.Empty(t, h.drained(t))
			require.Equal(t, notifications.Dead, state().State)
			require.Equal(t, "550 5.1.1", state().LastError)
			t.Run("and can be sent again with the same id", func(t *testing.T) {
				h.mail.failure = nil
				resent, err := h.administration.Resend(t.Context(), auth.Principal{}, rejected)
				require.NoError(t, err)
				require.Equal(t, notifications.Pending, resent.State)
				require.Equal(t, rejected.UUID, h.drained(t)[0].ID)
				_, err = h.administration.Withdraw(t.Context(), auth.Principal{}, rejected)
				require.ErrorIs(t, err, notifications.ErrNotPending)
			})
		})
		t.Run("a server that rejects everybody pauses, and gives up nothing", func(t *testing.T) {
			h := newEnv(t, db)
			announce(t, h)
			require.Len(t, h.drained(t), 1)
			before := h.states(t)[notifications.Dead]
			tried := 0
			h.mail.failure = func(domain.Message) error {
				tried++
				return &domain.Failure{Scope: domain.Permanently, Code: "554", Doubtful: true}
			}
			for range 40 {
				announce(t, h)
			}
			require.Empty(t, h.drained(t))
			require.Equal(t, 10, tried)
			for range 48 {
				h.clock.Advance(time.Hour)
				require.Empty(t, h.drained(t))
			}
			states := h.states(t)
			require.Equal(t, before, states[notifications.Dead])
			require.Equal(t, 40, states[notifications.Pending])
			h.mail.failure = nil
			for range 9 { // a delivery waits up to 7.2 hours
				h.clock.Advance(time.Hour)
				require.NoError(t, h.Drain(t.Context()))
			}
			require.Len(t, h.mail.take(), 40)
		})
		t.Run("recipients at whom the server ends the connection do not hold back others", func(t *testing.T) {
			h := newEnv(t, db)
			const bad = "bad@example.org"
			h.mail.failure = func(m domain.Message) error {
				if m.To == bad {
					return &domain.Failure{Scope: domain.ForNow, Code: "421 4.7.0", Doubtful: true}
				}
				return nil
			}
			for range 12 {
				h.publish(t, identity.PasswordChanged{User: h.account(bad)})
			}
			for range 28 {
				announce(t, h)
			}
			sent := 0
			for range 10 {
				sent += len(h.drained(t))
				h.clock.Advance(30 * time.Second)
			}
			require.Equal(t, 28, sent)
		})
		t.Run("an unknown error, and a failure of the store, are tried again", func(t *testing.T) {
			h := newEnv(t, db)
			h.mail.failure = func(domain.Message) error { return errors.New("unknown") }
			announce(t, h)
			require.Empty(t, h.drained(t))
			h.mail.failure, h.failure = nil, errors.New("the store is gone")
			h.clock.Advance(time.Hour)
			require.Empty(t, h.drained(t))
			h.failure = nil
			h.clock.Advance(time.Hour)
			require.Len(t, h.drained(t), 1)
		})
		t.Run("a message of a transaction that fails is not sent", func(t *testing.T) {
			h := newEnv(t, db)
			before := len(h.all(t))
			undone := errors.New("undone")
			err := db.Do(t.Context(), func(ctx context.Context) error {
				event := identity.PasswordChanged{User: h.account("x@example.org")}
				return errors.Join(undone, h.events.Publish(ctx, event))
			})
			require.ErrorIs(t, err, undone)
			require.Len(t, h.all(t), before)
		})
	})
}

func TestConcurrentWorkers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		const messages = 200
		user := h.account("meera@example.org")
		for range messages {
			h.publish(t, identity.PasswordChanged{User: user})
		}
		var working sync.WaitGroup
		failed := make(chan error, 8)
		for range cap(failed) {
			working.Go(func() { failed <- h.Drain(t.Context()) })
		}
		working.Wait()
		for range cap(failed) {
			require.NoError(t, <-failed)
		}
		require.Len(t, h.mail.sent, messages)
		for id, times := range h.mail.sent {
			require.Equal(t, 1, times, id)
		}
		require.Equal(t, map[notifications.State]int{notifications.Sent: messages}, h.states(t))
	})
}

func TestMailsAboutAccountsAreFirst(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		for i := range 25 {
			h.publish(t, h.changed(h.patient(fmt.Sprintf("p%d@example.org", i)), twoWeeks, appointments.WasBooked))
		}
		h.clock.Advance(time.Second)
		h.publish(t, identity.PasswordChanged{User: h.account("meera@example.org")})
		sent := h.drained(t)
		require.Len(t, sent, 26)
		require.Equal(t, notifications.PasswordChanged, sent[0].Kind)
	})
}

func TestLeases(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		h.publish(t, identity.PasswordChanged{User: h.account("meera@example.org")})
		claimed, err := h.outbox.Claim(t.Context(), h.clock.Now(), 2*time.Minute, 10)
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Empty(t, h.drained(t), "another worker has it")
		h.clock.Advance(2 * time.Minute)
		require.Len(t, h.drained(t), 1, "the lease has ended")
		first := claimed[0]
		first.Fail(domain.Failure{Scope: domain.Permanently, Code: "550"}, h.clock.Now(), 0)
		settled, err := h.outbox.Settle(t.Context(), first, 1)
		require.NoError(t, err)
		require.False(t, settled, "the worker that had lost its lease changes nothing")
		require.Equal(t, map[notifications.State]int{notifications.Sent: 1}, h.states(t))
	})
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		patient := h.patient("ben@example.org")
		h.publish(t, h.changed(patient, twoWeeks, appointments.WasBooked))
		sent := h.drained(t)
		require.Len(t, sent, 1)
		link, found := strings.CutPrefix(sent[0].Unsubscribe, publicURL+"/unsubscribe/")
		require.True(t, found)
		token, found := strings.CutPrefix(link, "appointment.booked.")
		require.True(t, found)
		t.Run("a link changes its kind only, and may be used again", func(t *testing.T) {
			for range 2 {
				page, err := h.preferences.Unsubscribe(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, page.Button)
				asked, err := h.preferences.AskUnsubscribe(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, page, asked)
			}
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasBooked))
			require.Empty(t, h.drained(t))
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasRequested))
			require.Len(t, h.drained(t), 1)
		})
		t.Run("a link of another kind, an altered one and one of security are unknown", func(t *testing.T) {
			altered := []byte(link)
			altered[len(altered)-3] ^= 1
			for _, unknown := range []string{
				"", ".", "appointment.booked.", "appointment.booked", token, "appointment.reminder." + token,
				"account.password-reset." + token, "unknown." + token, link + "A", link[:len(link)-1], string(altered),
			} {
				_, err := h.preferences.Unsubscribe(t.Context(), unknown)
				require.ErrorIs(t, err, notifications.ErrUnknownLink, unknown)
				_, err = h.preferences.AskUnsubscribe(t.Context(), unknown)
				require.ErrorIs(t, err, notifications.ErrUnknownLink, unknown)
			}
		})
		t.Run("every kind that cannot be declined is sent in spite of preferences", func(t *testing.T) {
			user := h.account("meera@example.org")
			who := auth.Principal{UserID: user.UUID}
			declined := []notifications.Kind{notifications.PasswordChanged}
			_, err := h.preferences.Change(t.Context(), who, anyVersion, domain.Changes{Declined: &declined})
			require.Error(t, err)
			h.publish(t, identity.PasswordChanged{User: user})
			require.Len(t, h.drained(t), 1)
		})
		t.Run("language, time zone and quiet hours are those of the recipient", func(t *testing.T) {
			user := h.account("rui@example.org")
			patient := h.patient("")
			h.contacts[patient] = patients.Contact{Account: user.UUID}
			language, tokyo, quiet := "de", "Asia/Tokyo", "18:00-09:00"
			_, err := h.preferences.Change(t.Context(), auth.Principal{UserID: user.UUID}, anyVersion,
				domain.Changes{Language: &language, TimeZone: &tokyo, QuietHours: &quiet})
			require.NoError(t, err)
			// The appointment begins at 18:30 in Tokyo. A day before is half an hour after the begin of quiet hours.
			h.publish(t, h.changed(patient, twoWeeks+30*time.Minute, appointments.WasBooked))
			require.Equal(t, "de", h.drained(t)[0].Language)
			h.clock.Advance(twoWeeks - 24*time.Hour - 16*time.Minute)
			require.NotContains(t, addresses(h.drained(t)), "rui@example.org")
			h.clock.Advance(time.Minute)
			require.Equal(t, []string{"rui@example.org"}, addresses(h.drained(t)))
		})
	})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		user := h.account("meera@example.org")
		h.publish(t, identity.PasswordChanged{User: user})
		require.Len(t, h.drained(t), 1)
		h.publish(t, identity.PasswordChanged{User: user})
		claimed, err := h.outbox.Claim(t.Context(), now, time.Minute, 10)
		require.NoError(t, err)
		claimed[0].Fail(domain.Failure{Scope: domain.Permanently, Code: "550"}, now, 0)
		_, err = h.outbox.Settle(t.Context(), claimed[0], 1)
		require.NoError(t, err)
		h.publish(t, identity.PasswordChanged{User: user})
		prune := func() int {
			pruned, err := h.outbox.Prune(t.Context(), now.Add(time.Second), now.Add(time.Minute), 500)
			require.NoError(t, err)
			return pruned
		}
		require.Equal(t, 2, prune())
		require.Equal(t, map[notifications.State]int{notifications.Pending: 1}, h.states(t))
	})
}

func TestRestraint(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		book := func(h env, patient patients.ID, times int) {
			for range times {
				h.publish(t, h.changed(patient, twoWeeks, appointments.WasBooked))
			}
		}
		t.Run("a message without news is not sent within five minutes", func(t *testing.T) {
			h := newEnv(t, db)
			patient := h.patient("ben@example.org")
			book(h, patient, 52)
			require.Len(t, h.drained(t), 1)
			h.publish(t, h.changed(patient, twoWeeks, appointments.WasRequested))
			book(h, patient, 1)
			require.Len(t, h.drained(t), 2, "the last message was another one")
			h.clock.Advance(6 * time.Minute)
			book(h, patient, 1)
			require.Len(t, h.drained(t), 1)
		})
		t.Run("an address gets some in an hour, also of several patients, and the others later", func(t *testing.T) {
			h := newEnv(t, db, func(cfg *notifications.Config) {
				cfg.MailsPerHour, cfg.Detail = 3, notifications.TimeDetail
			})
			for range 5 {
				book(h, h.patient("Victim@example.org"), 1)
			}
			book(h, h.patient("other@example.org"), 1)
			require.Len(t, h.drained(t), 4)
			h.clock.Advance(21 * time.Minute)
			require.Len(t, h.drained(t), 1)
			h.clock.Advance(time.Hour)
			require.Len(t, h.drained(t), 1)
		})
	})
}

func TestEndOfTheProgram(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		h.publish(t, identity.PasswordChanged{User: h.account("meera@example.org")})
		ctx, stop := context.WithCancel(t.Context())
		h.mail.failure = func(domain.Message) error {
			stop()                             // the end of the program begins while the server reads the message
			time.Sleep(100 * time.Millisecond) // so that an attempt that ends with it would have ended
			return h.mail.attempt.Err()
		}
		require.NoError(t, h.Drain(ctx))
		require.Equal(t, map[notifications.State]int{notifications.Sent: 1}, h.states(t))
	})
}
