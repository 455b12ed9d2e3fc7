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
	// Share grants the patient to the party.
	Share func(party uuid.UUID, patient patients.ID, basis string, level patients.Level)
	// Restrict hides the patient from the party.
	Restrict func(party uuid.UUID, patient patients.ID)
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
		changeable, err := directory.FindAll(ctx, patients.ChangeableBy(acting, at), all)
		require.NoError(t, err)
		require.Empty(t, changeable, "a patient reads")
	})
	t.Run("a grant counts at its level", func(t *testing.T) { testLevels(t, setup(t)) })
	t.Run("VisitedBy has the patients of these owners, except those that are hidden from the user", func(t *testing.T) {
		testVisited(t, setup(t))
	})
}

func testLevels(t *testing.T, directory Fixture) {
	ctx, owner, doctor, at := t.Context(), newUUID(), newUUID(), time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
	who := auth.Principal{UserID: newUUID(), For: []auth.Capacity{{ID: doctor, Kind: auth.AsDoctor}}}
	for level, changes := range map[patients.Level]bool{patients.Read: false, patients.Write: true} {
		patient := patients.Patient{ID: newID(), Name: "Ananya Verma", Age: 31, Gender: "Female"}
		directory.Add(owner, patient)
		directory.Share(doctor, patient.ID, "care", level)
		found, err := directory.Find(ctx, patients.VisibleTo(who, at), patient.ID)
		require.NoError(t, err)
		require.Equal(t, owner, found.Owner)
		require.Equal(t, []any{"care", doctor}, []any{found.Reason.Basis, found.Reason.For})
		_, err = directory.Hold(ctx, patients.ChangeableBy(who, at), patient.ID)
		require.Equal(t, changes, err == nil, "%s: %v", level, err)
	}
}

// testVisited tests a doctor who is also the deputy of one of the owners.
func testVisited(t *testing.T, directory Fixture) {
	ctx, doctor, at := t.Context(), newUUID(), time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
	stranger, colleague, other := newUUID(), newUUID(), newUUID()
	who := auth.Principal{UserID: newUUID(), For: []auth.Capacity{
		{ID: doctor, Kind: auth.AsDoctor}, {ID: colleague, Kind: auth.AsDeputy, Level: patients.Read},
	}}
	var all, open, hidden []patients.ID
	for _, owner := range []uuid.UUID{who.UserID, stranger, colleague, other} {
		for i, party := range []uuid.UUID{{}, who.UserID, doctor} {
			patient := patients.Patient{ID: newID(), Name: "Ananya Verma", Age: 31, Gender: "Female"}
			directory.Add(owner, patient)
			all = append(all, patient.ID)
			switch {
			case owner == who.UserID:
				open = append(open, patient.ID) // is hidden from no owner
			case i > 0:
				directory.Restrict(party, patient.ID)
				hidden = append(hidden, patient.ID)
			case owner != other:
				open = append(open, patient.ID)
			}
		}
	}
	find := func(scope patients.Scope) (ids []patients.ID) {
		found, err := directory.FindAll(ctx, scope, all)
		require.NoError(t, err)
		for id := range found {
			ids = append(ids, id)
		}
		return ids
	}
	fourth := newUUID() // from whom a patient of another owner is hidden, which is no matter of the doctor
	theirs := patients.Patient{ID: newID(), Name: "Ananya Verma", Age: 31, Gender: "Female"}
	directory.Add(stranger, theirs)
	directory.Restrict(fourth, theirs.ID)
	all, open = append(all, theirs.ID), append(open, theirs.ID)
	owners := []uuid.UUID{stranger, colleague, who.UserID, fourth}
	require.ElementsMatch(t, open, find(patients.VisitedBy(who, owners, at)))
	require.ElementsMatch(t, find(patients.VisibleTo(who, at)), find(patients.VisitedBy(who, nil, at)))
	for _, id := range hidden { // a grant makes no difference
		directory.Share(doctor, id, "care", patients.Write)
	}
	require.ElementsMatch(t, open, find(patients.VisitedBy(who, owners, at)))
	require.NotContains(t, find(patients.ChangeableBy(who, at)), open[3], "the scope is for reading")
	except, err := directory.Exceptions(ctx, who, at)
	require.NoError(t, err)
	require.Empty(t, except.Represented)
	require.ElementsMatch(t, hidden, except.Restricted)
}

func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() patients.ID { return recordid.New[patients.ID]() }
