package patientstest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/platform/recordid"
)

// RunDirectoryContract holds a Directory to what patients.Directory promises. setup gives an empty one, and a way to make a patient
// known as a user's.
func RunDirectoryContract(t *testing.T, setup func(t *testing.T) (patients.Directory, func(owner uuid.UUID, patient patients.Patient))) {
	directory, add := setup(t)
	ctx, owner, stranger := t.Context(), newUUID(), newUUID()
	scope := patients.OwnedBy(owner)
	ananya := patients.Patient{ID: newID(), Name: "Ananya Verma", Age: 31, Gender: "Female"}
	ben := patients.Patient{ID: newID(), Name: "Ben", Age: 0, Gender: "Unknown"}
	theirs := patients.Patient{ID: newID(), Name: "Cleo", Age: 150, Gender: "Other"}
	add(owner, ananya)
	add(owner, ben)
	add(stranger, theirs)

	t.Run("Find gives what other modules may know of a patient", func(t *testing.T) {
		for _, patient := range []patients.Patient{ananya, ben} {
			found, err := directory.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		}
	})
	t.Run("Find knows nobody outside the scope, as if there were no such patient", func(t *testing.T) {
		for _, c := range []struct {
			scope patients.Scope
			id    patients.ID
		}{{scope, theirs.ID}, {patients.OwnedBy(stranger), ananya.ID}, {patients.Scope{}, ananya.ID}, {scope, newID()}, {scope, patients.ID{}}} {
			found, err := directory.Find(ctx, c.scope, c.id)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Zero(t, found)
		}
	})
	t.Run("FindAll gives those in the scope by id, however often they are asked for", func(t *testing.T) {
		found, err := directory.FindAll(ctx, scope, []patients.ID{ben.ID, ananya.ID, theirs.ID, newID(), ben.ID, {}})
		require.NoError(t, err)
		require.Equal(t, map[patients.ID]patients.Patient{ananya.ID: ananya, ben.ID: ben}, found)
	})
	t.Run("FindAll of nobody is nobody", func(t *testing.T) {
		for _, ids := range [][]patients.ID{nil, {}, {theirs.ID}} {
			found, err := directory.FindAll(ctx, scope, ids)
			require.NoError(t, err)
			require.Empty(t, found)
		}
	})
	t.Run("FindAll in the zero scope is nobody", func(t *testing.T) {
		found, err := directory.FindAll(ctx, patients.Scope{}, []patients.ID{ananya.ID, theirs.ID})
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() patients.ID { return recordid.New[patients.ID]() }
