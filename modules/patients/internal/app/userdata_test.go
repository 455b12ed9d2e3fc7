package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
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
		var heard []patients.Deleted
		var answer error
		letGo := events.On("assignments", func(ctx context.Context, e patients.Deleted) error {
			heard = append(heard, e)
			return errors.Join(answer, db.Write(ctx).Exec(`DELETE FROM assignments WHERE patient_id IN ?`, e.IDs).Error)
		})
		h := newEnv(t, db, letGo)
		trail := new(audittest.Recorder)
		userData := app.NewUserData(store.New(db), db, events.New(letGo), trail)
		owner, patient := treated(t, h)
		user, who := identity.UserID{UUID: owner}, auth.Principal{UserID: owner, SessionID: uuid.New(), Role: auth.Staff}
		others, stranger := identity.UserID{UUID: someone(t, db).UserID}, someone(t, db)
		kept := h.registered(t, stranger, ananya())
		owns := func(t *testing.T, user identity.UserID) bool {
			t.Helper()
			n, err := userData.Count(t.Context(), user, 1)
			require.NoError(t, err)
			return n > 0
		}
		discard := func() (int, error) {
			return userData.DeleteAll(t.Context(), user, identity.SessionID{UUID: who.SessionID}, string(who.Role), 1000)
		}
		t.Run("are the user's patients", func(t *testing.T) {
			require.True(t, owns(t, user))
			require.False(t, owns(t, others))
		})
		t.Run("stay when one of those who react fails", func(t *testing.T) {
			answer = errors.New("cannot let go")
			_, err := discard()
			require.ErrorIs(t, err, answer)
			require.Equal(t, 1, assignments(t, db))
			answer, heard = nil, nil
		})
		t.Run("go with all that refers to them, as many as are asked for, and nobody else's", func(t *testing.T) {
			more := make([]map[string]any, 1500)
			for i := range more {
				more[i] = map[string]any{
					"id": uuid.Must(uuid.NewV7()), "owner_id": owner, "name": "P", "gender": "Other", "age": 1, "email": "", "phone": "", "address": "",
					"notes": "", "version": 1, "created_at": database.At(now), "updated_at": database.At(now),
				}
			}
			require.NoError(t, db.Write(t.Context()).Table("patients").CreateInBatches(more, 500).Error)
			all, err := userData.Count(t.Context(), user, -1)
			require.NoError(t, err)
			require.Equal(t, 1501, all)
			for _, expected := range []int{1000, 501} {
				removed, err := discard()
				require.NoError(t, err)
				require.Equal(t, expected, removed)
			}
			require.False(t, owns(t, user))
			require.Zero(t, assignments(t, db))
			require.Len(t, heard, 2)
			require.Len(t, heard[0].IDs, 1000)
			require.Contains(t, append(heard[0].IDs, heard[1].IDs...), patient.ID)
			require.Equal(t, kept, h.found(t, stranger, kept))
			removed, err := discard()
			require.NoError(t, err)
			require.Zero(t, removed, "nothing is left to do")
			recorded := trail.Recorded()
			require.Len(t, recorded, 1501)
			for _, entry := range recorded {
				require.Equal(t, who, entry.Who)
				require.Equal(t, audit.Delete, entry.Action)
			}
		})
	})
}
