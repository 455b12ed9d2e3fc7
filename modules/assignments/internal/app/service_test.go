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
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

func TestAssign(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, stranger := h.someone(t), h.someone(t)
	patient, doctor := h.patientOf(t, who, "Ananya"), h.doctor(t, "Vikram")
	noPatient, noDoctor := recordid.New[patients.ID](), recordid.New[doctors.ID]()

	made := h.assigned(t, who, patient, doctor)
	t.Run("answers what is found afterwards, with what both sides are shown as", func(t *testing.T) {
		require.Equal(t, patient, made.Patient)
		require.Equal(t, doctor, made.Doctor)
		require.Equal(t, now.Add(time.Second), made.AssignedAt)
		require.Equal(t, who.UserID, made.OwnerID)
		found, err := h.Find(t.Context(), who, made.ID)
		require.NoError(t, err)
		require.Equal(t, made, found)
	})
	t.Run("of the same pair again is refused", func(t *testing.T) {
		_, err := h.Assign(t.Context(), who, patient.ID, doctor.ID)
		require.ErrorIs(t, err, assignments.ErrAlreadyAssigned)
	})
	for what, c := range map[string]struct {
		patient patients.ID
		doctor  doctors.ID
	}{
		"that is assigned already": {patient.ID, doctor.ID}, "and a doctor who does not exist": {patient.ID, noDoctor},
		"that does not exist": {noPatient, doctor.ID}, "and a doctor, both of whom do not exist": {noPatient, noDoctor},
	} {
		t.Run("to a patient not the user's "+what+" tells only that there is no such patient", func(t *testing.T) {
			_, err := h.Assign(t.Context(), stranger, c.patient, c.doctor)
			require.Equal(t, patients.ErrNotFound, err)
		})
	}
	t.Run("of a doctor who does not exist is refused", func(t *testing.T) {
		_, err := h.Assign(t.Context(), who, patient.ID, noDoctor)
		require.ErrorIs(t, err, doctors.ErrNotFound)
	})
	t.Run("that was refused has left nothing behind", func(t *testing.T) {
		require.Equal(t, []app.Assigned{made}, h.browsed(t, who))
		require.Empty(t, h.browsed(t, stranger))
	})
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, other := h.someone(t), h.someone(t)
	ann, bob, theirs := h.patientOf(t, who, "Ann"), h.patientOf(t, who, "Bob"), h.patientOf(t, other, "Theirs")
	first, second := h.doctor(t, "First"), h.doctor(t, "Second")
	t.Run("is empty at first, and not nothing", func(t *testing.T) {
		require.Equal(t, []app.Assigned{}, h.browsed(t, who))
		require.Equal(t, []app.Assigned{}, h.browsedOf(t, who, ann))
	})
	a, b, c := h.assigned(t, who, ann, first), h.assigned(t, who, bob, first), h.assigned(t, who, ann, second)
	h.assigned(t, other, theirs, first)

	t.Run("is the user's assignments, newest first", func(t *testing.T) {
		require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
	})
	t.Run("asks each other module once, however many there are", func(t *testing.T) {
		h.patients.asked, h.doctors.asked = 0, 0
		h.browsed(t, who)
		require.Equal(t, 1, h.patients.asked)
		require.Equal(t, 1, h.doctors.asked)
	})
	t.Run("of one patient is that patient's", func(t *testing.T) {
		require.Equal(t, []app.Assigned{c, a}, h.browsedOf(t, who, ann))
	})
	t.Run("of a patient who is not the user's is refused as if there were none", func(t *testing.T) {
		for _, id := range []patients.ID{theirs.ID, {UUID: uuid.Must(uuid.NewV7())}} {
			all, err := h.BrowseOf(t.Context(), who, id, whole)
			require.Equal(t, patients.ErrNotFound, err)
			require.Empty(t, all)
		}
	})
	t.Run("leaves out who was removed while it read", func(t *testing.T) {
		h.patients.Remove(bob.ID)
		h.doctors.Remove(second.ID)
		require.Equal(t, []app.Assigned{a}, h.browsed(t, who))
		_, err := h.Find(t.Context(), who, b.ID)
		require.ErrorIs(t, err, assignments.ErrNotFound)
	})
}

func TestDischarge(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who, stranger := h.someone(t), h.someone(t)
	made := h.assigned(t, who, h.patientOf(t, who, "Ann"), h.doctor(t, "First"))
	t.Run("tells a stranger that there is no such assignment", func(t *testing.T) {
		for _, id := range []assignments.ID{made.ID, newID()} {
			require.Equal(t, assignments.ErrNotFound, h.Discharge(t.Context(), stranger, id, revision.Match{}))
			_, err := h.Find(t.Context(), stranger, id)
			require.Equal(t, assignments.ErrNotFound, err)
		}
		require.Len(t, h.browsed(t, who), 1)
	})
	t.Run("is refused when another version was read, and ends nothing", func(t *testing.T) {
		require.ErrorIs(t, h.Discharge(t.Context(), who, made.ID, revision.OneOf(domain.Version+1)), revision.ErrStale)
		require.Equal(t, []app.Assigned{made}, h.browsed(t, who))
		require.ErrorIs(t, h.Discharge(t.Context(), who, newID(), revision.OneOf(domain.Version+1)), assignments.ErrNotFound)
	})
	t.Run("ends an assignment, once", func(t *testing.T) {
		require.NoError(t, h.Discharge(t.Context(), who, made.ID, revision.Match{}))
		require.Empty(t, h.browsed(t, who))
		require.ErrorIs(t, h.Discharge(t.Context(), who, made.ID, revision.Match{}), assignments.ErrNotFound)
	})
	t.Run("lets the pair be assigned again", func(t *testing.T) {
		again := h.assigned(t, who, made.Patient, made.Doctor)
		require.NoError(t, h.Discharge(t.Context(), who, again.ID, revision.OneOf(domain.Version)))
	})
}

func TestTroubleOfOthers(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who := h.someone(t)
	patient, doctor := h.patientOf(t, who, "Ann"), h.doctor(t, "First")
	made := h.assigned(t, who, patient, doctor)
	calls := map[string]func() error{
		"assigning":            func() error { _, err := h.Assign(t.Context(), who, patient.ID, doctor.ID); return err },
		"browsing":             func() error { _, err := h.Browse(t.Context(), who, domain.Filter{}, whole); return err },
		"browsing one patient": func() error { _, err := h.BrowseOf(t.Context(), who, patient.ID, whole); return err },
		"finding":              func() error { _, err := h.Find(t.Context(), who, made.ID); return err },
	}
	for what, call := range calls {
		t.Run("is "+what+"'s trouble too", func(t *testing.T) {
			down := errors.New("down")
			h.patients.trouble = down
			require.ErrorIs(t, call(), down)
			h.patients.trouble, h.doctors.trouble = nil, down
			require.ErrorIs(t, call(), down)
			h.doctors.trouble = nil
		})
	}
}
