package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/rest"
)

// ListPractices responds with a page of the caller's practices.
func (h *handlers) ListPractices(c *fiber.Ctx) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.practices.Browse(c.UserContext(), rest.Principal(c), request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showPractice)
}

// AddPractice creates a practice.
func (h *handlers) AddPractice(c *fiber.Ctx) error {
	name, err := rest.Body(c, func(in PracticeInput) string { return in.Name })
	if err != nil {
		return err
	}
	practice, err := h.practices.Create(c.UserContext(), rest.Principal(c), name)
	return sendNewPractice(c, practice, err)
}

// ClaimPractice makes the caller a member of the practice of an invitation.
func (h *handlers) ClaimPractice(c *fiber.Ctx) error {
	code, err := rest.Body(c, func(in PracticeClaim) string { return in.Code })
	if err != nil {
		return err
	}
	practice, err := h.practices.Claim(c.UserContext(), rest.Principal(c), code)
	return sendNewPractice(c, practice, err)
}

// ReadPractice responds with a practice.
func (h *handlers) ReadPractice(c *fiber.Ctx, id string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	practice, err := h.practices.Find(c.UserContext(), rest.Principal(c), practiceID)
	if err != nil {
		return err
	}
	return c.JSON(showPractice(practice))
}

// RenamePractice changes the name of a practice.
func (h *handlers) RenamePractice(c *fiber.Ctx, id string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	name, err := rest.Body(c, func(in PracticeChanges) *string { return in.Name })
	if err != nil {
		return err
	}
	practice, err := h.practices.Rename(c.UserContext(), rest.Principal(c), practiceID, name)
	if err != nil {
		return err
	}
	return c.JSON(showPractice(practice))
}

// InviteMember invites a user to a practice, and shows the code.
func (h *handlers) InviteMember(c *fiber.Ctx, id string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	level, err := rest.Body(c, func(in PracticeInvitationInput) string { return in.Level })
	if err != nil {
		return err
	}
	invited, err := h.practices.Invite(c.UserContext(), rest.Principal(c), practiceID, level)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(PracticeInvitation{
		Id: invited.ID.String(), Code: invited.Code.Reveal(), Level: string(invited.Capacity.Level),
		ExpiresAt: rest.At(invited.ExpiresAt),
	})
}

// WithdrawPracticeInvitation makes an invitation to a practice invalid.
func (h *handlers) WithdrawPracticeInvitation(c *fiber.Ctx, id, invitation string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	// An id in another form is that of no invitation. The practice is looked up first, as for every other id.
	invitationID, _ := domain.ParseActingInvitationID(invitation)
	return done(c, h.practices.Withdraw(c.UserContext(), rest.Principal(c), practiceID, invitationID))
}

// ListMembers responds with a page of the members of a practice.
func (h *handlers) ListMembers(c *fiber.Ctx, id string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.practices.BrowseMembers(c.UserContext(), rest.Principal(c), practiceID, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showMember)
}

// SetMember changes the level of a member.
func (h *handlers) SetMember(c *fiber.Ctx, id, user string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	level, err := rest.Body(c, func(in MemberInput) string { return in.Level })
	if err != nil {
		return err
	}
	userID, _ := identity.ParseUserID(user) // as in WithdrawPracticeInvitation
	member, err := h.practices.SetMember(c.UserContext(), rest.Principal(c), practiceID, userID, level)
	if err != nil {
		return err
	}
	return c.JSON(showMember(member))
}

// RemoveMember removes a member from a practice.
func (h *handlers) RemoveMember(c *fiber.Ctx, id, user string) error {
	practiceID, err := identity.ParsePracticeID(id)
	if err != nil {
		return err
	}
	userID, _ := identity.ParseUserID(user) // as in WithdrawPracticeInvitation
	return done(c, h.practices.RemoveMember(c.UserContext(), rest.Principal(c), practiceID, userID))
}

func sendNewPractice(c *fiber.Ctx, practice app.Practice, err error) error {
	if err != nil {
		return err
	}
	c.Location("/api/practices/" + practice.ID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(showPractice(practice))
}

func showPractice(p app.Practice) Practice {
	return Practice{
		Id: p.ID.String(), Name: p.Name, Level: rest.NullableText(p.Level), CreatedAt: rest.At(p.CreatedAt),
	}
}

func showMember(m domain.Member) Member {
	return Member{User: m.User.String(), Name: m.Name, Level: string(m.Level), Since: rest.At(m.Since)}
}
