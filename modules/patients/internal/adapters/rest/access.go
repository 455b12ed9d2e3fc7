package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// ExplainPatientAccess responds with the users who see a patient.
func (h *handlers) ExplainPatientAccess(c *fiber.Ctx, id string, params ExplainPatientAccessParams) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	all, err := h.access.List(c.UserContext(), rest.Principal(c), patient, rest.UUID(params.User))
	if err != nil {
		return err
	}
	shown := make([]PatientViewer, len(all))
	for i, viewer := range all {
		shown[i] = showAccess(viewer)
	}
	return c.JSON(shown)
}

// ExplainAccess responds with the reasons for which a user sees a patient.
func (h *handlers) ExplainAccess(c *fiber.Ctx, params ExplainAccessParams) error {
	patient, user := patients.ID{UUID: *rest.UUID(&params.Patient)}, *rest.UUID(&params.User)
	viewer, err := h.access.Explain(c.UserContext(), rest.Principal(c), patient, user)
	if err != nil {
		return err
	}
	return c.JSON(showAccess(viewer))
}

func showAccess(v domain.Viewer) PatientViewer {
	shown := PatientViewer{
		User: v.User.String(), Name: rest.NullableText(v.Name), Sees: rest.NullableText(v.Sees),
		Because: make([]AccessReason, len(v.Because)), BarredBy: make([]AccessBar, len(v.BarredBy)),
	}
	for i, cause := range v.Because {
		shown.Because[i] = AccessReason{
			Basis: cause.Reason.Basis, Level: string(cause.Level), Grant: rest.NullableID(cause.Reason.Grant),
			ActsFor: rest.NullableID(cause.Reason.For), Since: rest.At(cause.Since), Until: endOf(cause.Until),
			By: rest.NullableID(cause.By),
		}
	}
	for i, bar := range v.BarredBy {
		shown.BarredBy[i] = AccessBar{
			Kind: bar.Kind, Party: rest.NullableID(bar.Party), Since: endOf(bar.Since), By: rest.NullableID(bar.By),
		}
	}
	return shown
}

// ListRestrictions responds with the restrictions of a patient.
func (h *handlers) ListRestrictions(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	all, err := h.restrictions.Browse(c.UserContext(), rest.Principal(c), patient)
	if err != nil {
		return err
	}
	shown := make([]Restriction, len(all))
	for i, restriction := range all {
		shown[i] = showRestriction(restriction)
	}
	return c.JSON(shown)
}

// RestrictPatient hides a patient from a doctor or a user.
func (h *handlers) RestrictPatient(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	in, err := rest.Body(c, func(body RestrictionInput) RestrictionInput { return body })
	if err != nil {
		return err
	}
	doctor, wrongDoctor := uuidOrNil(rest.OrNil(in.Doctor))
	user, wrongUser := uuidOrNil(rest.OrNil(in.User))
	if err := errs.Fields(map[string]error{"doctor": wrongDoctor, "user": wrongUser}); err != nil {
		return err
	}
	restriction, err := h.restrictions.Add(c.UserContext(), rest.Principal(c), patient, doctor, user)
	if err != nil {
		return err
	}
	c.Location("/api/patients/" + id + "/restrictions/" + restriction.PartyID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(showRestriction(restriction))
}

// ReadRestriction responds with one restriction.
func (h *handlers) ReadRestriction(c *fiber.Ctx, id, party string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	of, err := domain.ParsePartyID(party)
	if err != nil {
		return err
	}
	restriction, err := h.restrictions.Find(c.UserContext(), rest.Principal(c), patient, of.UUID)
	if err != nil {
		return err
	}
	return c.JSON(showRestriction(restriction))
}

// EndRestriction no longer hides a patient from a doctor or a user.
func (h *handlers) EndRestriction(c *fiber.Ctx, id, party string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	ended, err := domain.ParsePartyID(party)
	if err != nil {
		return err
	}
	if err := h.restrictions.Remove(c.UserContext(), rest.Principal(c), patient, ended.UUID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func showRestriction(r domain.Restriction) Restriction {
	shown := Restriction{
		Patient: r.PatientID.String(), SaidBy: r.SaidBy.String(), CreatedAt: rest.At(r.CreatedAt),
	}
	if r.Kind == domain.ForDoctor {
		shown.Doctor = rest.NullableID(r.PartyID)
	} else {
		shown.User = rest.NullableID(r.PartyID)
	}
	return shown
}
