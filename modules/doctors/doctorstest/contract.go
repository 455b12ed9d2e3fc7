package doctorstest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/platform/recordid"
)

// RunDirectoryContract tests a Directory against the documentation of doctors.Directory. setup returns an empty
// Directory and a function that adds a doctor.
func RunDirectoryContract(t *testing.T, setup func(t *testing.T) (doctors.Directory, func(doctors.Doctor))) {
	directory, add := setup(t)
	ctx := t.Context()
	vikram := doctors.Doctor{ID: newID(), Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9}
	novice := doctors.Doctor{ID: newID(), Name: "B", Specialization: "C", Experience: 0}
	add(vikram)
	add(novice)

	for name, find := range map[string]func(context.Context, doctors.ID) (doctors.Doctor, error){
		"Find": directory.Find, "Hold": directory.Hold,
	} {
		t.Run(name+" returns a doctor", func(t *testing.T) {
			for _, doctor := range []doctors.Doctor{vikram, novice} {
				found, err := find(ctx, doctor.ID)
				require.NoError(t, err)
				require.Equal(t, doctor, found)
			}
		})
		t.Run(name+" does not find a missing doctor", func(t *testing.T) {
			for _, id := range []doctors.ID{newID(), {}} {
				found, err := find(ctx, id)
				require.ErrorIs(t, err, doctors.ErrNotFound)
				require.Zero(t, found)
			}
		})
	}
	t.Run("FindAll returns the existing doctors by id, also for repeated ids", func(t *testing.T) {
		found, err := directory.FindAll(ctx, []doctors.ID{novice.ID, vikram.ID, newID(), novice.ID, {}})
		require.NoError(t, err)
		require.Equal(t, map[doctors.ID]doctors.Doctor{vikram.ID: vikram, novice.ID: novice}, found)
	})
	t.Run("FindAll returns nothing for no ids and for missing ids", func(t *testing.T) {
		for _, ids := range [][]doctors.ID{nil, {}, {newID()}} {
			found, err := directory.FindAll(ctx, ids)
			require.NoError(t, err)
			require.Empty(t, found)
		}
	})
}

func newID() doctors.ID { return recordid.New[doctors.ID]() }
