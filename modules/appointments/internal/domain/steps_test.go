package domain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

var (
	now    = time.Date(2026, time.November, 30, 6, 0, 0, 0, time.UTC)
	doctor = recordid.New[doctors.ID]()
)

// newType returns a type of 30 minutes with buffers of 5 and 10 minutes.
func newType(capacity int, needsConfirmation bool) domain.Type {
	return domain.Type{ID: recordid.New[domain.TypeID](), TypeDetails: domain.TypeDetails{
		Minutes: 30, BufferBefore: 5, BufferAfter: 10, Capacity: capacity, NeedsConfirmation: needsConfirmation,
		Active: true,
	}}
}

// newAppointment returns an appointment with a status that starts after now. A reservation has not expired.
func newAppointment(status appointments.Status, after time.Duration) domain.Appointment {
	patient := patients.Patient{ID: recordid.New[patients.ID](), Owner: uuid.New()}
	a := domain.New(patient, "Cough", uuid.New(), now.Add(-time.Hour))
	a.Place(doctor, newType(1, false), now.Add(after), time.UTC)
	a.Status, a.Version, a.Sequence = status, 3, 2
	if status == appointments.Held {
		a.ExpiresAt = now.Add(time.Minute)
	}
	return a
}

// stepTable has the result of each step by the status before: the status after it; "409" for
// appointments.ErrStatus, "403" for appointments.ErrNotPatients, "expired" for appointments.ErrHoldExpired. The first
// is that of the practice, the second that of the patient, who is not asked where use cases reject patients before.
// "confirm*" is of a type that the practice confirms. The appointment has begun for no-show only.
const stepTable = `
                 confirm         confirm*        cancel              move            arrive  complete  no-show void
held             booked/booked   booked/pending  cancelled/cancelled held/held       409     409       409     void
pending          booked/403      booked/403      cancelled/cancelled booked/booked   409     409       409     void
booked           409/409         409/409         cancelled/cancelled booked/booked   arrived 409       noshow  void
arrived          409/409         409/409         cancelled/409       409/409         409     fulfilled 409     void
fulfilled        409/409         409/409         409/409             409/409         409     409       409     void
cancelled        409/409         409/409         409/409             409/409         409     409       409     void
noshow           409/409         409/409         409/409             409/409         arrived 409       409     void
entered-in-error 409/409         409/409         409/409             409/409         409     409       409     409
expired          expired/expired expired/expired 409/409             expired/expired 409     409       409     void
`

// steps are the steps of the table.
var steps = map[string]func(a *domain.Appointment, byPatient bool) error{
	"confirm": func(a *domain.Appointment, byPatient bool) error {
		_, err := a.Confirm(byPatient, newType(1, false), now)
		return err
	},
	"confirm*": func(a *domain.Appointment, byPatient bool) error {
		_, err := a.Confirm(byPatient, newType(1, true), now)
		return err
	},
	"cancel": func(a *domain.Appointment, byPatient bool) error { return a.Cancel(byPatient, "", time.Hour, now) },
	"move": func(a *domain.Appointment, byPatient bool) error {
		if err := a.CheckMovable(byPatient, time.Hour, now); err != nil {
			return err
		}
		a.Moved(byPatient, newType(1, false), now)
		return nil
	},
	"arrive":   func(a *domain.Appointment, _ bool) error { return a.Arrive(now) },
	"complete": func(a *domain.Appointment, _ bool) error { return a.Complete(now) },
	"no-show":  func(a *domain.Appointment, _ bool) error { return a.MarkNoShow(now) },
	"void":     func(a *domain.Appointment, _ bool) error { return a.Void(now) },
}

func TestEveryStepOfEveryStatus(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(stepTable), "\n")
	names := strings.Fields(lines[0])
	require.Len(t, lines, 1+len(appointments.Statuses))
	require.Len(t, names, len(steps))
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		require.Len(t, cells, 1+len(names))
		status := appointments.Status(cells[0])
		require.True(t, status.Valid(), status)
		for i, name := range names {
			for side, want := range strings.Split(cells[1+i], "/") {
				byPatient := side == 1
				t.Run(fmt.Sprintf("%s of %s, by the patient: %v", name, status, byPatient), func(t *testing.T) {
					start := 2 * time.Hour
					if name == "no-show" {
						start = 0
					}
					a := newAppointment(status, start)
					before := a
					requireStep(t, name, want, before, &a, steps[name](&a, byPatient))
				})
			}
		}
	}
}

// requireStep requires the result of a step, as in stepTable.
func requireStep(t *testing.T, name, want string, before domain.Appointment, a *domain.Appointment, err error) {
	t.Helper()
	refusals := map[string]error{
		"409": appointments.ErrStatus, "403": appointments.ErrNotPatients, "expired": appointments.ErrHoldExpired,
	}
	if refusal, refused := refusals[want]; refused {
		require.ErrorIs(t, err, refusal)
		require.Equal(t, before, *a, "a refused step changes nothing")
		if want == "409" {
			var declared *errs.Error
			require.ErrorAs(t, err, &declared)
			to := map[string]appointments.Status{
				"confirm": "booked", "confirm*": "booked", "cancel": "cancelled", "move": "booked", "arrive": "arrived",
				"complete": "fulfilled", "no-show": "noshow", "void": "entered-in-error",
			}[name]
			require.Equal(t, map[string]any{"from": string(before.Status), "to": string(to)}, declared.Members)
		}
		return
	}
	require.NoError(t, err)
	if want == "void" {
		want = "entered-in-error"
	}
	require.Equal(t, want, string(a.Status))
	require.Equal(t, before.Version+1, a.Version)
	require.Equal(t, now, a.UpdatedAt)
	counted := 0 // what a calendar must show anew
	if name == "cancel" || name == "move" || name == "void" {
		counted = 1
	}
	require.Equal(t, before.Sequence+counted, a.Sequence)
	require.Equal(t, a.Status == appointments.Held, !a.ExpiresAt.IsZero(), "only a reservation ends")
	require.Equal(t, before.CreatedAt, a.CreatedAt)
}

func TestAReservationEndsToTheNanosecond(t *testing.T) {
	for _, c := range []struct {
		left    time.Duration
		expired bool
	}{{1, false}, {0, true}, {-1, true}} {
		a := newAppointment(appointments.Held, time.Hour)
		a.Reserve(now.Add(c.left))
		require.Equal(t, appointments.Held, a.Status)
		moved := a
		_, err := a.Confirm(false, newType(1, false), now)
		movable := moved.CheckMovable(false, 0, now)
		open, expired := domain.SplitExpired([]domain.Appointment{moved}, now)
		if c.expired {
			require.ErrorIs(t, err, appointments.ErrHoldExpired)
			require.ErrorIs(t, movable, appointments.ErrHoldExpired)
			require.Empty(t, open)
			require.Len(t, expired, 1)
		} else {
			require.NoError(t, err)
			require.NoError(t, movable)
			require.Empty(t, expired)
			require.Len(t, open, 1)
		}
	}
}

func TestLeadTimes(t *testing.T) {
	const lead = 2 * time.Hour
	for _, status := range []appointments.Status{appointments.Pending, appointments.Booked} {
		t.Run("a patient changes a "+string(status)+" appointment exactly the lead time before", func(t *testing.T) {
			a := newAppointment(status, lead)
			require.NoError(t, a.CheckMovable(true, lead, now))
			require.NoError(t, a.Cancel(true, "", lead, now))
		})
		t.Run("and not a nanosecond later; the practice does: "+string(status), func(t *testing.T) {
			a := newAppointment(status, lead-1)
			require.ErrorIs(t, a.CheckMovable(true, lead, now), appointments.ErrTooLate)
			require.ErrorIs(t, a.Cancel(true, "", lead, now), appointments.ErrTooLate)
			require.NoError(t, a.CheckMovable(false, lead, now))
			require.NoError(t, a.Cancel(false, "", lead, now))
		})
	}
	t.Run("a patient releases a reservation at any time, and moves it in time only", func(t *testing.T) {
		a := newAppointment(appointments.Held, lead-1)
		require.ErrorIs(t, a.CheckMovable(true, lead, now), appointments.ErrTooLate)
		require.NoError(t, a.Cancel(true, "", lead, now))
	})
	t.Run("a patient is a no-show from the start on", func(t *testing.T) {
		early := newAppointment(appointments.Booked, 1)
		require.ErrorIs(t, early.MarkNoShow(now), appointments.ErrTooEarly)
		require.Equal(t, appointments.Booked, early.Status)
		begun := newAppointment(appointments.Booked, 0)
		require.NoError(t, begun.MarkNoShow(now))
	})
}

func TestReasonsOfCancellations(t *testing.T) {
	for _, c := range []struct {
		given     string
		byPatient bool
		want      string
	}{
		{"", false, "practice"}, {"", true, "patient"}, {" Weather ", true, "weather"}, {"OTHER", false, "other"},
		{"patient", false, "patient"},
	} {
		a := newAppointment(appointments.Booked, time.Hour)
		require.NoError(t, a.Cancel(c.byPatient, c.given, 0, now))
		require.Equal(t, c.want, a.CancelReason)
	}
	a := newAppointment(appointments.Booked, time.Hour)
	before := a
	err := a.Cancel(false, "holidays", 0, now)
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	require.Equal(t, before, a)
}

func TestBookAndExpire(t *testing.T) {
	t.Run("a patient requests a type that the practice confirms, and all others are booked", func(t *testing.T) {
		for _, c := range []struct {
			byPatient, needsConfirmation bool
			status                       appointments.Status
			change                       appointments.Change
		}{
			{false, false, appointments.Booked, appointments.WasBooked},
			{true, false, appointments.Booked, appointments.WasBooked},
			{false, true, appointments.Booked, appointments.WasBooked},
			{true, true, appointments.Pending, appointments.WasRequested},
		} {
			a := newAppointment(appointments.Held, time.Hour)
			require.Equal(t, c.change, a.Book(c.byPatient, newType(1, c.needsConfirmation)))
			require.Equal(t, c.status, a.Status)
			require.Zero(t, a.ExpiresAt)
		}
	})
	t.Run("a patient who moves an appointment of such a type requests it again", func(t *testing.T) {
		for byPatient, want := range map[bool]appointments.Status{
			true: appointments.Pending, false: appointments.Booked,
		} {
			a := newAppointment(appointments.Booked, time.Hour)
			a.Moved(byPatient, newType(1, true), now)
			require.Equal(t, want, a.Status)
		}
	})
	t.Run("a reservation that expires has a new version, and the same sequence", func(t *testing.T) {
		a := newAppointment(appointments.Held, time.Hour)
		a.Expire(now)
		require.Equal(t, appointments.Expired, a.Status)
		require.Zero(t, a.ExpiresAt)
		require.Equal(t, []int{4, 2}, []int{a.Version, a.Sequence})
	})
}

func TestSetReason(t *testing.T) {
	a := newAppointment(appointments.Booked, time.Hour)
	before := a
	require.NoError(t, a.SetReason(" Cough\n", now))
	require.Equal(t, before, a, "an equal reason keeps the version and the time")
	require.NoError(t, a.SetReason(strings.Repeat("ä", 500), now))
	require.Equal(t, []int{before.Version + 1, before.Sequence}, []int{a.Version, a.Sequence})
	require.Equal(t, now, a.UpdatedAt)
	before = a
	require.Equal(t, errs.Invalid, errs.KindOf(a.SetReason(strings.Repeat("ä", 501), now)))
	require.Equal(t, before, a)
	require.NoError(t, a.SetReason("", now))
	require.Empty(t, a.Reason)
}
