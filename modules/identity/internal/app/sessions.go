package app

import (
	"context"
	"errors"
	"net/http"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// Sessions returns the user's sessions that have not expired, last used first. Errors: none.
func (s *Service) Sessions(ctx context.Context, who auth.Principal) ([]domain.Session, error) {
	all, err := s.sessions.List(ctx, userOf(who))
	now := s.clock.Now()
	live := all[:0]
	for _, session := range all {
		if now.Before(session.ExpiresAt) {
			live = append(live, session)
		}
	}
	return live, err
}

// SignOut ends one of the user's sessions. Requests of the session that start later are rejected.
// Errors: identity.ErrSessionNotFound.
func (s *Service) SignOut(ctx context.Context, who auth.Principal, id identity.SessionID) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.sessions.Remove(ctx, userOf(who), id); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, about(audit.Logout, sessionResource, id.UUID, http.StatusNoContent))
	})
	if errors.Is(err, ports.ErrNotFound) {
		return identity.ErrSessionNotFound
	}
	return err
}

// SignOutEverywhere ends every session of the user, including the current one. Errors: none.
func (s *Service) SignOutEverywhere(ctx context.Context, who auth.Principal) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.sessions.RemoveAllBut(ctx, userOf(who), identity.SessionID{}); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, about(audit.Logout, userResource, who.UserID, http.StatusNoContent))
	})
}
