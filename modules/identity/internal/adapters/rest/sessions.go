package rest

import (
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/rest"
)

// Logout ends the session of the request.
func (h *handlers) Logout(c *fiber.Ctx) error {
	caller := rest.Principal(c)
	return done(c, h.identity.SignOut(c.UserContext(), caller, identity.SessionID{UUID: caller.SessionID}))
}

// LogoutEverywhere ends all sessions of the caller.
func (h *handlers) LogoutEverywhere(c *fiber.Ctx) error {
	return done(c, h.identity.SignOutEverywhere(c.UserContext(), rest.Principal(c)))
}

// ListSessions responds with the caller's sessions.
func (h *handlers) ListSessions(c *fiber.Ctx) error {
	caller := rest.Principal(c)
	sessions, err := h.identity.Sessions(c.UserContext(), caller)
	if err != nil {
		return err
	}
	shown := make([]Session, len(sessions))
	for i, s := range sessions {
		shown[i] = showSession(s, caller.SessionID)
	}
	return c.JSON(shown)
}

// EndSession ends one session of the caller.
func (h *handlers) EndSession(c *fiber.Ctx, id string) error {
	sessionID, err := identity.ParseSessionID(id)
	if err != nil {
		return err
	}
	return done(c, h.identity.SignOut(c.UserContext(), rest.Principal(c), sessionID))
}

// done responds without content, unless err is an error.
func done(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func showSession(s domain.Session, current uuid.UUID) Session {
	return Session{
		Id: s.ID.String(), CreatedAt: rest.At(s.CreatedAt), LastUsedAt: rest.At(s.LastUsedAt),
		ExpiresAt: rest.At(s.ExpiresAt), Client: s.From.Agent, Address: s.From.Network, Current: s.ID.UUID == current,
	}
}
