package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/rest"
)

// ListDeputies responds with the caller's deputyships.
func (h *handlers) ListDeputies(c *fiber.Ctx) error {
	all, err := h.deputies.List(c.UserContext(), rest.Principal(c))
	if err != nil {
		return err
	}
	shown := Deputyships{
		Deputies: showDeputies(all.Deputies), Colleagues: showDeputies(all.Colleagues),
		Invitations: make([]DeputyInvitation, len(all.Invitations)),
	}
	for i, open := range all.Invitations {
		shown.Invitations[i] = DeputyInvitation{
			Id: open.ID.String(), Level: string(open.Capacity.Level), Until: rest.At(open.Until),
			CreatedAt: rest.At(open.CreatedAt), ExpiresAt: rest.At(open.ExpiresAt),
		}
	}
	return c.JSON(shown)
}

// InviteDeputy invites a user to stand in for the caller, and shows the code.
func (h *handlers) InviteDeputy(c *fiber.Ctx) error {
	input, err := rest.Body(c, func(in DeputyInput) domain.DeputyInput { return domain.DeputyInput(in) })
	if err != nil {
		return err
	}
	invited, err := h.deputies.Invite(c.UserContext(), rest.Principal(c), input)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(NewDeputyInvitation{
		Id: invited.ID.String(), Code: invited.Code.Reveal(), Level: string(invited.Capacity.Level),
		Until: rest.At(invited.Until), ExpiresAt: rest.At(invited.ExpiresAt),
	})
}

// ClaimDeputy lets the caller stand in for the colleague of an invitation.
func (h *handlers) ClaimDeputy(c *fiber.Ctx) error {
	code, err := rest.Body(c, func(in DeputyClaim) string { return in.Code })
	if err != nil {
		return err
	}
	colleague, err := h.deputies.Claim(c.UserContext(), rest.Principal(c), code)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(showDeputy(colleague))
}

// EndDeputy withdraws an invitation, or ends the deputyships of the caller and another user.
func (h *handlers) EndDeputy(c *fiber.Ctx, id string) error {
	either, err := identity.ParseUserID(id) // or of an invitation
	if err != nil {
		return identity.ErrDeputyNotFound
	}
	return done(c, h.deputies.End(c.UserContext(), rest.Principal(c), either.UUID))
}

func showDeputies(all []domain.Colleague) []Deputy {
	shown := make([]Deputy, len(all))
	for i, one := range all {
		shown[i] = showDeputy(one)
	}
	return shown
}

func showDeputy(d domain.Colleague) Deputy {
	return Deputy{
		User: d.User.String(), Name: d.Name, Level: string(d.Level), Since: rest.At(d.Since), Until: rest.At(d.Until),
	}
}
