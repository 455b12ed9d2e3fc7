package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestDrift(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		var ids []string
		for i, zone := range []string{"UTC", "Europe/Berlin", "Nowhere/City"} {
			made, err := h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, at(9+i, 0)))
			require.NoError(t, err)
			require.NoError(t, db.Write(t.Context()).
				Exec("UPDATE appointments SET time_zone = ? WHERE id = ?", zone, made.ID).Error)
			ids = append(ids, made.ID.String())
		}
		var drifted []app.Drifted
		total := 0
		require.NoError(t, h.Drift(t.Context(), func(compared int) { total = compared },
			func(d app.Drifted) { drifted = append(drifted, d) }))
		require.Equal(t, 3, total)
		require.Len(t, drifted, 2, "not the one whose wall clock shows the promised time")
		require.Equal(t, ids[1], drifted[0].ID.String())
		require.Equal(t, "2026-12-01T11:00", drifted[0].Shows, "10:00 UTC in Berlin")
		require.Equal(t, at(9, 0), drifted[0].Keeps, "10:00 in Berlin")
		require.NoError(t, drifted[0].Fault)
		require.Equal(t, ids[2], drifted[1].ID.String(), "of an unknown zone")
		require.Zero(t, drifted[1].Keeps)
		require.EqualError(t, drifted[1].Fault, "the time zone Nowhere/City is unknown")

		h.clock.Advance(24 * 7 * time.Hour)
		require.NoError(t, h.Drift(t.Context(), func(int) { t.Error("past appointments are not compared") },
			func(app.Drifted) {}))
	})
}

func TestDriftOfMalformedTimes(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		var want []string
		for i, zone := range []string{"UTC", "Europe/Berlin"} {
			made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9+i, 0))
			require.NoError(t, db.Write(t.Context()).Exec("UPDATE appointments SET time_zone = ?, local_start = ? "+
				"WHERE id = ?", zone, "9 o'clock", made.ID).Error)
			want = append(want, made.ID.String())
		}
		var drifted []string
		require.NoError(t, h.Drift(t.Context(), func(int) {}, func(d app.Drifted) {
			drifted = append(drifted, d.ID.String())
			require.EqualError(t, d.Fault, `the stored local_start "9 o'clock" is malformed`)
			require.Zero(t, d.Shows)
			require.Zero(t, d.Keeps)
		}))
		require.Equal(t, want, drifted)
	})
}
