package app_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
	"healthcare/platform/revision"
)

// teams has the use cases of practices and deputies, with users who are signed in.
type teams struct {
	fixture
	practices *app.Practices
	deputies  *app.Deputies
	acting    interface {
		Of(ctx context.Context, user identity.UserID, at time.Time) ([]auth.Capacity, error)
	}
	users map[string]auth.Principal
	token map[string]string
}

func newTeams(t *testing.T, db *database.DB, names ...string) teams {
	t.Helper()
	return newTeamsWith(t, newFixture(t, db), names...)
}

func newTeamsWith(t *testing.T, h fixture, names ...string) teams {
	t.Helper()
	db := h.db
	ring, err := keyring.New([]byte("a secret of 32 bytes, or of more"))
	require.NoError(t, err)
	acting := app.RequireVerified(h.cfg, store.NewActing(db, h.clock), h.states)
	invitations := store.NewActingInvitations(db)
	ofPractices := app.PracticeCodes{Codes: onetime.For(ring, "practice invitation")}
	ofDeputies := app.DeputyCodes{Codes: onetime.For(ring, "deputy invitation")}
	w := teams{
		fixture: h, acting: acting, users: map[string]auth.Principal{}, token: map[string]string{},
		practices: app.NewPractices(
			store.NewPractices(db), acting, invitations, h.users, ofPractices, h.trail, db, h.clock),
		deputies: app.NewDeputies(acting, invitations, h.users, ofDeputies, h.trail, db, h.clock),
	}
	for _, name := range names {
		_, tokens := h.signedInAs(t, name+"@example.com")
		w.token[name] = tokens.Access
		w.who(t, name)
	}
	return w
}

// who returns the principal of a user, with the present capacities.
func (w teams) who(t *testing.T, name string) auth.Principal {
	t.Helper()
	who, err := w.Authenticate(t.Context(), w.token[name])
	require.NoError(t, err)
	w.users[name] = who
	return who
}

// practice adds a practice with a manager and members by level.
func (w teams) practice(t *testing.T, manager string, members map[string]string) identity.PracticeID {
	t.Helper()
	created, err := w.practices.Create(t.Context(), w.who(t, manager), "Practice")
	require.NoError(t, err)
	for name, level := range members {
		_, err = w.practices.Claim(t.Context(), w.who(t, name), w.code(t, manager, created.ID, level))
		require.NoError(t, err)
		w.who(t, name)
	}
	w.who(t, manager)
	return created.ID
}

func (w teams) code(t *testing.T, manager string, id identity.PracticeID, level string) string {
	t.Helper()
	invited, err := w.practices.Invite(t.Context(), w.who(t, manager), id, level)
	require.NoError(t, err)
	return invited.Code.Reveal()
}

func (w teams) deputyCode(t *testing.T, colleague string, until time.Time) string {
	t.Helper()
	in := domain.DeputyInput{Level: "write", Until: until.Format(time.RFC3339Nano)}
	invited, err := w.deputies.Invite(t.Context(), w.who(t, colleague), in)
	require.NoError(t, err)
	return invited.Code.Reveal()
}

func idOf(who auth.Principal) identity.UserID { return identity.UserID{UUID: who.UserID} }

func TestFaultsOfPracticesAndDeputies(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTeams(t, db, "manager", "member", "other")
		id := w.practice(t, "manager", map[string]string{"member": "read"})
		practiceCode, deputyCode := w.code(t, "manager", id, "write"), w.deputyCode(t, "manager", now.Add(time.Hour))
		w.exec(t, `DELETE FROM signin_attempts`)
		for _, c := range []struct {
			name string
			run  func(ctx context.Context) error
			want error
		}{
			{name: "create", run: func(ctx context.Context) error {
				_, err := w.practices.Create(ctx, w.users["other"], "A")
				return err
			}},
			{name: "rename", run: func(ctx context.Context) error {
				_, err := w.practices.Rename(ctx, w.users["manager"], id, new("Another"))
				return err
			}},
			{name: "refuse", want: identity.ErrManagersOnly, run: func(ctx context.Context) error {
				_, err := w.practices.Invite(ctx, w.users["member"], id, "read")
				return err
			}},
			{name: "invite", run: func(ctx context.Context) error {
				_, err := w.practices.Invite(ctx, w.users["manager"], id, "read")
				return err
			}},
			{name: "claim", run: func(ctx context.Context) error {
				_, err := w.practices.Claim(ctx, w.users["other"], practiceCode)
				return err
			}},
			{name: "claim again", want: identity.ErrNoInvitation, run: func(ctx context.Context) error {
				_, err := w.practices.Claim(ctx, w.users["other"], practiceCode)
				return err
			}},
			{name: "set the level", run: func(ctx context.Context) error {
				_, err := w.practices.SetMember(ctx, w.users["manager"], id, idOf(w.users["member"]), "keep")
				return err
			}},
			{name: "remove", run: func(ctx context.Context) error {
				return w.practices.RemoveMember(ctx, w.users["manager"], id, idOf(w.users["member"]))
			}},
			{name: "invite a deputy", run: func(ctx context.Context) error {
				in := domain.DeputyInput{Level: "read", Until: now.Add(time.Hour).Format(time.RFC3339Nano)}
				_, err := w.deputies.Invite(ctx, w.users["manager"], in)
				return err
			}},
			{name: "become a deputy", run: func(ctx context.Context) error {
				_, err := w.deputies.Claim(ctx, w.users["other"], deputyCode)
				return err
			}},
			{name: "list", run: func(ctx context.Context) error {
				_, err := w.deputies.List(ctx, w.users["manager"])
				return err
			}},
			{name: "end a deputyship", run: func(ctx context.Context) error {
				return w.deputies.End(ctx, w.users["manager"], w.users["other"].UserID)
			}},
		} {
			t.Run(c.name+" returns every error and leaves no effect", func(t *testing.T) {
				require.ErrorIs(t, databasetest.RunWithFaults(t, db, c.run), c.want)
			})
		}
	})
}

// An account cannot become a member or a deputy and lose the role for it at the same time.
func TestRolesAndClaimsAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTeams(t, db, "manager")
		w.roles["patient"] = auth.Declaration{}
		id := w.practice(t, "manager", nil)
		admin := auth.Principal{UserID: uuid.New(), Role: auth.Admin}
		for round := range 6 {
			name := fmt.Sprint("user", round)
			_, tokens := w.signedInAs(t, name+"@example.com")
			w.token[name] = tokens.Access
			who := w.who(t, name)
			claim := func(code string) error {
				_, err := w.practices.Claim(t.Context(), who, code)
				return err
			}
			code := w.code(t, "manager", id, "read")
			if round%2 == 0 {
				code = w.deputyCode(t, "manager", w.clock.Now().Add(time.Hour))
				claim = func(code string) error {
					_, err := w.deputies.Claim(t.Context(), who, code)
					return err
				}
			}
			var claimed, changed error
			var all sync.WaitGroup
			all.Go(func() { claimed = claim(code) })
			all.Go(func() {
				_, changed = w.Administer(t.Context(), admin, idOf(who), revision.Match{},
					domain.Changes{Role: new("patient")})
			})
			all.Wait()
			if claimed == nil {
				require.ErrorIs(t, changed, identity.ErrRoleConflict)
			} else {
				require.ErrorIs(t, claimed, identity.ErrRoleConflict)
				require.NoError(t, changed)
			}
			held, err := w.acting.Of(t.Context(), idOf(who), w.clock.Now())
			require.NoError(t, err)
			require.Equal(t, claimed == nil, len(held) == 1)
		}
	})
}

func TestDeputiesUntilTheEnd(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newTeams(t, db, "colleague", "deputy")
		until := now.Add(time.Minute)
		code := w.deputyCode(t, "colleague", until)
		_, err := w.deputies.Claim(t.Context(), w.users["deputy"], code)
		require.NoError(t, err)
		capacity := auth.Capacity{ID: w.users["colleague"].UserID, Kind: auth.AsDeputy, Level: auth.Write}
		require.Equal(t, []auth.Capacity{capacity}, w.who(t, "deputy").For)
		require.Empty(t, w.who(t, "colleague").For)
		w.clock.Advance(time.Minute - time.Microsecond)
		require.Equal(t, []auth.Capacity{capacity}, w.who(t, "deputy").For)
		w.clock.Advance(time.Microsecond)
		require.Empty(t, w.who(t, "deputy").For, "the capacity is gone at that instant")
		all, err := w.deputies.List(t.Context(), w.users["colleague"])
		require.NoError(t, err)
		require.Empty(t, all.Deputies)
	})
}
