// Package rest is the REST adapter of the doctors module: the contract (openapi.yaml), the code generated from it, and
// the handlers. They parse a request, call a use case and convert its result.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/rest"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's part of the API.
func New(service *app.Service) rest.API {
	return func(router fiber.Router) { RegisterHandlers(router, &handlers{service}) }
}

type handlers struct{ doctors *app.Service }

// ListDoctors responds with a page of the directory.
func (h *handlers) ListDoctors(c *fiber.Ctx, params ListDoctorsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.doctors.Browse(c.UserContext(), filterOf(params), request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, show)
}

// AddDoctor adds a doctor.
func (h *handlers) AddDoctor(c *fiber.Ctx) error {
	return rest.Create(c, detailsOf, h.doctors.Register, location, resource)
}

// ReadDoctor responds with one doctor.
func (h *handlers) ReadDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Find(c.UserContext(), doctorID)
	if err != nil {
		return err
	}
	return rest.Send(c, fiber.StatusOK, resource(doctor))
}

// ReplaceDoctor replaces all details. For clients of the original service, in which a doctor has three fields, omitted
// fields keep their values.
func (h *handlers) ReplaceDoctor(c *fiber.Ctx, id string) error {
	if rest.Django(c) {
		return rest.Change(c, id, doctors.ParseID, replacementOf, h.doctors.Amend, resource)
	}
	return rest.Change(c, id, doctors.ParseID, detailsOf, h.doctors.Revise, resource)
}

// AmendDoctor changes the details that are sent.
func (h *handlers) AmendDoctor(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, doctors.ParseID, changesOf, h.doctors.Amend, resource)
}

// RemoveDoctor removes a doctor. With force or reassign_to, for administrators only, a job completes the removal.
func (h *handlers) RemoveDoctor(c *fiber.Ctx, id string, params RemoveDoctorParams) error {
	force, to := rest.Value(params.Force), rest.UUID(params.ReassignTo)
	if !force && to == nil {
		return rest.Remove(c, id, doctors.ParseID, h.doctors.Remove)
	}
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	var reassignTo *doctors.ID
	if to != nil {
		reassignTo = &doctors.ID{UUID: *to}
	}
	if force && to != nil {
		return errs.Invalidf("force", "Send either reassign_to or force.")
	}
	continued, err := h.doctors.StartRemoval(c.UserContext(), rest.Principal(c), doctorID, expected, reassignTo)
	if err != nil {
		return err
	}
	return rest.SendJob(c, continued.Job, continued.Total)
}

// ClaimDoctor links the caller to the doctor's record of an invitation.
func (h *handlers) ClaimDoctor(c *fiber.Ctx) error {
	code, err := rest.Body(c, func(claim DoctorClaim) string { return claim.Code })
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Claim(c.UserContext(), rest.Principal(c), code)
	if err != nil {
		return err
	}
	c.Location(location(doctor))
	return rest.Send(c, fiber.StatusCreated, resource(doctor))
}

// InviteDoctor invites a doctor, and shows the code.
func (h *handlers) InviteDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	invited, err := h.doctors.Invite(c.UserContext(), rest.Principal(c), doctorID)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(DoctorInvitation{
		Id: invited.ID.String(), Code: invited.Code.Reveal(), ExpiresAt: rest.At(invited.ExpiresAt),
	})
}

// WithdrawDoctorInvitation makes an invitation invalid.
func (h *handlers) WithdrawDoctorInvitation(c *fiber.Ctx, id, invitation string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	invitationID, err := domain.ParseInvitationID(invitation)
	if err != nil {
		return err
	}
	if err := h.doctors.Withdraw(c.UserContext(), rest.Principal(c), doctorID, invitationID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// UnlinkDoctor ends the link of a doctor's record.
func (h *handlers) UnlinkDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	if err := h.doctors.Unlink(c.UserContext(), rest.Principal(c), doctorID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func location(d domain.Doctor) string { return "/api/doctors/" + d.ID.String() + "/" }

func resource(d domain.Doctor) rest.Resource { return rest.Resource{Version: d.Version, Body: show(d)} }

func filterOf(params ListDoctorsParams) domain.Filter {
	return domain.Filter{
		Search: rest.Value(params.Search), Specialization: rest.Value(params.Specialization),
		ExperienceMin: params.ExperienceMin, ExperienceMax: params.ExperienceMax,
		CreatedAfter: rest.Instant(params.CreatedAfter), CreatedBefore: rest.Instant(params.CreatedBefore),
	}
}

var (
	detailsOf     = fields.Mapper[DoctorInput, domain.Details]()
	changesOf     = fields.Mapper[DoctorChanges, domain.Changes]()
	replacementOf = fields.Mapper[DoctorInput, domain.Changes]()
)

func show(d domain.Doctor) Doctor {
	return Doctor{
		Id: d.ID.String(), CreatedAt: rest.At(d.CreatedAt), UpdatedAt: rest.At(d.UpdatedAt),
		Name: d.Name, Specialization: d.Specialization, Experience: d.Experience,
		Email: d.Email, Phone: d.Phone, LicenseNumber: rest.NullableText(d.LicenseNumber),
	}
}
