// Package rest is the doctors module's REST door: the contract (openapi.yaml), what is generated from it, and the handlers, which
// parse, ask and show.
package rest

import (
	"context"
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

//go:embed openapi.yaml
var document []byte

// New is the module's part of the contract.
func New(service *app.Service) rest.API {
	return rest.API{Document: document, Register: func(router fiber.Router) {
		RegisterHandlers(router, &handlers{service})
	}}
}

type handlers struct{ doctors *app.Service }

// ListDoctors answers a page of the directory.
func (h *handlers) ListDoctors(c *fiber.Ctx, asked ListDoctorsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.doctors.Browse(c.UserContext(), filterIn(asked), request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, show)
}

// AddDoctor adds a doctor.
func (h *handlers) AddDoctor(c *fiber.Ctx) error {
	details, err := rest.Body(c, detailsOf)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Register(c.UserContext(), rest.Principal(c), details)
	if err != nil {
		return err
	}
	c.Location("/api/doctors/" + doctor.ID.String() + "/")
	return send(c, fiber.StatusCreated, doctor)
}

// ReadDoctor answers one doctor.
func (h *handlers) ReadDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Find(c.UserContext(), doctorID)
	if err != nil {
		return err
	}
	return send(c, fiber.StatusOK, doctor)
}

// ReplaceDoctor replaces all details.
func (h *handlers) ReplaceDoctor(c *fiber.Ctx, id string) error {
	if rest.Django(c) {
		return change(c, id, replacementOf, h.doctors.Amend)
	}
	return change(c, id, detailsOf, h.doctors.Revise)
}

// AmendDoctor changes the details that are sent.
func (h *handlers) AmendDoctor(c *fiber.Ctx, id string) error {
	return change(c, id, changesOf, h.doctors.Amend)
}

// change reads whom, which version and what, has the use case make it, and shows what came of it.
func change[In, Out any](
	c *fiber.Ctx, id string, read func(In) Out,
	use func(context.Context, auth.Principal, doctors.ID, revision.Match, Out) (domain.Doctor, error),
) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	said, err := rest.Body(c, read)
	if err != nil {
		return err
	}
	doctor, err := use(c.UserContext(), rest.Principal(c), doctorID, expected, said)
	if err != nil {
		return err
	}
	return send(c, fiber.StatusOK, doctor)
}

// RemoveDoctor removes a doctor, for an administrator who asks for it in the background.
func (h *handlers) RemoveDoctor(c *fiber.Ctx, id string, asked RemoveDoctorParams) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	reassignTo, background, err := dissolution(asked)
	if err != nil {
		return err
	}
	if background {
		continued, err := h.doctors.Dissolve(c.UserContext(), rest.Principal(c), doctorID, expected, reassignTo)
		if err != nil {
			return err
		}
		return rest.SendJob(c, continued.Job, continued.Total)
	}
	if err := h.doctors.Remove(c.UserContext(), rest.Principal(c), doctorID, expected); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// dissolution reads to whom the patients are reassigned, and whether the assignments end in the background. Errors:
// errs.Invalid.
func dissolution(asked RemoveDoctorParams) (reassignTo *doctors.ID, background bool, err error) {
	background = asked.Force != nil && *asked.Force
	if to := rest.UUID(asked.ReassignTo); to != nil {
		if background {
			return nil, false, errs.Invalidf("force", "Send either reassign_to or force.")
		}
		return &doctors.ID{UUID: *to}, true, nil
	}
	return nil, background, nil
}

func send(c *fiber.Ctx, status int, d domain.Doctor) error {
	return rest.Send(c, status, rest.Resource{Version: d.Version, Body: show(d)})
}

func filterIn(asked ListDoctorsParams) domain.Filter {
	return domain.Filter{
		Search: rest.Value(asked.Search), Specialization: rest.Value(asked.Specialization),
		ExperienceMin: asked.ExperienceMin, ExperienceMax: asked.ExperienceMax,
		CreatedAfter: rest.Instant(asked.CreatedAfter), CreatedBefore: rest.Instant(asked.CreatedBefore),
	}
}

func detailsOf(body DoctorInput) domain.Details {
	return domain.Details{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: rest.OrEmpty(body.Email), Phone: rest.OrEmpty(body.Phone),
		LicenseNumber: rest.OrEmpty(body.LicenseNumber),
	}
}

func changesOf(body DoctorChanges) domain.Changes {
	return domain.Changes{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: rest.Text(body.Email), Phone: rest.Text(body.Phone),
		LicenseNumber: rest.Text(body.LicenseNumber),
	}
}

func show(d domain.Doctor) Doctor {
	return Doctor{
		Id: d.ID.String(), Name: d.Name, Specialization: d.Specialization, Experience: d.Experience,
		Email: d.Email, Phone: d.Phone, LicenseNumber: rest.NullableText(d.LicenseNumber),
		CreatedAt: rest.At(d.CreatedAt), UpdatedAt: rest.At(d.UpdatedAt),
	}
}
