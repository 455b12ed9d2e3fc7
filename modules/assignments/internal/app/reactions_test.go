package app_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
)

// TestReactions removes records as their modules do: they publish the event and then delete the row, in one
// transaction.
func TestReactions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository := store.New(db)
		trail := new(audittest.Recorder)
		releaser := app.NewReleaser(repository, trail, clock.At(now), app.Limit{})
		publisher := events.New(app.WhenPatientDeleted(repository, app.Limit{}), app.WhenDoctorDeleted(releaser),
			app.WhenPatientTransferred(repository, app.Limit{}))
		deletePatient := func(ctx context.Context, id patients.ID) error {
			return db.Write(ctx).Exec(`DELETE FROM patients WHERE id = ?`, id).Error
		}
		deleteDoctor := func(ctx context.Context, id doctors.ID) error {
			return db.Write(ctx).Exec(`DELETE FROM doctors WHERE id = ?`, id).Error
		}
		h := newEnv(t, db)
		who := h.newUser(t)
		ann, bob := h.patientOf(t, who, "Ann"), h.patientOf(t, who, "Bob")
		first, second := h.doctor(t, "First"), h.doctor(t, "Second")
		a, b, c := h.assigned(t, who, ann, first), h.assigned(t, who, bob, first), h.assigned(t, who, bob, second)

		t.Run("are rolled back with the removal of a patient", func(t *testing.T) {
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, publisher.Publish(ctx, patients.Deleted{IDs: []patients.ID{ann.ID}}))
				require.NoError(t, deletePatient(ctx, ann.ID))
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
		})
		t.Run("are required by the foreign keys", func(t *testing.T) {
			err := db.Do(t.Context(), func(ctx context.Context) error { return deletePatient(ctx, ann.ID) })
			require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
			err = db.Do(t.Context(), func(ctx context.Context) error { return deleteDoctor(ctx, first.ID) })
			require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
			require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
		})
		t.Run("give the assignments of a transferred patient to the new owner", func(t *testing.T) {
			receiver := h.newUser(t)
			transferred := func(from, to auth.Principal) patients.Transferred {
				return patients.Transferred{IDs: []patients.ID{bob.ID}, From: from.UserID, To: to.UserID}
			}
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, publisher.Publish(ctx, transferred(who, receiver)))
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
			require.NoError(t, publisher.Publish(t.Context(), transferred(who, receiver)))
			require.Equal(t, []app.Assigned{a}, h.browsed(t, who))
			scope := patients.OwnedBy(receiver.UserID)
			theirs, err := repository.List(t.Context(), scope, patients.Exceptions{}, domain.Filter{}, wholeList)
			require.NoError(t, err)
			require.Len(t, theirs.Items, 2)
			require.NoError(t, publisher.Publish(t.Context(), transferred(receiver, who)))
			require.Equal(t, []app.Assigned{c, b, a}, h.browsed(t, who))
		})
		t.Run("end the assignments of a removed patient only", func(t *testing.T) {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, publisher.Publish(ctx, patients.Deleted{IDs: []patients.ID{ann.ID}}))
				return deletePatient(ctx, ann.ID)
			}))
			require.Equal(t, []app.Assigned{c, b}, h.browsed(t, who))
		})
		t.Run("end the assignments of a removed doctor only", func(t *testing.T) {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, publisher.Publish(ctx, doctors.Deleted{ID: first.ID}))
				return deleteDoctor(ctx, first.ID)
			}))
			require.Equal(t, []app.Assigned{c}, h.browsed(t, who))
		})
		t.Run("return the error of the store", func(t *testing.T) {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			for _, event := range []any{
				patients.Deleted{IDs: []patients.ID{bob.ID}}, doctors.Deleted{ID: second.ID},
				patients.Transferred{IDs: []patients.ID{bob.ID}},
			} {
				require.Equal(t, errs.Unavailable, errs.KindOf(publisher.Publish(ended, event)))
			}
		})
	})
}
