package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

func TestOverbookingFarAhead(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		patient := h.patientOf(t, who)
		last := now.AddDate(100, 0, 0)
		overbooked := func(minutes int) domain.Booking {
			in := booking(patient, doctor, of, last.Add(time.Duration(minutes)*time.Minute))
			in.Overbook = new("a typing error")
			return in
		}
		t.Run("is possible until 100 years before the time", func(t *testing.T) {
			_, err := h.Book(t.Context(), who, overbooked(1))
			require.ErrorIs(t, err, appointments.ErrOutsideWindow)
			_, err = h.FindConflicts(t.Context(), who, overbooked(1))
			require.ErrorIs(t, err, appointments.ErrOutsideWindow)
			made, err := h.Book(t.Context(), who, overbooked(0))
			require.NoError(t, err)
			require.True(t, made.Overbooked)
		})
		t.Run("is bounded for each appointment of a series", func(t *testing.T) {
			in := overbooked(-7 * 24 * 60)
			repeat := weekly(3)
			_, err := h.BookSeries(t.Context(), who, in, repeat)
			require.ErrorIs(t, err, appointments.ErrSeriesConflicts)
			repeat.Skip = true
			series, err := h.BookSeries(t.Context(), who, in, repeat)
			require.NoError(t, err)
			require.Len(t, series.Booked, 2)
			require.Len(t, series.Skipped, 1)
			require.ErrorIs(t, series.Skipped[0].Reason, appointments.ErrOutsideWindow)
			_, err = h.Move(t.Context(), who, series.Booked[0].ID, revision.Match{},
				domain.Move{Start: in.Start.Add(time.Minute), Overbook: in.Overbook, Following: true})
			require.ErrorIs(t, err, appointments.ErrSeriesConflicts)
		})
		t.Run("is bounded for moves", func(t *testing.T) {
			made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0))
			move := func(minutes int) error {
				in := overbooked(minutes)
				_, err := h.Move(t.Context(), who, made.ID, revision.Match{},
					domain.Move{Start: in.Start, Overbook: in.Overbook})
				return err
			}
			require.ErrorIs(t, move(1), appointments.ErrOutsideWindow)
			require.NoError(t, move(0))
		})
	})
}
