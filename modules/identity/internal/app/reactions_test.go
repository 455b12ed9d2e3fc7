package app_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

func TestDoctorLinks(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		links := app.NewCapacities(h.users, store.NewActing(db, h.clock), h.trail, h.clock)
		publisher := events.New(
			app.WhenDoctorLinked(links), app.WhenDoctorUnlinked(links))
		user := h.registered(t, asha())
		tokens, by := h.signedIn(t), auth.Principal{UserID: uuid.Must(uuid.NewV7()), Role: auth.Admin}
		publish := func(event any) error {
			return db.Do(t.Context(), func(ctx context.Context) error { return publisher.Publish(ctx, event) })
		}
		caller := func(t *testing.T) auth.Principal {
			who, err := h.Authenticate(t.Context(), tokens.Access)
			require.NoError(t, err)
			return who
		}
		setRole := func(role string) { h.exec(t, `UPDATE users SET role = ? WHERE id = ?`, role, user.ID) }
		doctor := recordid.New[doctors.ID]()
		acting := []auth.Capacity{{ID: doctor.UUID, Kind: auth.AsDoctor}}

		t.Run("give the capacity and the role with the next request, and record it", func(t *testing.T) {
			require.NoError(t, publish(doctors.Linked{ID: doctor, User: user.ID.UUID, By: by}))
			require.Equal(t, doctors.Role, caller(t).Role)
			require.Equal(t, acting, caller(t).For)
			other := domain.User{ID: identity.UserID{UUID: databasetest.NewUser(t, db)}}
			accounts, err := h.WithParties(t.Context(), other, user)
			require.NoError(t, err)
			require.Equal(t, []app.Account{
				{User: other},
				{User: user, ActsFor: []domain.Party{{Capacity: acting[0], Since: h.clock.Now()}}},
			}, accounts)
			recorded := h.trail.Recorded()
			entry := recorded[len(recorded)-1].Entry
			require.Equal(t, audit.RoleChanged, entry.Action)
			require.Equal(t, user.ID.UUID, entry.ResourceID)
		})
		event := doctors.Unlinked{ID: doctor, By: by}
		t.Run("end when the doctor is unlinked", func(t *testing.T) {
			setRole("staff")
			require.NoError(t, publish(doctors.Linked{ID: doctor, User: user.ID.UUID, By: by}))
			require.NoError(t, publish(event))
			require.Equal(t, auth.Staff, caller(t).Role)
			require.Empty(t, caller(t).For)
			require.NoError(t, publish(event), "a record that is not linked")
		})
		t.Run("leave another role when the doctor is unlinked", func(t *testing.T) {
			setRole("admin")
			require.NoError(t, publish(doctors.Linked{ID: doctor, User: user.ID.UUID, By: by}))
			require.Equal(t, auth.Admin, caller(t).Role)
			require.Equal(t, acting, caller(t).For)
			require.NoError(t, publish(event))
			require.Equal(t, auth.Admin, caller(t).Role)
			require.Empty(t, caller(t).For)
		})
		t.Run("are refused for every other role, without an effect", func(t *testing.T) {
			for _, role := range []string{"auditor", "patient", "doctor", "undeclared"} {
				setRole(role)
				err := publish(doctors.Linked{ID: doctor, User: user.ID.UUID, By: by})
				require.ErrorIs(t, err, identity.ErrRoleConflict, role)
				require.Equal(t, auth.Role(role), caller(t).Role)
				require.Empty(t, caller(t).For)
			}
		})
		t.Run("are refused for a user who does not exist", func(t *testing.T) {
			err := publish(doctors.Linked{ID: doctor, User: uuid.Must(uuid.NewV7()), By: by})
			require.ErrorIs(t, err, auth.ErrInvalidToken)
		})
		t.Run("end after the account was closed", func(t *testing.T) {
			closed, _ := h.signedInAs(t, "closed@example.com")
			require.NoError(t, publish(doctors.Linked{ID: doctor, User: closed.UserID, By: by}))
			h.patients(t, closed, 101)
			_, err := h.Leave(t.Context(), closed, revision.Match{}, secret, true, here)
			require.NoError(t, err)
			require.NoError(t, publish(event))
			require.NoError(t, h.erase(t.Context(), closed))
		})
		t.Run("leave no other user", func(t *testing.T) {
			other := h.registered(t, domain.Registration{Name: "O", Email: "other@example.com", Password: secret})
			setRole("staff")
			require.NoError(t, publish(doctors.Linked{ID: doctor, User: other.ID.UUID, By: by}))
			require.Equal(t, auth.Staff, caller(t).Role)
			require.Empty(t, caller(t).For)
		})
	})
}
