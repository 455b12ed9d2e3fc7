package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// family is a session with all refresh tokens that a client, a second tab and a thief have received, and a model of its
// state.
type family struct {
	h       fixture
	tokens  []string // by generation, as far as a client received them
	access  string
	session uuid.UUID

	// The model.
	alive   bool
	live    int       // the live generation
	rotated time.Time // time of the last rotation
	started time.Time
}

// use sends the token of a known generation and compares the response with the model.
func (f *family) use(t *rapid.T, generation int) {
	now := f.h.clock.Now()
	got, err := f.h.Refresh(context.Background(), f.tokens[generation], here)
	idle, end := f.rotated.Add(idle), f.started.Add(absolute)
	switch {
	case !f.alive || !now.Before(idle) || !now.Before(end):
		require.ErrorIs(t, err, identity.ErrInvalidRefresh)
	case generation == f.live:
		require.NoError(t, err)
		f.live, f.rotated = f.live+1, now
		if f.started.After(now) {
			f.started = now
		}
		f.receive(t, f.live, got.Refresh)
	case generation == f.live-1 && now.Sub(f.rotated).Abs() <= time.Minute:
		require.NoError(t, err)
		f.receive(t, f.live, got.Refresh)
	default:
		require.ErrorIs(t, err, identity.ErrInvalidRefresh)
		f.alive = false
	}
}

// receive records the token of a generation. All clients must receive the same one.
func (f *family) receive(t *rapid.T, generation int, token string) {
	if generation < len(f.tokens) {
		require.Equal(t, f.tokens[generation], token, "the same successor")
		return
	}
	f.tokens = append(f.tokens, token)
}

// lose rotates the token and loses the response, as if the process died after the commit.
func (f *family) lose(t *rapid.T) {
	if f.live < len(f.tokens) {
		known := len(f.tokens)
		f.use(t, f.live)
		f.tokens = f.tokens[:known]
	}
}

var errCrash = errors.New("the process dies before it commits")

// crash uses a token in a transaction that is rolled back, so that nothing changes.
func (f *family) crash(t *rapid.T, generation int) {
	err := f.h.db.Do(context.Background(), func(ctx context.Context) error {
		_, _ = f.h.Refresh(ctx, f.tokens[generation], here)
		return errCrash
	})
	require.ErrorIs(t, err, errCrash)
}

// liveLeaves returns the number of known tokens that would be accepted after the retry window.
func (f *family) liveLeaves(t *rapid.T) (leaves int) {
	wait := max(0, f.rotated.Sub(f.h.clock.Now())) + domain.RetryWindow + time.Second
	f.h.clock.Advance(wait)
	defer f.h.clock.Advance(-wait)
	for _, token := range f.tokens[max(0, len(f.tokens)-4):] {
		err := f.h.db.Do(context.Background(), func(ctx context.Context) error {
			if _, err := f.h.Refresh(ctx, token, here); err == nil {
				leaves++
			}
			return errCrash // rolls back
		})
		require.ErrorIs(t, err, errCrash)
	}
	return leaves
}

func (f *family) sessions(t *rapid.T) (count int) {
	require.NoError(t, f.h.db.Read(context.Background()).Raw(`SELECT count(*) FROM sessions WHERE id = ?`,
		f.session).Scan(&count).Error)
	return count
}

// a session has at most one live token, in any sequence of uses, losses, retries, crashes, expiry, logout and
// changes of the clock.
func TestR12_AFamilyHasAtMostOneLiveLeaf(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		families := 0
		rapid.Check(t, func(t *rapid.T) {
			if families++; families > 40 {
				return // enough for each run; -rapid.checks cannot be set for one test
			}
			email := fmt.Sprintf("%s@example.com", uuid.NewString())
			_, err := h.Register(context.Background(), domain.Registration{Name: "F", Email: email, Password: secret})
			require.NoError(t, err)
			first, err := h.SignIn(context.Background(), domain.Credentials{Email: email, Password: secret}, here)
			require.NoError(t, err)
			caller, err := h.Authenticate(context.Background(), first.Access)
			require.NoError(t, err)
			f := &family{
				h: h, tokens: []string{first.Refresh}, access: first.Access, session: caller.SessionID,
				alive: true, rotated: h.clock.Now(), started: h.clock.Now(),
			}
			any := func(t *rapid.T) int { return rapid.IntRange(0, len(f.tokens)-1).Draw(t, "generation") }
			t.Repeat(map[string]func(*rapid.T){
				"use the newest known token":   func(t *rapid.T) { f.use(t, len(f.tokens)-1) },
				"use its parent":               func(t *rapid.T) { f.use(t, max(0, len(f.tokens)-2)) },
				"use any":                      func(t *rapid.T) { f.use(t, any(t)) },
				"lose the answer":              f.lose,
				"crash":                        func(t *rapid.T) { f.crash(t, any(t)) },
				"wait less than a retry may":   func(*rapid.T) { h.clock.Advance(20 * time.Second) },
				"wait longer than a retry may": func(*rapid.T) { h.clock.Advance(61 * time.Second) },
				"wait as long as one may be idle": func(t *rapid.T) {
					h.clock.Advance(time.Duration(rapid.IntRange(1, 25).Draw(t, "hours")) * time.Hour)
				},
				"set the clock back": func(t *rapid.T) {
					h.clock.Advance(-time.Duration(rapid.IntRange(1, 1000).Draw(t, "minutes")) * time.Minute)
				},
				"log out": func(t *rapid.T) {
					if rapid.IntRange(0, 9).Draw(t, "seldom") > 0 {
						return
					}
					err := h.SignOut(context.Background(), caller, identity.SessionID{UUID: f.session})
					if f.alive {
						require.NoError(t, err)
					}
					f.alive = false
				},
				"": func(t *rapid.T) {
					require.LessOrEqual(t, f.liveLeaves(t), 1)
					if !f.alive {
						require.Zero(t, f.sessions(t), "the session's access tokens end too")
					}
				},
			})
		})
	})
}

// reuse of an old token ends the session: its newest refresh token and its access tokens are rejected from the
// next request on.
func TestR12_ReuseEndsTheFamilyAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		h.registered(t, asha())
		for name, reuse := range map[string]func(first, second, third string){
			"the parent after its window": func(_, second, _ string) {
				h.clock.Advance(domain.RetryWindow + time.Microsecond)
				h.refused(t, second)
			},
			"the grandparent at once": func(first, _, _ string) { h.refused(t, first) },
		} {
			t.Run(name, func(t *testing.T) {
				other, first := h.signedIn(t), h.signedIn(t)
				second := h.refreshed(t, first.Refresh)
				third := h.refreshed(t, second.Refresh)
				_, err := h.Authenticate(t.Context(), third.Access)
				require.NoError(t, err)
				reuse(first.Refresh, second.Refresh, third.Refresh)
				h.refused(t, third.Refresh)
				for _, access := range []string{first.Access, second.Access, third.Access} {
					_, err := h.Authenticate(t.Context(), access)
					require.Error(t, err)
				}
				h.refreshed(t, other.Refresh)
			})
		}
	})
}
