package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
)

// grantsTo returns the use cases that grant something to a user, by name. Each call may succeed.
func (w teams) grantsTo(t *testing.T, name string) map[string]func() error {
	t.Helper()
	who, admin := w.who(t, name), auth.Principal{UserID: uuid.New(), Role: auth.Admin}
	id := w.practice(t, "manager", nil)
	practiceCode, deputyCode := w.code(t, "manager", id, "read"), w.deputyCode(t, "manager", now.Add(time.Hour))
	capacities := app.NewCapacities(
		w.fixture.users, app.RequireVerified(w.cfg, store.NewActing(w.db, w.clock), w.states), w.trail, w.clock)
	publisher := events.New(app.WhenDoctorLinked(capacities), app.WhenPatientClaimed(capacities))
	publish := func(event any) error {
		return w.db.Do(t.Context(), func(ctx context.Context) error { return publisher.Publish(ctx, event) })
	}
	giver := identity.UserID{UUID: w.users["manager"].UserID}
	return map[string]func() error{
		"create a practice": func() error {
			_, err := w.practices.Create(t.Context(), who, "P")
			return err
		},
		"join a practice": func() error {
			_, err := w.practices.Claim(t.Context(), who, practiceCode)
			return err
		},
		"be added to a practice": func() error {
			_, err := w.practices.SetMember(t.Context(), admin, w.practice(t, "manager", nil), idOf(who), "read")
			return err
		},
		"become a deputy": func() error {
			_, err := w.deputies.Claim(t.Context(), who, deputyCode)
			return err
		},
		"be linked to a doctor": func() error {
			return publish(doctors.Linked{ID: recordid.New[doctors.ID](), User: who.UserID, By: who})
		},
		"get a share, a claim or an emergency access to a patient": func() error {
			return publish(patients.Claimed{ID: recordid.New[patients.ID](), User: who.UserID, By: who})
		},
		"get the patients of another user": func() error {
			_, err := w.Transfer(t.Context(), admin, giver, idOf(who), 1)
			return err
		},
		"see what would be transferred": func() error {
			_, err := w.Transferable(t.Context(), admin, giver, idOf(who))
			return err
		},
	}
}

// With REQUIRE_VERIFIED_EMAIL, nothing is granted to a user who has not verified the address.
func TestRequireVerifiedEmail(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		strict := func(cfg *identity.Config) { cfg.RequireVerifiedEmail = true }
		w := newTeamsWith(t, newFixture(t, db, strict), "manager", "user")
		verify := func(name string) {
			require.NoError(t, w.addresses.RequestVerification(t.Context(), w.users[name], here.Address))
			sent := w.sent(t, w.lastWanted(t))
			require.NoError(t, w.addresses.ConfirmVerification(t.Context(), sent, here.Address))
		}
		verify("manager")
		grants := w.grantsTo(t, "user")
		for name, grant := range grants {
			require.ErrorIs(t, grant(), identity.ErrEmailNotVerified, name)
			require.Empty(t, w.who(t, "user").For, name)
			require.Equal(t, auth.Staff, w.who(t, "user").Role, name)
		}
		verify("user")
		for name, grant := range grants { // also the codes that were refused
			require.NoError(t, grant(), name)
			w.exec(t, `UPDATE users SET role = 'staff' WHERE id = ?`, w.users["user"].UserID)
		}
		require.Len(t, w.who(t, "user").For, 6)
		t.Run("is not enforced by default", func(t *testing.T) {
			w := newTeamsWith(t, newFixture(t, db), "plain")
			w.users["manager"], w.token["manager"] = w.users["plain"], w.token["plain"]
			_, tokens := w.signedInAs(t, "unverified@example.com")
			w.token["unverified"] = tokens.Access
			for name, grant := range w.grantsTo(t, "unverified") {
				w.exec(t, `UPDATE users SET role = 'staff' WHERE id = ?`, w.users["unverified"].UserID)
				require.NoError(t, grant(), name)
			}
			require.False(t, w.verified(t, identity.UserID{UUID: w.users["unverified"].UserID}))
		})
		t.Run("counts a former address as not verified", func(t *testing.T) {
			w.exec(t, `UPDATE users SET email = 'former@example.com' WHERE id = ?`, w.users["manager"].UserID)
			_, err := w.practices.Create(t.Context(), w.users["manager"], "P")
			require.ErrorIs(t, err, identity.ErrEmailNotVerified)
		})
		t.Run("returns every error and leaves no effect", func(t *testing.T) {
			party := domain.Party{Capacity: auth.Capacity{ID: uuid.New(), Kind: auth.AsDoctor}, Since: now}
			acting := app.RequireVerified(w.cfg, store.NewActing(db, w.clock), w.states)
			require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
				return db.Do(ctx, func(ctx context.Context) error {
					return acting.Add(ctx, idOf(w.users["user"]), party)
				})
			}))
		})
	})
}
