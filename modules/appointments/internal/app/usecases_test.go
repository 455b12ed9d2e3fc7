package app_test

import (
	"testing"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestUseCases runs the tests in which the store matters, on one database of each engine.
func TestUseCases(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, one := range []struct {
			name string
			run  func(t *testing.T, db *database.DB)
		}{
			{"Book", testBook},
			{"Book by each user", testWhoMayBook},
			{"the conflicts of a booking", testConflictsOfABooking},
			{"reservations", testReservations},
			{"the limit of a patient", testLimitOfAPatient},
			{"overbooking", testOverbooking},
			{"groups", testGroups},
			{"Find and Browse", testWhoSeesWhat},
			{"reactions", testReactions},
			{"ExpireDue", testKeeper},
			{"FreeTimes", testFreeTimes},
			{"the life of an appointment", testLifeOfAnAppointment},
			{"Move", testMove},
			{"series", testSeries},
			{"the rest of a series", testFollowing},
		} {
			t.Run(one.name, func(t *testing.T) { one.run(t, db) })
		}
	})
}
