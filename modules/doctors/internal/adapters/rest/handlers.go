// Package rest is the doctors module's REST door: the contract (openapi.yaml), what is generated from it, and the handlers, which
// parse, ask and show.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/httpserver"
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

// ListDoctors answers the directory.
func (h *handlers) ListDoctors(c *fiber.Ctx) error {
	all, err := h.doctors.Browse(c.UserContext())
	if err != nil {
		return err
	}
	shown := make([]Doctor, len(all))
	for i, doctor := range all {
		shown[i] = show(doctor)
	}
	return c.JSON(shown)
}

// AddDoctor adds a doctor.
func (h *handlers) AddDoctor(c *fiber.Ctx) error {
	details, err := httpserver.Body(c, detailsOf)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Register(c.UserContext(), details)
	if err != nil {
		return err
	}
	c.Location("/api/doctors/" + doctor.ID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(show(doctor))
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
	return c.JSON(show(doctor))
}

// ReplaceDoctor replaces all details.
func (h *handlers) ReplaceDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	details, err := httpserver.Body(c, detailsOf)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Revise(c.UserContext(), doctorID, details)
	if err != nil {
		return err
	}
	return c.JSON(show(doctor))
}

// AmendDoctor changes the details that are sent.
func (h *handlers) AmendDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	changes, err := httpserver.Body(c, changesOf)
	if err != nil {
		return err
	}
	doctor, err := h.doctors.Amend(c.UserContext(), doctorID, changes)
	if err != nil {
		return err
	}
	return c.JSON(show(doctor))
}

// RemoveDoctor removes a doctor.
func (h *handlers) RemoveDoctor(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	if err := h.doctors.Remove(c.UserContext(), doctorID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func detailsOf(body DoctorInput) domain.Details {
	return domain.Details{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: body.Email, Phone: body.Phone, LicenseNumber: httpserver.OrEmpty(body.LicenseNumber),
	}
}

func changesOf(body DoctorChanges) domain.Changes {
	return domain.Changes{
		Name: body.Name, Specialization: body.Specialization, Experience: body.Experience,
		Email: body.Email, Phone: body.Phone, LicenseNumber: httpserver.Text(body.LicenseNumber),
	}
}

func show(d domain.Doctor) Doctor {
	return Doctor{
		Id: d.ID.String(), Name: d.Name, Specialization: d.Specialization, Experience: d.Experience,
		Email: d.Email, Phone: d.Phone, LicenseNumber: httpserver.NullableText(d.LicenseNumber),
		CreatedAt: httpserver.At(d.CreatedAt), UpdatedAt: httpserver.At(d.UpdatedAt),
	}
}
