package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
)

func TestUserData(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var received []patients.Deleted
		var failure error
		subscription := events.On("assignments", func(ctx context.Context, e patients.Deleted) error {
			received = append(received, e)
			deleted := db.Write(ctx).Exec(`DELETE FROM assignments WHERE patient_id IN ?`, e.IDs)
			return errors.Join(failure, deleted.Error)
		})
		service := newEnv(t, db, subscription)
		trail := new(audittest.Recorder)
		userData := newUserData(db, store.New(db),
			events.New(subscription), trail,
			service.clock, app.Limit{})
		owner, patient := assignedPatient(t, service)
		user := identity.UserID{UUID: owner.UserID}
		who := auth.Principal{UserID: owner.UserID, SessionID: uuid.New(), Role: auth.Staff}
		others, stranger := identity.UserID{UUID: newUser(t, db).UserID}, newUser(t, db)
		kept := service.registered(t, stranger, ananya())
		owns := func(t *testing.T, user identity.UserID) bool {
			t.Helper()
			n, err := userData.Count(t.Context(), user, 1)
			require.NoError(t, err)
			return n > 0
		}
		deleteAll := func() (int, error) {
			session := identity.SessionID{UUID: who.SessionID}
			return userData.DeleteAll(t.Context(), user, session, string(who.Role), 1000)
		}
		t.Run("counts the user's patients", func(t *testing.T) {
			require.True(t, owns(t, user))
			require.False(t, owns(t, others))
		})
		t.Run("deletes nothing when a subscriber fails", func(t *testing.T) {
			failure = errors.New("subscriber failed")
			_, err := deleteAll()
			require.ErrorIs(t, err, failure)
			require.Equal(t, 1, assigned(t, db))
			failure, received = nil, nil
		})
		grant := domain.Grant{PatientID: kept.ID, GranteeID: owner.UserID, Basis: domain.Delegate, SourceID: uuid.New(),
			Level: patients.Read, GrantedBy: stranger.UserID, GrantedAt: now}
		of := grant
		of.GranteeID, of.SourceID = stranger.UserID, uuid.New()
		require.NoError(t, store.NewGrants(db).Put(t.Context(), grant))
		require.NoError(t, store.NewGrants(db).Put(t.Context(), of))
		granted := func(t *testing.T, grant domain.Grant) error {
			_, err := store.NewGrants(db).Find(t.Context(), kept.ID, grant.SourceID)
			return err
		}
		t.Run("deletes at most limit patients with their references, and none of other users", func(t *testing.T) {
			more := make([]map[string]any, 1500)
			for i := range more {
				more[i] = map[string]any{
					"id": uuid.Must(uuid.NewV7()), "owner_id": owner.UserID, "name": "P", "gender": "Other", "age": 1,
					"email": "", "phone": "", "address": "", "notes": "", "version": 1,
					"created_at": database.At(now), "updated_at": database.At(now),
				}
			}
			require.NoError(t, db.Write(t.Context()).Table("patients").CreateInBatches(more, 500).Error)
			all, err := userData.Count(t.Context(), user, -1)
			require.NoError(t, err)
			require.Equal(t, 1501, all)
			for _, expected := range []int{1000, 501} {
				require.NoError(t, granted(t, grant))
				removed, err := deleteAll()
				require.NoError(t, err)
				require.Equal(t, expected, removed)
			}
			require.ErrorIs(t, granted(t, grant), patients.ErrNoGrant)
			require.NoError(t, granted(t, of), "of another user")
			require.False(t, owns(t, user))
			require.Zero(t, assigned(t, db))
			require.Len(t, received, 2)
			require.Len(t, received[0].IDs, 1000)
			require.Contains(t, append(received[0].IDs, received[1].IDs...), patient.ID)
			require.Equal(t, kept, service.found(t, stranger, kept))
			removed, err := deleteAll()
			require.NoError(t, err)
			require.Zero(t, removed, "nothing is left")
			recorded := trail.Recorded()
			ended := slices.IndexFunc(recorded, func(r audittest.Recorded) bool { return r.Action == audit.Withdrawn })
			require.Equal(t, kept.ID.UUID, recorded[ended].PatientID)
			require.Equal(t, grant.SourceID, recorded[ended].Reason.Grant)
			recorded = slices.Delete(recorded, ended, ended+1)
			require.Len(t, recorded, 1501)
			for _, entry := range recorded {
				require.Equal(t, who, entry.Who)
				require.Equal(t, audit.Delete, entry.Action)
			}
		})
	})
}
