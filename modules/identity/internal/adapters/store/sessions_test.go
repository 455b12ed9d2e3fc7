package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

const day = 24 * time.Hour

// read is the session of a refresh token.
func read(t *testing.T, sessions ports.Sessions, refresh string) (session domain.Session, err error) {
	t.Helper()
	err = sessions.Change(t.Context(), domain.RefreshHash(refresh), func(_ context.Context, s *domain.Session) error {
		session = *s
		return nil
	})
	return session, err
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user, other := added(t, users, asha("a@example.com", "a")), added(t, users, asha("b@example.com", "b"))
		t.Run("a session comes back as it was, times in UTC to the microsecond", func(t *testing.T) {
			session := started(t, sessions, user.ID, "one", now, now.Add(day))
			kept, err := read(t, sessions, "one")
			require.NoError(t, err)
			require.Equal(t, session, kept)
		})
		t.Run("a user has as many as were started", func(t *testing.T) {
			started(t, sessions, user.ID, "two", now, now.Add(day))
			_, err := read(t, sessions, "one")
			require.NoError(t, err)
			_, err = read(t, sessions, "two")
			require.NoError(t, err)
		})
		t.Run("a new one forgets the user's expired ones, and nobody else's", func(t *testing.T) {
			started(t, sessions, other.ID, "other's", now, now.Add(day))
			started(t, sessions, user.ID, "longer", now, now.Add(day+time.Microsecond))
			started(t, sessions, user.ID, "next day", now.Add(day), now.Add(2*day))
			for refresh, gone := range map[string]bool{"one": true, "two": true, "other's": false, "longer": false, "next day": false} {
				_, err := read(t, sessions, refresh)
				require.Equal(t, gone, errors.Is(err, ports.ErrNotFound), "%s: %v", refresh, err)
			}
		})
		t.Run("a refresh token belongs to one session", func(t *testing.T) {
			twin := domain.Session{
				ID: identity.SessionID{UUID: uuid.Must(uuid.NewV7())}, UserID: user.ID, RefreshHash: domain.RefreshHash("longer"),
				CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(day),
			}
			require.Equal(t, errs.Conflict, errs.KindOf(sessions.Add(t.Context(), twin)))
		})
		t.Run("nobody has no session", func(t *testing.T) {
			stray := domain.Session{
				ID: identity.SessionID{UUID: uuid.Must(uuid.NewV7())}, UserID: identity.UserID{UUID: uuid.Must(uuid.NewV7())}, RefreshHash: "stray",
				CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(day),
			}
			require.Equal(t, errs.Conflict, errs.KindOf(sessions.Add(t.Context(), stray)))
		})
	})
}

func TestChangeSession(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, sessions ports.Sessions) {
		ctx, user := t.Context(), added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user.ID, "first", now, now.Add(day))
		rotate := func(next string) func(context.Context, *domain.Session) error {
			return func(_ context.Context, s *domain.Session) error {
				s.RefreshHash, s.LastUsedAt, s.ExpiresAt = domain.RefreshHash(next), now.Add(time.Hour), now.Add(2*day)
				return nil
			}
		}
		t.Run("that the rule refuses stores nothing, and returns the rule's error unchanged", func(t *testing.T) {
			refused := errors.New("refused")
			require.Same(t, refused, sessions.Change(ctx, session.RefreshHash, func(ctx context.Context, s *domain.Session) error {
				require.NoError(t, rotate("never")(ctx, s))
				return refused
			}))
			kept, err := read(t, sessions, "first")
			require.NoError(t, err)
			require.Equal(t, session, kept)
		})
		t.Run("stores the next refresh token and times, and nothing else", func(t *testing.T) {
			require.NoError(t, sessions.Change(ctx, session.RefreshHash, func(ctx context.Context, s *domain.Session) error {
				s.CreatedAt = now.Add(time.Hour)
				return rotate("second")(ctx, s)
			}))
			session.RefreshHash, session.LastUsedAt, session.ExpiresAt = domain.RefreshHash("second"), now.Add(time.Hour), now.Add(2*day)
			kept, err := read(t, sessions, "second")
			require.NoError(t, err)
			require.Equal(t, session, kept)
		})
		t.Run("finds nothing by a token that is spent, or by none", func(t *testing.T) {
			for _, hash := range []string{domain.RefreshHash("first"), "", "second", "%"} {
				require.ErrorIs(t, sessions.Change(ctx, hash, func(context.Context, *domain.Session) error {
					t.Error("the rule ran")
					return nil
				}), ports.ErrNotFound)
			}
		})
		t.Run("lets the rule read and write in the same transaction", func(t *testing.T) {
			refused := errors.New("refused")
			require.Same(t, refused, sessions.Change(ctx, session.RefreshHash, func(ctx context.Context, _ *domain.Session) error {
				require.NoError(t, users.SetPasswordHash(ctx, user.ID, user.PasswordHash, "never"))
				seen, err := users.Find(ctx, user.ID)
				require.NoError(t, err)
				require.Equal(t, "never", seen.PasswordHash)
				return refused
			}))
			require.Equal(t, user, found(t, users, user.ID))
		})
	})
}

// TestConcurrentRefreshes is the store's part of TRUST.md, R-13: one successor.
func TestConcurrentRefreshes(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user := added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user.ID, "first", now, now.Add(day))
		answers := make([]error, 20)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				answers[i] = sessions.Change(t.Context(), session.RefreshHash, func(_ context.Context, s *domain.Session) error {
					time.Sleep(5 * time.Millisecond) // long enough for the others to come in between, if they could
					s.RefreshHash = domain.RefreshHash(uuid.NewString())
					return nil
				})
			})
		}
		all.Wait()
		successors := 0
		for _, err := range answers {
			if err == nil {
				successors++
			} else {
				require.ErrorIs(t, err, ports.ErrNotFound)
			}
		}
		require.Equal(t, 1, successors)
	})
}

func TestStanding(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, sessions ports.Sessions) {
		ctx, user := t.Context(), added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user.ID, "first", now, now.Add(day))
		t.Run("is the user's, by the session", func(t *testing.T) {
			standing, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.Equal(t, domain.Standing{UserID: user.ID, Active: true, TokenVersion: 3}, standing)
		})
		t.Run("changes with the user", func(t *testing.T) {
			require.NoError(t, db.Write(ctx).Exec(`UPDATE users SET active = ?, token_version = 4 WHERE id = ?`, false, user.ID).Error)
			standing, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.Equal(t, domain.Standing{UserID: user.ID, Active: false, TokenVersion: 4}, standing)
		})
		t.Run("of a session that does not exist is not found", func(t *testing.T) {
			for _, id := range []identity.SessionID{{UUID: uuid.Must(uuid.NewV7())}, {UUID: user.ID.UUID}, {}} {
				standing, err := sessions.Standing(ctx, id)
				require.ErrorIs(t, err, ports.ErrNotFound)
				require.Zero(t, standing)
			}
		})
	})
}
