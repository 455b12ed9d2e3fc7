package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
)

func TestClaimsOfPatients(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		acting := store.NewActing(db, h.clock)
		publisher := events.New(app.WhenPatientClaimed(app.NewCapacities(h.users, acting, h.trail, h.clock)))
		self := func(user domain.User) auth.Capacity { return auth.Capacity{ID: user.ID.UUID, Kind: auth.AsSelf} }
		claim := func(ctx context.Context, user domain.User, keepsNone bool) error {
			event := patients.Claimed{ID: recordid.New[patients.ID](), User: user.ID.UUID, Represents: true}
			event.By = auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
			event.KeepsNone = func(ctx context.Context) (bool, error) {
				held, err := acting.Of(ctx, user.ID, now)
				if err == nil && !slices.Contains(held, self(user)) {
					err = errors.New("the account should be locked before its patients are counted")
				}
				return keepsNone, err
			}
			return db.Do(ctx, func(ctx context.Context) error { return publisher.Publish(ctx, event) })
		}
		number := 0
		newUser := func(t *testing.T, registered bool, role auth.Role) domain.User {
			number++
			address := fmt.Sprintf("n%d@example.com", number)
			registration := domain.Registration{Name: "N", Email: address, Password: secret}
			user, err := h.Add(t.Context(), auth.Principal{}, registration, auth.Staff)
			if registered {
				registration.Email = "r" + registration.Email
				user, err = h.Register(t.Context(), registration)
			}
			require.NoError(t, err)
			h.exec(t, `UPDATE users SET role = ? WHERE id = ?`, role, user.ID)
			return user
		}

		t.Run("let users act for themselves, and make the role of self-registered ones patient", func(t *testing.T) {
			user := newUser(t, true, auth.Staff)
			for range 2 {
				require.NoError(t, claim(t.Context(), user, true))
				require.Equal(t, string(patients.Role), h.stored(t, user).Role)
				held, err := acting.Of(t.Context(), user.ID, now)
				require.NoError(t, err)
				require.Equal(t, []auth.Capacity{self(user)}, held)
			}
			recorded := h.trail.Recorded()
			require.Equal(t, audit.RoleChanged, recorded[len(recorded)-1].Entry.Action)
			require.Equal(t, user.ID.UUID, recorded[len(recorded)-1].Entry.ResourceID)
		})
		for name, c := range map[string]struct {
			registered, keepsNone bool
			role                  auth.Role
		}{
			"an account that an administrator added": {false, true, auth.Staff},
			"a user who keeps patients":              {true, false, auth.Staff},
			"an administrator":                       {true, true, auth.Admin},
			"a doctor":                               {true, true, "doctor"},
			"a user of another role":                 {true, true, "auditor"},
		} {
			t.Run("keep the role of "+name, func(t *testing.T) {
				user := newUser(t, c.registered, c.role)
				require.NoError(t, claim(t.Context(), user, c.keepsNone))
				require.Equal(t, string(c.role), h.stored(t, user).Role)
				held, err := acting.Of(t.Context(), user.ID, now)
				require.NoError(t, err)
				require.Equal(t, []auth.Capacity{self(user)}, held)
			})
		}
		t.Run("keep the role of a user who acts for somebody else", func(t *testing.T) {
			user := newUser(t, true, auth.Staff)
			other := auth.Capacity{ID: uuid.New(), Kind: auth.AsDoctor}
			require.NoError(t, acting.Add(t.Context(), user.ID, domain.Party{Capacity: other, Since: now}))
			require.NoError(t, claim(t.Context(), user, true))
			require.Equal(t, string(auth.Staff), h.stored(t, user).Role)
		})
		t.Run("fail for a user who acts for too many", func(t *testing.T) {
			user := newUser(t, true, auth.Staff)
			for range auth.MaxCapacities {
				other := auth.Capacity{ID: uuid.New(), Kind: auth.AsDoctor}
				require.NoError(t, acting.Add(t.Context(), user.ID, domain.Party{Capacity: other, Since: now}))
			}
			require.ErrorIs(t, claim(t.Context(), user, true), identity.ErrTooManyCapacities)
		})
		t.Run("are unauthenticated once the account was closed or removed", func(t *testing.T) {
			user := newUser(t, true, auth.Staff)
			h.exec(t, `INSERT INTO closed_accounts (user_id, session_id, role, closed_at) VALUES (?, ?, 'staff', ?)`,
				user.ID, uuid.New(), database.At(now))
			require.ErrorIs(t, claim(t.Context(), user, true), auth.ErrInvalidToken)
			require.NoError(t, h.users.Remove(t.Context(), user.ID))
			require.ErrorIs(t, claim(t.Context(), user, true), auth.ErrInvalidToken)
		})
		t.Run("return every error and leave no effect", func(t *testing.T) {
			user := newUser(t, true, auth.Staff)
			require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
				return claim(ctx, user, true)
			}))
		})
	})
}
