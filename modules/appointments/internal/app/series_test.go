package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// weekly is a repetition by the week.
func weekly(count int) domain.Repetition {
	return domain.Repetition{Frequency: "weekly", Interval: 1, Count: count}
}

// localStarts returns the times on the wall clock of the active appointments of a series, in the order of their dates.
func (h env) localStarts(t *testing.T, of app.Series) (starts []string) {
	t.Helper()
	for _, one := range of.Booked {
		if a := h.stored(t, one.ID); a.Status.Active() {
			require.Equal(t, a.LocalStart, a.Local().Format(domain.LocalLayout))
			starts = append(starts, a.LocalStart)
		}
	}
	return starts
}

func testSeries(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, of := h.newUser(t), h.newType(t, nil)
	t.Run("books each appointment, and records them together", func(t *testing.T) {
		patient, doctor := h.patientOf(t, who), h.doctor(t)
		var made app.Series
		entries, changes := h.during(func() {
			var err error
			made, err = h.BookSeries(t.Context(), who, booking(patient, doctor, of, at(9, 0)), weekly(3))
			require.NoError(t, err)
		})
		require.Equal(t, []string{"2026-12-01T09:00", "2026-12-08T09:00", "2026-12-15T09:00"}, h.localStarts(t, made))
		require.Empty(t, made.Skipped)
		require.Len(t, changes, 3)
		require.Len(t, entries, 1)
		require.Equal(t, []any{audit.Create, audit.Success, 201, patient.ID.UUID, patients.Owned}, []any{
			entries[0].Action, entries[0].Outcome, entries[0].Status, entries[0].PatientID, entries[0].Reason,
		})
		for i, one := range made.Booked {
			require.Equal(t, one.Appointment, h.stored(t, one.ID))
			require.Equal(t, made.ID, one.SeriesID)
			require.Equal(t, one.ID.UUID, entries[0].IDs[i])
		}
	})
	t.Run("books none if one cannot be booked, and names each", func(t *testing.T) {
		patient, doctor := h.patientOf(t, who), h.doctor(t)
		taken := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0).AddDate(0, 0, 7))
		foreign := h.newUser(t)
		h.booked(t, foreign, h.patientOf(t, foreign), doctor, of, at(9, 0).AddDate(0, 0, 21))
		entries, changes := h.during(func() {
			_, err := h.BookSeries(t.Context(), who, booking(patient, doctor, of, at(9, 0)), weekly(5))
			require.ErrorIs(t, err, appointments.ErrSeriesConflicts)
			var found *app.SeriesConflicting
			require.ErrorAs(t, err, &found)
			require.Len(t, found.Skipped, 2)
			for i, skipped := range found.Skipped {
				require.Equal(t, at(9, 0).AddDate(0, 0, 7+14*i), skipped.Start)
				require.ErrorIs(t, skipped.Reason, appointments.ErrSlotTaken)
				require.Len(t, skipped.Conflicts, 1)
			}
			require.Equal(t, taken.ID, found.Skipped[0].Conflicts[0].ID)
			require.Zero(t, found.Skipped[1].Conflicts[0].ID, "of a foreign patient")
		})
		require.Empty(t, entries)
		require.LessOrEqual(t, len(changes), 1, "undone with the transaction")
		require.Len(t, h.rows(t, doctor), 2)
	})
	t.Run("skips the times that cannot be booked, whatever the reason", func(t *testing.T) {
		patient, doctor := h.patientOf(t, who), h.doctor(t)
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0).AddDate(0, 0, 7))
		h.booked(t, who, patient, h.doctor(t), of, at(9, 0).AddDate(0, 0, 14))
		h.rules.change = func(r *calendar.Rules) {
			closed := calendar.DateOf(at(0, 0).AddDate(0, 0, 21), time.UTC)
			r.Horizon, r.Exceptions = 30, []calendar.Exception{{From: closed, To: closed}}
		}
		defer func() { h.rules.change = nil }()
		repeat := weekly(6)
		repeat.Skip = true
		made, err := h.BookSeries(t.Context(), who, booking(patient, doctor, of, at(9, 0)), repeat)
		require.NoError(t, err)
		require.Equal(t, []string{"2026-12-01T09:00", "2026-12-29T09:00"}, h.localStarts(t, made))
		var reasons []string
		for _, skipped := range made.Skipped {
			reasons = append(reasons, skipped.Reason.Code)
		}
		require.Equal(t, []string{"slot_taken", "patient_busy", "not_available", "outside_booking_window"}, reasons)
	})
	t.Run("is not booked if all times are skipped", func(t *testing.T) {
		patient, doctor := h.patientOf(t, who), h.doctor(t)
		for week := range 2 {
			h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0).AddDate(0, 0, 7*week))
		}
		repeat := weekly(2)
		repeat.Skip = true
		_, err := h.BookSeries(t.Context(), who, booking(patient, doctor, of, at(9, 0)), repeat)
		require.ErrorIs(t, err, appointments.ErrSeriesConflicts)
	})
	t.Run("does not overlap itself", func(t *testing.T) {
		long := h.newType(t, func(d *domain.TypeDetails) { d.Minutes, d.BufferBefore, d.BufferAfter = 480, 120, 120 })
		repeat := domain.Repetition{Frequency: "daily", Interval: 1, Count: 3}
		made, err := h.BookSeries(t.Context(), who, booking(h.patientOf(t, who), h.doctor(t), long, at(9, 0)), repeat)
		require.NoError(t, err)
		require.Len(t, made.Booked, 3)
	})
	t.Run("rejects invalid fields together", func(t *testing.T) {
		in := booking(h.patientOf(t, who), h.doctor(t), of, at(9, 0))
		in.Reason = string(make([]byte, 501))
		_, err := h.BookSeries(t.Context(), who, in, domain.Repetition{Frequency: "yearly", Interval: 1, Count: 2})
		var declared *errs.Error
		require.ErrorAs(t, err, &declared)
		require.Len(t, declared.Fields, 2)
	})
	t.Run("of a patient is requested where the practice confirms", func(t *testing.T) {
		confirmed := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
		patient := h.patientOf(t, who)
		made, err := h.BookSeries(t.Context(), h.personOf(t, patient),
			booking(patient, h.doctor(t), confirmed, at(9, 0)), weekly(2))
		require.NoError(t, err)
		for _, one := range made.Booked {
			require.Equal(t, appointments.Pending, h.stored(t, one.ID).Status)
		}
	})
}

func testFollowing(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	who, of := h.newUser(t), h.newType(t, nil)
	book := func(t *testing.T, start time.Time, count int) (patients.Patient, app.Series) {
		t.Helper()
		patient := h.patientOf(t, who)
		made, err := h.BookSeries(t.Context(), who, booking(patient, h.doctor(t), of, start), weekly(count))
		require.NoError(t, err)
		return patient, made
	}
	move := func(who auth.Principal, a app.Shown, start time.Time) error {
		_, err := h.Move(t.Context(), who, a.ID, revision.OneOf(1), domain.Move{Start: start, Following: true})
		return err
	}
	t.Run("cancels the rest of a series, each with an event and an entry", func(t *testing.T) {
		patient, series := book(t, at(9, 0), 4)
		entries, changes := h.during(func() {
			shown, err := h.Cancel(t.Context(), h.personOf(t, patient), series.Booked[1].ID, revision.OneOf(1),
				domain.Cancellation{Following: true})
			require.NoError(t, err)
			require.Equal(t, series.Booked[1].ID, shown.ID)
		})
		require.Equal(t, []string{"2026-12-01T09:00"}, h.localStarts(t, series))
		require.Len(t, changes, 3)
		require.Len(t, entries, 3)
		for _, entry := range entries {
			require.Equal(t, []string{"status", "cancel_reason"}, entry.Fields)
		}
	})
	t.Run("of one appointment cancels that one", func(t *testing.T) {
		_, series := book(t, at(9, 0), 2)
		_, err := h.Cancel(t.Context(), who, series.Booked[0].ID, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
		require.Equal(t, []string{"2026-12-08T09:00"}, h.localStarts(t, series))
		alone := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(9, 0))
		_, err = h.Cancel(t.Context(), who, alone.ID, revision.Match{}, domain.Cancellation{Following: true})
		require.NoError(t, err, "one without a series has none that follow")
		require.Equal(t, []string{"2026-12-08T09:00"}, h.localStarts(t, series))
	})
	for name, c := range map[string]struct {
		by   time.Duration
		want []string
	}{
		"a week later": {
			7 * 24 * time.Hour,
			[]string{"2026-12-01T09:00", "2026-12-15T09:00", "2026-12-22T09:00", "2026-12-29T09:00"},
		},
		"some minutes later": {
			10 * time.Minute,
			[]string{"2026-12-01T09:00", "2026-12-08T09:10", "2026-12-15T09:10", "2026-12-22T09:10"},
		},
		"some minutes earlier": {
			-10 * time.Minute,
			[]string{"2026-12-01T09:00", "2026-12-08T08:50", "2026-12-15T08:50", "2026-12-22T08:50"},
		},
		"to another day": {
			-23 * time.Hour,
			[]string{"2026-12-01T09:00", "2026-12-07T10:00", "2026-12-14T10:00", "2026-12-21T10:00"},
		},
		"nowhere": {
			0,
			[]string{"2026-12-01T09:00", "2026-12-08T09:00", "2026-12-15T09:00", "2026-12-22T09:00"},
		},
	} {
		t.Run("moves the rest of a series "+name, func(t *testing.T) {
			_, series := book(t, at(9, 0), 4)
			entries, changes := h.during(func() {
				second := series.Booked[1]
				require.NoError(t, move(who, second, second.StartsAt.Add(c.by)))
			})
			require.Equal(t, c.want, h.localStarts(t, series))
			require.Len(t, entries, 3)
			require.Len(t, changes, 3)
		})
	}
	t.Run("moves the whole series a week earlier, and not onto its own past", func(t *testing.T) {
		_, series := book(t, at(9, 0).AddDate(0, 0, 7), 3)
		require.ErrorIs(t, move(who, series.Booked[1], series.Booked[0].StartsAt), appointments.ErrSeriesConflicts)
		require.NoError(t, move(who, series.Booked[0], at(9, 0)))
		require.Equal(t, []string{"2026-12-01T09:00", "2026-12-08T09:00", "2026-12-15T09:00"}, h.localStarts(t, series))
	})
	t.Run("keeps the wall clock over a change of the offset, in both directions", func(t *testing.T) {
		h.rules.zone = berlin
		defer func() { h.rules.zone = time.UTC }()
		_, series := book(t, time.Date(2027, time.March, 22, 9, 0, 0, 0, berlin), 3)
		require.Equal(t, []string{"2027-03-22T09:00", "2027-03-29T09:00", "2027-04-05T09:00"}, h.localStarts(t, series))
		require.NoError(t, move(who, series.Booked[0], time.Date(2027, time.March, 29, 10, 30, 0, 0, berlin)))
		require.Equal(t, []string{"2027-03-29T10:30", "2027-04-05T10:30", "2027-04-12T10:30"}, h.localStarts(t, series))
		_, series = book(t, time.Date(2027, time.March, 29, 9, 0, 0, 0, berlin), 2)
		require.NoError(t, move(who, series.Booked[0], time.Date(2027, time.March, 22, 9, 0, 0, 0, berlin)))
		require.Equal(t, []string{"2027-03-22T09:00", "2027-03-29T09:00"}, h.localStarts(t, series))
	})
	t.Run("keeps the wall clock of another zone, in which the doctor is since", func(t *testing.T) {
		newYork, err := time.LoadLocation("America/New_York")
		require.NoError(t, err)
		h.rules.zone = newYork
		defer func() { h.rules.zone = time.UTC }()
		_, series := book(t, time.Date(2027, time.March, 1, 9, 0, 0, 0, newYork), 4)
		h.rules.zone = berlin
		require.NoError(t, move(who, series.Booked[0], time.Date(2027, time.March, 1, 16, 0, 0, 0, berlin)))
		require.Equal(t, []string{"2027-03-01T16:00", "2027-03-08T16:00", "2027-03-15T16:00", "2027-03-22T16:00"},
			h.localStarts(t, series))
	})
	t.Run("moves the others by as much, also after a gap of the clock or a move of one", func(t *testing.T) {
		h.rules.zone = berlin
		defer func() { h.rules.zone = time.UTC }()
		_, series := book(t, time.Date(2027, time.March, 21, 2, 30, 0, 0, berlin), 4)
		moved := domain.Move{Start: time.Date(2027, time.April, 6, 15, 0, 0, 0, berlin)}
		_, err := h.Move(t.Context(), who, series.Booked[2].ID, revision.Match{}, moved)
		require.NoError(t, err)
		starts := []string{"2027-03-21T02:30", "2027-03-28T03:00", "2027-04-06T15:00", "2027-04-11T02:30"}
		require.Equal(t, starts, h.localStarts(t, series), "02:30 is missing on one day")
		require.NoError(t, move(who, series.Booked[1], series.Booked[1].StartsAt))
		require.Equal(t, starts, h.localStarts(t, series), "a move by nothing changes nothing")
		_, err = h.Move(t.Context(), who, series.Booked[0].ID, revision.Match{}, domain.Move{
			Start: time.Date(2027, time.March, 21, 3, 30, 0, 0, berlin), Following: true,
		})
		require.NoError(t, err)
		require.Equal(t, []string{"2027-03-21T03:30", "2027-03-28T04:00", "2027-04-06T16:00", "2027-04-11T03:30"},
			h.localStarts(t, series))
	})
	t.Run("moves none if some cannot be moved, and names all conflicts", func(t *testing.T) {
		_, series := book(t, at(9, 0), 4)
		taken := []time.Time{at(10, 0).AddDate(0, 0, 7), at(10, 0).AddDate(0, 0, 21)}
		for _, start := range taken {
			h.booked(t, who, h.patientOf(t, who), *series.Booked[0].Doctor, of, start)
		}
		err := move(who, series.Booked[0], at(10, 0))
		require.ErrorIs(t, err, appointments.ErrSeriesConflicts)
		conflicting, is := errors.AsType[*app.SeriesConflicting](err)
		require.True(t, is)
		require.Len(t, conflicting.Skipped, 2)
		for i, skipped := range conflicting.Skipped {
			require.Equal(t, taken[i], skipped.Start)
			require.Len(t, skipped.Conflicts, 1)
			require.NotZero(t, skipped.Conflicts[0].ID)
		}
		require.Equal(t, []string{"2026-12-01T09:00", "2026-12-08T09:00", "2026-12-15T09:00", "2026-12-22T09:00"},
			h.localStarts(t, series))
	})
	t.Run("leaves those that are cancelled, and those whose patient has arrived", func(t *testing.T) {
		patient, series := book(t, at(9, 0), 5)
		_, err := h.Cancel(t.Context(), who, series.Booked[2].ID, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
		_, err = h.Arrive(t.Context(), who, series.Booked[3].ID, revision.Match{})
		require.NoError(t, err)
		require.NoError(t, move(who, series.Booked[1], at(11, 0).AddDate(0, 0, 7)))
		require.Equal(t, []string{
			"2026-12-01T09:00", "2026-12-08T11:00", "2026-12-22T09:00", "2026-12-29T11:00",
		}, h.localStarts(t, series))
		require.Equal(t, appointments.Arrived, h.stored(t, series.Booked[3].ID).Status)
		_, err = h.Cancel(t.Context(), h.personOf(t, patient), series.Booked[0].ID, revision.Match{},
			domain.Cancellation{Following: true})
		require.NoError(t, err)
		require.Equal(t, []string{"2026-12-22T09:00"}, h.localStarts(t, series))
	})
	t.Run("rejects another version of the first", func(t *testing.T) {
		_, series := book(t, at(9, 0), 2)
		all := domain.Cancellation{Following: true}
		_, err := h.Cancel(t.Context(), who, series.Booked[0].ID, revision.OneOf(9), all)
		require.ErrorIs(t, err, revision.ErrStale)
		require.Len(t, h.localStarts(t, series), 2)
		_, err = h.Amend(t.Context(), who, series.Booked[1].ID, revision.Match{}, new("Cough"))
		require.NoError(t, err)
		require.NoError(t, move(who, series.Booked[0], at(10, 0)), "not of the others")
	})
	h.requireNoOverlap(t)
}
