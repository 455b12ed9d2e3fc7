package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// OpenEmergencyAccess opens a patient's record in an emergency.
func (h *handlers) OpenEmergencyAccess(c *fiber.Ctx) error {
	body, err := rest.Body(c, func(body EmergencyAccessInput) EmergencyAccessInput { return body })
	if err != nil {
		return err
	}
	patient, err := rest.BodyUUID(body.Patient)
	if err := errs.Fields(map[string]error{"patient": err}); err != nil {
		return err
	}
	input := domain.EmergencyInput{
		Patient: patients.ID{UUID: patient}, Reason: body.Reason, Explanation: body.Explanation,
		Minutes: body.Minutes, Password: body.Password,
	}
	opened, err := h.emergencies.Open(c.UserContext(), rest.Principal(c), input, rest.ClientAddress(c))
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(showEmergency(opened))
}

// ListEmergencyAccess responds with a page of emergency accesses.
func (h *handlers) ListEmergencyAccess(c *fiber.Ctx, params ListEmergencyAccessParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.EmergencyFilter{Reviewed: params.Reviewed}
	page, err := h.emergencies.Browse(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showEmergency)
}

// ListEmergencyAccessOfPatient responds with a page of the emergency accesses to a patient.
func (h *handlers) ListEmergencyAccessOfPatient(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.emergencies.BrowseOf(c.UserContext(), rest.Principal(c), patient, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showEmergency)
}

// ReadEmergencyAccess responds with one emergency access.
func (h *handlers) ReadEmergencyAccess(c *fiber.Ctx, id string) error {
	access, err := domain.ParseEmergencyID(id)
	if err != nil {
		return err
	}
	found, err := h.emergencies.FindOne(c.UserContext(), rest.Principal(c), access)
	if err != nil {
		return err
	}
	return c.JSON(showEmergency(found))
}

// EndEmergencyAccess ends an emergency access.
func (h *handlers) EndEmergencyAccess(c *fiber.Ctx, id string) error {
	access, err := domain.ParseEmergencyID(id)
	if err != nil {
		return err
	}
	if err := h.emergencies.End(c.UserContext(), rest.Principal(c), access); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// ReviewEmergencyAccess stores the verdict about an emergency access.
func (h *handlers) ReviewEmergencyAccess(c *fiber.Ctx, id string) error {
	access, err := domain.ParseEmergencyID(id)
	if err != nil {
		return err
	}
	review, err := rest.Body(c, func(body EmergencyReview) domain.Review {
		return domain.Review{Verdict: body.Verdict, Note: rest.Value(rest.OrNil(body.Note))}
	})
	if err != nil {
		return err
	}
	reviewed, err := h.emergencies.Review(c.UserContext(), rest.Principal(c), access, review)
	if err != nil {
		return err
	}
	return c.JSON(showEmergency(reviewed))
}

func showEmergency(e app.Opened) EmergencyAccess {
	return EmergencyAccess{
		Id: e.ID.String(), Patient: e.PatientID.String(), User: e.UserID.String(),
		UserName: rest.NullableText(e.UserName), Reason: e.Reason,
		Explanation: e.Explanation, OpenedAt: rest.At(e.OpenedAt), Until: rest.At(e.Until), EndedAt: endOf(e.EndedAt),
		Verdict: rest.NullableText(e.Verdict), Note: e.Note, ReviewedBy: rest.NullableID(e.ReviewedBy),
		ReviewedAt: endOf(e.ReviewedAt),
	}
}
