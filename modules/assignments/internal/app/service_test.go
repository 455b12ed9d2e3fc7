package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

func TestAssign(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, stranger := h.newUser(t), h.newUser(t)
	patient, doctor := h.patientOf(t, who, "Ananya"), h.doctor(t, "Vikram")
	noPatient, noDoctor := recordid.New[patients.ID](), recordid.New[doctors.ID]()

	made := h.assigned(t, who, patient, doctor)
	t.Run("returns the stored assignment, with its patient and doctor", func(t *testing.T) {
		shown := patient
		shown.Reason = patients.Owned
		require.Equal(t, shown, made.Patient)
		require.Equal(t, doctor, made.Doctor)
		require.Equal(t, now.Add(time.Second), made.AssignedAt)
		require.Equal(t, who.UserID, made.OwnerID)
		found, err := h.Find(t.Context(), who, made.ID)
		require.NoError(t, err)
		require.Equal(t, made, found)
	})
	t.Run("rejects the same pair again", func(t *testing.T) {
		_, err := h.Assign(t.Context(), who, patient.ID, doctor.ID, "")
		require.ErrorIs(t, err, assignments.ErrAlreadyAssigned)
	})
	for name, c := range map[string]struct {
		patient patients.ID
		doctor  doctors.ID
	}{
		"for an assigned pair": {patient.ID, doctor.ID}, "for a missing doctor": {patient.ID, noDoctor},
		"for a missing patient": {noPatient, doctor.ID}, "for a missing pair": {noPatient, noDoctor},
	} {
		t.Run("reports to another user only a missing patient "+name, func(t *testing.T) {
			_, err := h.Assign(t.Context(), stranger, c.patient, c.doctor, "")
			require.Equal(t, patients.ErrNotFound, err)
		})
	}
	t.Run("rejects a missing doctor", func(t *testing.T) {
		_, err := h.Assign(t.Context(), who, patient.ID, noDoctor, "")
		require.ErrorIs(t, err, doctors.ErrNotFound)
	})
	t.Run("stores nothing when it fails", func(t *testing.T) {
		require.Equal(t, []app.Assigned{made}, h.browsed(t, who))
		require.Empty(t, h.browsed(t, stranger))
	})
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, other := h.newUser(t), h.newUser(t)
	ann, bob, theirs := h.patientOf(t, who, "Ann"), h.patientOf(t, who, "Bob"), h.patientOf(t, other, "Theirs")
	first, second := h.doctor(t, "First"), h.doctor(t, "Second")
	t.Run("returns an empty list, not nil", func(t *testing.T) {
		require.Equal(t, []app.Assigned{}, h.browsed(t, who))
		require.Equal(t, []app.Assigned{}, h.browsedOf(t, who, ann))
	})
	a, b, c := h.assigned(t, who, ann, first), h.assigned(t, who, bob, first), h.assigned(t, who, ann, second)
	h.assigned(t, other, theirs, first)

	t.Run("returns the user's assignments, newest first", func(t *testing.T) {
		require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
	})
	t.Run("calls each directory once, for any number of assignments", func(t *testing.T) {
		h.patients.calls, h.doctors.calls = 0, 0
		h.browsed(t, who)
		require.Equal(t, 1, h.patients.calls)
		require.Equal(t, 1, h.doctors.calls)
	})
	t.Run("returns the assignments of one patient", func(t *testing.T) {
		require.Equal(t, []app.Assigned{c, a}, h.browsedOf(t, who, ann))
	})
	t.Run("does not find a patient of another user, as if it did not exist", func(t *testing.T) {
		for _, id := range []patients.ID{theirs.ID, {UUID: uuid.Must(uuid.NewV7())}} {
			all, err := h.BrowseOf(t.Context(), who, id, wholeList)
			require.Equal(t, patients.ErrNotFound, err)
			require.Empty(t, all)
		}
	})
	t.Run("omits records that were removed while it read", func(t *testing.T) {
		h.patients.Remove(bob.ID)
		h.doctors.Remove(second.ID)
		require.Equal(t, []app.Assigned{a}, h.browsed(t, who))
		_, err := h.Find(t.Context(), who, b.ID)
		require.ErrorIs(t, err, assignments.ErrNotFound)
	})
}

// A user who represents patients sees their care teams, beside the assignments of own patients, and each once.
func TestBrowseAsAPatient(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		keeper, person := h.newUser(t), h.person(t)
		represented, child, foreign := h.patientOf(t, keeper, "Self"), h.patientOf(t, keeper, "Child"),
			h.patientOf(t, keeper, "Foreign")
		own := h.patientOf(t, person, "Own")
		first, second := h.doctor(t, "First"), h.doctor(t, "Second")
		h.patients.Represent(person.UserID, represented.ID, time.Time{})
		h.patients.Represent(person.UserID, child.ID, now.Add(time.Hour))
		h.patients.Represent(person.UserID, own.ID, time.Time{})
		a, b, c := h.assigned(t, keeper, represented, first), h.assigned(t, keeper, child, first),
			h.assigned(t, keeper, represented, second)
		h.assigned(t, keeper, foreign, first)
		d := h.assigned(t, person, own, first)
		ids := func(filter domain.Filter) (all []assignments.ID) {
			page := wholeList
			page.Count = true
			found, err := h.Browse(t.Context(), person, filter, page)
			require.NoError(t, err)
			require.EqualValues(t, len(found.Items), *found.Total)
			for _, item := range found.Items {
				all = append(all, item.ID)
			}
			return all
		}
		require.Equal(t, []assignments.ID{d.ID, c.ID, b.ID, a.ID}, ids(domain.Filter{}))
		require.Equal(t, []assignments.ID{c.ID}, ids(domain.Filter{Doctor: &second.ID.UUID}))
		h.patients.calls = 0
		require.Equal(t, "self", h.browsed(t, person)[1].Patient.Reason.Basis)
		require.Equal(t, 2, h.patients.calls, "for any number of assignments")
		h.clock.Advance(2 * time.Hour)
		require.Equal(t, []assignments.ID{d.ID, c.ID, a.ID}, ids(domain.Filter{}), "the access has expired")
		for calls, capacities := range [][]auth.Capacity{nil, {{ID: first.ID.UUID, Kind: auth.AsDoctor}}} {
			h.patients.calls, keeper.For = 0, capacities
			h.browsed(t, keeper)
			require.Equal(t, calls+1, h.patients.calls, "a user who acts for nobody has no exceptions")
		}
	})
}

func TestDischarge(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, stranger := h.newUser(t), h.newUser(t)
	made := h.assigned(t, who, h.patientOf(t, who, "Ann"), h.doctor(t, "First"))
	t.Run("does not find an assignment of another user", func(t *testing.T) {
		for _, id := range []assignments.ID{made.ID, newID()} {
			require.Equal(t, assignments.ErrNotFound, h.Discharge(t.Context(), stranger, id, revision.Match{}))
			_, err := h.Find(t.Context(), stranger, id)
			require.Equal(t, assignments.ErrNotFound, err)
		}
		require.Len(t, h.browsed(t, who), 1)
	})
	t.Run("rejects another version and ends nothing", func(t *testing.T) {
		require.ErrorIs(t, h.Discharge(t.Context(), who, made.ID, revision.OneOf(2)), revision.ErrStale)
		require.Equal(t, []app.Assigned{made}, h.browsed(t, who))
		require.ErrorIs(t, h.Discharge(t.Context(), who, newID(), revision.OneOf(2)),
			assignments.ErrNotFound)
	})
	t.Run("ends an assignment, once", func(t *testing.T) {
		require.NoError(t, h.Discharge(t.Context(), who, made.ID, revision.Match{}))
		require.Empty(t, h.browsed(t, who))
		require.ErrorIs(t, h.Discharge(t.Context(), who, made.ID, revision.Match{}), assignments.ErrNotFound)
	})
	t.Run("allows the pair to be assigned again", func(t *testing.T) {
		again := h.assigned(t, who, made.Patient, made.Doctor)
		require.NoError(t, h.Discharge(t.Context(), who, again.ID, revision.OneOf(1)))
	})
}

// A patient who was removed or transferred since the assignment was found.
func TestGrantHoldsThePatient(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who := h.newUser(t)
	made := h.assigned(t, who, h.patientOf(t, who, "Ananya"), h.doctor(t, "Vikram"))
	h.patients.failure = patients.ErrNotFound
	_, err := h.Grant(t.Context(), who, made.ID, revision.Match{}, new(assignments.Write))
	require.ErrorIs(t, err, assignments.ErrNotFound)
	h.patients.failure = nil
	found, err := h.Find(t.Context(), who, made.ID)
	require.NoError(t, err)
	require.Equal(t, assignments.Read, found.Access)
}

// The length of the list of a foreign patient is 0, also for a user who acts for a doctor.
func TestCountsAssignmentsOfAForeignPatient(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	owner, who, page := h.newUser(t), h.newUser(t), wholeList
	foreign := h.patientOf(t, owner, "Ananya").ID.UUID
	page.Count = true
	for _, who.For = range [][]auth.Capacity{nil, {{ID: uuid.New(), Kind: auth.AsDoctor}}} {
		found, err := h.Browse(t.Context(), who, domain.Filter{Patient: &foreign}, page)
		require.NoError(t, err)
		require.Empty(t, found.Items)
		require.Equal(t, new(int64), found.Total)
	}
}

func TestErrorsOfOtherModules(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who := h.newUser(t)
	patient, doctor := h.patientOf(t, who, "Ann"), h.doctor(t, "First")
	made := h.assigned(t, who, patient, doctor)
	calls := map[string]func() error{
		"assigning": func() error {
			_, err := h.Assign(t.Context(), who, patient.ID, doctor.ID, "")
			return err
		},
		"browsing": func() error {
			_, err := h.Browse(t.Context(), who, domain.Filter{}, wholeList)
			return err
		},
		"browsing one patient": func() error {
			_, err := h.BrowseOf(t.Context(), who, patient.ID, wholeList)
			return err
		},
		"finding": func() error {
			_, err := h.Find(t.Context(), who, made.ID)
			return err
		},
	}
	for name, call := range calls {
		t.Run("are returned when "+name, func(t *testing.T) {
			down := errors.New("down")
			h.patients.failure = down
			require.ErrorIs(t, call(), down)
			h.patients.failure, h.doctors.failure = nil, down
			require.ErrorIs(t, call(), down)
			h.doctors.failure = nil
		})
	}
}
