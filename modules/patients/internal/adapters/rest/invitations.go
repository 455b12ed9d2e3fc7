package rest

import (
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/rest"
)

// InvitePatient invites a person to see a patient, and shows the code.
func (h *handlers) InvitePatient(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	input, err := rest.Body(c, func(body PatientInvitationInput) domain.InvitationInput {
		return domain.InvitationInput{As: body.As, Level: rest.OrNil(body.Level), Until: rest.OrNil(body.Until)}
	})
	if err != nil {
		return err
	}
	invited, err := h.invitations.Invite(c.UserContext(), rest.Principal(c), patient, input)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(NewPatientInvitation{
		Id: invited.ID.String(), Code: invited.Code.Reveal(), ExpiresAt: rest.At(invited.ExpiresAt),
	})
}

// ListPatientInvitations responds with a page of a patient's invitations.
func (h *handlers) ListPatientInvitations(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.invitations.Browse(c.UserContext(), rest.Principal(c), patient, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, func(i app.Listed) PatientInvitation {
		return PatientInvitation{
			Id: i.ID.String(), As: i.As.InvitedAs(), Level: string(i.Level), State: string(i.State),
			Until: endOf(i.End()), InvitedBy: i.InvitedBy.String(), CreatedAt: rest.At(i.CreatedAt),
			ExpiresAt:  rest.At(i.ExpiresAt),
			AcceptedBy: rest.NullableID(i.AcceptedBy), AcceptedAt: endOf(i.AcceptedAt),
		}
	})
}

// WithdrawPatientInvitation makes an invitation void.
func (h *handlers) WithdrawPatientInvitation(c *fiber.Ctx, id, invitation string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	withdrawn, err := domain.ParseInvitationID(invitation)
	if err != nil {
		return err
	}
	if err := h.invitations.Withdraw(c.UserContext(), rest.Principal(c), patient, withdrawn); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// ClaimPatient accepts an invitation.
func (h *handlers) ClaimPatient(c *fiber.Ctx) error {
	input, err := rest.Body(c, func(body PatientClaim) domain.ClaimInput {
		return domain.ClaimInput{Code: body.Code, BirthDate: rest.OrNil(body.BirthDate)}
	})
	if err != nil {
		return err
	}
	grant, err := h.invitations.Claim(c.UserContext(), rest.Principal(c), input)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(PatientGrant{
		Id: grant.SourceID.String(), Patient: grant.PatientID.String(), As: grant.Basis.InvitedAs(),
		Level: string(grant.Level), Until: endOf(grant.ExpiresAt),
	})
}

// EndPatientGrant ends the access of a user.
func (h *handlers) EndPatientGrant(c *fiber.Ctx, id, grant string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	ended, err := domain.ParseGrantID(grant)
	if err != nil {
		return err
	}
	if err := h.invitations.End(c.UserContext(), rest.Principal(c), patient, ended.UUID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// SharePatientWithPractice shares a patient with a practice.
func (h *handlers) SharePatientWithPractice(c *fiber.Ctx, id, practice string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	with, err := identity.ParsePracticeID(practice)
	if err != nil {
		return err
	}
	if err := h.patients.ShareWith(c.UserContext(), rest.Principal(c), patient, with); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// endOf returns the time, or null for the zero time.
func endOf(at time.Time) nullable.Nullable[rest.Time] {
	if at.IsZero() {
		return nullable.NewNullNullable[rest.Time]()
	}
	return nullable.NewNullableWithValue(rest.At(at))
}
