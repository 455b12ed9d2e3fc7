package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

// assignedDoctor returns a doctor with an assignment, a row of another module that refers to it.
func assignedDoctor(t *testing.T, h env) domain.Doctor {
	doctor, user := h.registered(t, vikram()), databasetest.NewUser(t, h.db)
	patient := databasetest.NewPatient(t, h.db, user)
	require.NoError(t, databasetest.Assign(t.Context(), h.db, user, patient, doctor.ID.UUID))
	return doctor
}

// storedAssignments is a doctors.Assignments that reads and writes the table assignments.
type storedAssignments struct{ db *database.DB }

func (a storedAssignments) Owners(ctx context.Context, doctor doctors.ID, limit int) (owners []uuid.UUID, err error) {
	var rows []string
	err = a.db.Read(ctx).Raw(
		`SELECT owner_id FROM assignments WHERE doctor_id = ? LIMIT ?`, doctor, limit,
	).Scan(&rows).Error
	for _, row := range rows {
		owners = append(owners, uuid.MustParse(row))
	}
	return owners, err
}

func (a storedAssignments) Count(ctx context.Context, doctor doctors.ID) (int, error) {
	owners, err := a.Owners(ctx, doctor, 1000)
	return len(owners), err
}

func (a storedAssignments) Release(
	ctx context.Context, _ auth.Principal, doctor doctors.ID, to *doctors.ID, limit int,
) (int, error) {
	some := `SELECT id FROM assignments WHERE doctor_id = ? LIMIT ?`
	if to != nil {
		done := a.db.Write(ctx).Exec(`UPDATE assignments SET doctor_id = ? WHERE id IN (`+some+`)`, *to, doctor, limit)
		return int(done.RowsAffected), done.Error
	}
	done := a.db.Write(ctx).Exec(`DELETE FROM assignments WHERE id IN (`+some+`)`, doctor, limit)
	return int(done.RowsAffected), done.Error
}

func assignments(t *testing.T, db *database.DB) (count int) {
	t.Helper()
	require.NoError(t, db.Read(t.Context()).Raw(`SELECT count(*) FROM assignments`).Scan(&count).Error)
	return count
}

func TestRemove(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var received []doctors.Deleted
		var failure error
		service := newEnv(t, db, events.On("assignments", func(ctx context.Context, e doctors.Deleted) error {
			received = append(received, e)
			if err := db.Write(ctx).Exec(`DELETE FROM assignments WHERE doctor_id = ?`, e.ID).Error; err != nil {
				return err
			}
			return failure
		}))
		doctor := assignedDoctor(t, service)

		t.Run("rolls back and returns the error when a subscriber fails", func(t *testing.T) {
			failure = errors.New("subscriber failed")
			require.ErrorIs(t, service.Remove(t.Context(), anyAdmin, doctor.ID, revision.Match{}), failure)
			require.Equal(t, doctor, service.found(t, doctor))
			require.Equal(t, 1, assignments(t, db))
		})
		t.Run("fails on the foreign key without a subscriber", func(t *testing.T) {
			err := newEnv(t, db).Remove(t.Context(), anyAdmin, doctor.ID, revision.Match{})
			require.ErrorContains(t, err, "react to doctors.Deleted")
			require.Equal(t, doctor, service.found(t, doctor))
			require.Equal(t, 1, assignments(t, db))
		})
		t.Run("publishes the deletion and then removes the doctor", func(t *testing.T) {
			received, failure = nil, nil
			require.NoError(t, service.Remove(t.Context(), anyAdmin, doctor.ID, revision.Match{}))
			require.Equal(t, []doctors.Deleted{{ID: doctor.ID, By: anyAdmin}}, received)
			require.Empty(t, service.browsed(t))
			require.Zero(t, assignments(t, db))
		})
		t.Run("fails the second time and publishes nothing", func(t *testing.T) {
			received = nil
			require.ErrorIs(t, service.Remove(t.Context(), anyAdmin, doctor.ID, revision.Match{}), doctors.ErrNotFound)
			require.Empty(t, received)
		})
	})
}

// TestStartRemoval removes a doctor in batches, as a job does.
func TestStartRemoval(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service := newEnv(t, db)
		admin := auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Admin}
		doctor := assignedDoctor(t, service)
		other := service.registered(t, domain.Details{Name: "O", Specialization: "S"})
		startRemoval := func(who auth.Principal, id doctors.ID, to *doctors.ID) error {
			_, err := service.StartRemoval(t.Context(), who, id, revision.Match{}, to)
			return err
		}
		t.Run("requires an administrator and existing doctors", func(t *testing.T) {
			missing := doctors.ID{UUID: uuid.New()}
			require.ErrorIs(t, startRemoval(auth.Principal{Role: auth.Staff}, doctor.ID, nil), auth.ErrForbidden)
			require.ErrorIs(t, startRemoval(admin, missing, nil), doctors.ErrNotFound)
			require.ErrorIs(t, startRemoval(admin, missing, &other.ID), doctors.ErrNotFound)
			require.Equal(t, errs.Invalid, errs.KindOf(startRemoval(admin, doctor.ID, &missing)))
			require.Equal(t, errs.Invalid, errs.KindOf(startRemoval(admin, doctor.ID, &doctor.ID)))
			_, err := service.StartRemoval(t.Context(), admin, doctor.ID, revision.OneOf(2), nil)
			require.ErrorIs(t, err, revision.ErrStale)
		})
		t.Run("prevents other removals of both doctors, and new assignments of the removed one", func(t *testing.T) {
			require.NoError(t, startRemoval(admin, doctor.ID, &other.ID))
			require.ErrorIs(t, startRemoval(admin, doctor.ID, nil), doctors.ErrInRemoval)
			require.ErrorIs(t, startRemoval(admin, other.ID, &doctor.ID), doctors.ErrReceives)
			third := service.registered(t, domain.Details{Name: "T", Specialization: "S"})
			require.ErrorIs(t, startRemoval(admin, third.ID, &doctor.ID), doctors.ErrInRemoval)
			require.ErrorIs(t, service.Remove(t.Context(), admin, doctor.ID, revision.Match{}), doctors.ErrInRemoval)
			require.ErrorIs(t, service.Remove(t.Context(), admin, other.ID, revision.Match{}), doctors.ErrReceives)
			directory := app.NewDirectory(store.New(db))
			_, err := directory.Find(t.Context(), doctor.ID)
			require.ErrorIs(t, err, doctors.ErrInRemoval)
			_, err = directory.Find(t.Context(), other.ID)
			require.NoError(t, err)
			require.Equal(t, doctor, service.found(t, doctor), "the doctor is still shown")
		})
		t.Run("moves the assignments in batches, and then deletes the doctor", func(t *testing.T) {
			ended, done, err := service.Continue(t.Context(), doctor.ID, 1)
			require.NoError(t, err)
			require.Equal(t, 1, ended)
			require.False(t, done)
			ended, done, err = service.Continue(t.Context(), doctor.ID, 1)
			require.NoError(t, err)
			require.Zero(t, ended)
			require.True(t, done)
			_, err = service.Find(t.Context(), doctor.ID)
			require.ErrorIs(t, err, doctors.ErrNotFound)
			require.Equal(t, 1, assignments(t, db))
			_, done, err = service.Continue(t.Context(), doctor.ID, 1)
			require.NoError(t, err)
			require.True(t, done, "the doctor is already deleted")
			_, done, err = service.Continue(t.Context(), other.ID, 1)
			require.NoError(t, err)
			require.True(t, done, "the removal has not begun")
			require.Equal(t, other, service.found(t, other))
		})
	})
}
