// Package rest is the patients module's REST door: the contract (openapi.yaml), what is generated from it, and the handlers, which
// parse, ask and show.
package rest

import (
	"context"
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
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

type handlers struct{ patients *app.Service }

// ListPatients answers a page of the caller's patients.
func (h *handlers) ListPatients(c *fiber.Ctx, asked ListPatientsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.patients.Browse(c.UserContext(), rest.Principal(c), filterIn(asked), request)
	if err != nil {
		return err
	}
	today := h.patients.Today()
	return rest.SendPage(c, page, func(p domain.Patient) Patient { return show(p, today) })
}

// RegisterPatient adds a patient.
func (h *handlers) RegisterPatient(c *fiber.Ctx) error {
	said, err := rest.Body(c, saidIn)
	if err != nil {
		return err
	}
	patient, err := h.patients.Register(c.UserContext(), rest.Principal(c), said)
	if err != nil {
		return err
	}
	c.Location("/api/patients/" + patient.ID.String() + "/")
	return h.send(c, fiber.StatusCreated, patient)
}

// ReadPatient answers one patient.
func (h *handlers) ReadPatient(c *fiber.Ctx, id string) error {
	patientID, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	patient, err := h.patients.Find(c.UserContext(), rest.Principal(c), patientID)
	if err != nil {
		return err
	}
	return h.send(c, fiber.StatusOK, patient)
}

// ReplacePatient replaces all details.
func (h *handlers) ReplacePatient(c *fiber.Ctx, id string) error {
	if rest.Django(c) {
		return change(h, c, id, replacementIn, h.replace)
	}
	return change(h, c, id, saidIn, h.patients.Revise)
}

// AmendPatient changes the details that are sent.
func (h *handlers) AmendPatient(c *fiber.Ctx, id string) error {
	return change(h, c, id, changesIn, h.patients.Amend)
}

// change reads whom, which version and what, has the use case make it, and shows what came of it.
func change[In, Out any](
	h *handlers, c *fiber.Ctx, id string, read func(In) Out,
	use func(context.Context, auth.Principal, patients.ID, revision.Match, Out) (domain.Patient, error),
) error {
	patientID, err := patients.ParseID(id)
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
	patient, err := use(c.UserContext(), rest.Principal(c), patientID, expected, said)
	if err != nil {
		return err
	}
	return h.send(c, fiber.StatusOK, patient)
}

// RemovePatient removes a patient.
func (h *handlers) RemovePatient(c *fiber.Ctx, id string) error {
	patientID, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	if err := h.patients.Remove(c.UserContext(), rest.Principal(c), patientID, expected); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func (h *handlers) send(c *fiber.Ctx, status int, p domain.Patient) error {
	aging := p.Details.BirthDate != (domain.Date{}) // shows an age that changes without the version
	return rest.Send(c, status, rest.Resource{Version: p.Version, Derived: aging, Body: show(p, h.patients.Today())})
}

func filterIn(asked ListPatientsParams) domain.Filter {
	return domain.Filter{
		Search: rest.Value(asked.Search), Gender: rest.Value(asked.Gender), AgeMin: asked.AgeMin, AgeMax: asked.AgeMax,
		Doctor: rest.UUID(asked.Doctor), CreatedAfter: rest.Instant(asked.CreatedAfter), CreatedBefore: rest.Instant(asked.CreatedBefore),
	}
}

func saidIn(body PatientInput) domain.Said {
	return domain.Said{
		Name: body.Name, Gender: body.Gender, Age: rest.OrNil(body.Age), BirthDate: rest.OrEmpty(body.BirthDate),
		Email: rest.OrEmpty(body.Email), Phone: rest.OrEmpty(body.Phone),
		Address: rest.OrEmpty(body.Address), Notes: rest.OrEmpty(body.Notes),
		MedicalRecordNumber: rest.OrEmpty(body.MedicalRecordNumber),
	}
}

func changesIn(body PatientChanges) domain.Changes {
	return domain.Changes{
		Name: body.Name, Gender: body.Gender, Age: rest.OrNil(body.Age), AgeUnknown: body.Age.IsNull(),
		BirthDate: rest.Text(body.BirthDate), Email: rest.Text(body.Email), Phone: rest.Text(body.Phone),
		Address: rest.Text(body.Address), MedicalRecordNumber: rest.Text(body.MedicalRecordNumber),
		Notes: rest.Text(body.Notes),
	}
}

func show(p domain.Patient, today domain.Date) Patient {
	return Patient{
		Id: p.ID.String(), Name: p.Details.Name, Age: p.Age(today), Gender: p.Details.Gender, CreatedBy: p.OwnerID.String(),
		CreatedAt: rest.At(p.CreatedAt), UpdatedAt: rest.At(p.UpdatedAt),
		BirthDate: rest.NullableText(p.Details.BirthDate.String()), Email: p.Details.Email, Phone: p.Details.Phone,
		Address: p.Details.Address, MedicalRecordNumber: rest.NullableText(p.Details.MedicalRecordNumber), Notes: p.Details.Notes,
	}
}
