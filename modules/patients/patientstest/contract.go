package patientstest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/recordid"
)

// Fixture is an empty Directory and the functions that fill it.
type Fixture struct {
	patients.Directory
	// Add adds a patient of the owner.
	Add func(owner uuid.UUID, patient patients.Patient)
	// Represent lets the user represent the patient before that time; the zero time is no end.
	Represent func(user uuid.UUID, patient patients.ID, until time.Time)
}

// RunDirectoryContract tests a Directory against the documentation of patients.Directory.
func RunDirectoryContract(t *testing.T, setup func(t *testing.T) Fixture) {
	directory := setup(t)
	add := directory.Add
	ctx, owner, stranger := t.Context(), newUUID(), newUUID()
	scope := patients.OwnedBy(owner)
	ananya := patients.Patient{
		ID: newID(), Owner: owner, Name: "Ananya Verma", Age: 31, Gender: "Female", Reason: patients.Owned,
	}
	ben := patients.Patient{ID: newID(), Owner: owner, Name: "Ben", Age: 0, Gender: "Unknown", Reason: patients.Owned}
	theirs := patients.Patient{ID: newID(), Owner: stranger, Name: "Cleo", Age: 150, Gender: "Other"}
	add(owner, ananya)
	add(owner, ben)
	add(stranger, theirs)

	t.Run("Find returns a patient of the scope", func(t *testing.T) {
		for _, patient := range []patients.Patient{ananya, ben} {
			found, err := directory.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		}
	})
	t.Run("Hold returns a patient of the scope", func(t *testing.T) {
		held, err := directory.Hold(ctx, scope, ananya.ID)
		require.NoError(t, err)
		require.Equal(t, ananya, held)
	})
	t.Run("Find and Hold do not find a patient outside the scope", func(t *testing.T) {
		for _, c := range []struct {
			scope patients.Scope
			id    patients.ID
		}{
			{scope, theirs.ID}, {patients.OwnedBy(stranger), ananya.ID}, {patients.Scope{}, ananya.ID},
			{scope, newID()}, {scope, patients.ID{}},
		} {
			found, err := directory.Find(ctx, c.scope, c.id)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Zero(t, found)
			held, err := directory.Hold(ctx, c.scope, c.id)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Zero(t, held)
		}
	})
	t.Run("FindAll returns the patients of the scope by id, also for repeated ids", func(t *testing.T) {
		found, err := directory.FindAll(ctx, scope, []patients.ID{ben.ID, ananya.ID, theirs.ID, newID(), ben.ID, {}})
		require.NoError(t, err)
		require.Equal(t, map[patients.ID]patients.Patient{ananya.ID: ananya, ben.ID: ben}, found)
	})
	t.Run("FindAll returns nothing for no ids and for ids outside the scope", func(t *testing.T) {
		for _, ids := range [][]patients.ID{nil, {}, {theirs.ID}} {
			found, err := directory.FindAll(ctx, scope, ids)
			require.NoError(t, err)
			require.Empty(t, found)
		}
	})
	t.Run("FindAll returns nothing for the zero scope", func(t *testing.T) {
		found, err := directory.FindAll(ctx, patients.Scope{}, []patients.ID{ananya.ID, theirs.ID})
		require.NoError(t, err)
		require.Empty(t, found)
	})
	t.Run("Exceptions has the patients whom the user represents at the time, once each", func(t *testing.T) {
		person, at := newUUID(), time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
		acting := auth.Principal{UserID: person, For: []auth.Capacity{{ID: person, Kind: auth.AsSelf}}}
		directory.Represent(person, ananya.ID, time.Time{})
		directory.Represent(person, theirs.ID, at)
		directory.Represent(stranger, ben.ID, time.Time{})
		for at, expected := range map[time.Time][]patients.ID{
			at.Add(-time.Microsecond): {ananya.ID, theirs.ID}, at: {ananya.ID},
		} {
			except, err := directory.Exceptions(ctx, acting, at)
			require.NoError(t, err)
			require.ElementsMatch(t, expected, except.Represented)
			require.Empty(t, except.Restricted)
		}
		for _, who := range []auth.Principal{{UserID: owner}, {UserID: person}} {
			except, err := directory.Exceptions(ctx, who, at)
			require.NoError(t, err)
			require.Empty(t, except.Represented, "the owner of patients, and a user who does not act for themselves")
		}
		all := []patients.ID{ananya.ID, theirs.ID, ben.ID}
		found, err := directory.FindAll(ctx, patients.VisibleTo(acting, at), all)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, person, found[ananya.ID].Reason.For)
	})
}

func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() patients.ID { return recordid.New[patients.ID]() }
