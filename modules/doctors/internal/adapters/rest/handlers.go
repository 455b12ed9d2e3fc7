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
	"healthcare/platform/httpserver"
	"healthcare/platform/revision"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/httpserver/oapi-codegen.yaml openapi.yaml

//go:embed openapi.yaml
var document []byte

// New is the module's part of the contract.
func New(service *app.Service) httpserver.API {
	return httpserver.API{Document: document, Register: func(router fiber.Router) {
		RegisterHandlers(router, &handlers{service})
	}}
}

type handlers struct{ doctors *app.Service }

// ListDoctors answers a page of the directory.
func (h *handlers) ListDoctors(c *fiber.Ctx, asked ListDoctorsParams) error {
	request, err := httpserver.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.doctors.Browse(c.UserContext(), filterIn(asked), request)
	if err != nil {
		return err
	}
	return httpserver.SendPage(c, page, show)
}

// AddDoctor adds a doctor.
func (h *handlers) AddDoctor(c *fiber.Ctx) error {
	details, err := httpserver.Body(c, detailsOf)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Register(c.UserContext(), httpserver.Principal(c), details)
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
	if httpserver.Django(c) {
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
	expected, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	said, err := httpserver.Body(c, read)
	if err != nil {
		return err
	}
	doctor, err := use(c.UserContext(), httpserver.Principal(c), doctorID, expected, said)
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
	expected, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	reassignTo, background, err := dissolution(asked)
	if err != nil {
		return err
	}
	if background {
		continued, err := h.doctors.Dissolve(c.UserContext(), httpserver.Principal(c), doctorID, expected, reassignTo)
		if err != nil {
			return err
		}
		return httpserver.SendJob(c, continued.Job, continued.Total)
	}
	if err := h.doctors.Remove(c.UserContext(), httpserver.Principal(c), doctorID, expected); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// dissolution reads to whom the patients are reassigned, and whether the assignments end in the background. Errors:
// errs.Invalid.
func dissolution(asked RemoveDoctorParams) (reassignTo *doctors.ID, background bool, err error) {
	background = asked.Force != nil && *asked.Force
	if to := httpserver.UUID(asked.ReassignTo); to != nil {
		if background {
			return nil, false, errs.Invalidf("force", "Send either reassign_to or force.")
		}
		return &doctors.ID{UUID: *to}, true, nil
	}
	return nil, background, nil
}

func send(c *fiber.Ctx, status int, d domain.Doctor) error {
	return httpserver.Send(c, status, httpserver.Resource{Version: d.Version, Body: show(d)})
}

func filterIn(asked ListDoctorsParams) domain.Filter {
	return domain.Filter{
		Search: httpserver.Value(asked.Search), Specialization: httpserver.Value(asked.Specialization),
		ExperienceMin: asked.ExperienceMin, ExperienceMax: asked.ExperienceMax,
		CreatedAfter: httpserver.Instant(asked.CreatedAfter), CreatedBefore: httpserver.Instant(asked.CreatedBefore),
	}
}

func detailsOf(body DoctorInput) domain.Details {
	return domain.Details{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: httpserver.OrEmpty(body.Email), Phone: httpserver.OrEmpty(body.Phone),
		LicenseNumber: httpserver.OrEmpty(body.LicenseNumber),
	}
}

func changesOf(body DoctorChanges) domain.Changes {
	return domain.Changes{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: httpserver.Text(body.Email), Phone: httpserver.Text(body.Phone),
		LicenseNumber: httpserver.Text(body.LicenseNumber),
	}
}

func show(d domain.Doctor) Doctor {
	return Doctor{
		Id: d.ID.String(), Name: d.Name, Specialization: d.Specialization, Experience: d.Experience,
		Email: d.Email, Phone: d.Phone, LicenseNumber: httpserver.NullableText(d.LicenseNumber),
		CreatedAt: httpserver.At(d.CreatedAt), UpdatedAt: httpserver.At(d.UpdatedAt),
	}
}
