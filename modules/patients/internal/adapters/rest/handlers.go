// Package rest is the patients module's REST door: the contract (openapi.yaml), what is generated from it, and the handlers, which
// parse, ask and show.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/rest"
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
	return rest.Create(c, saidIn, h.patients.Register, location, h.resource)
}

// ReadPatient responds with one patient.
func (h *handlers) ReadPatient(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, patients.ParseID, h.patients.Find, h.resource)
}

// ReplacePatient replaces all details.
func (h *handlers) ReplacePatient(c *fiber.Ctx, id string) error {
	if rest.Django(c) {
		return rest.Change(c, id, patients.ParseID, replacementIn, h.replace, h.resource)
	}
	return rest.Change(c, id, patients.ParseID, saidIn, h.patients.Revise, h.resource)
}

// AmendPatient changes the details that are sent.
func (h *handlers) AmendPatient(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, patients.ParseID, changesIn, h.patients.Amend, h.resource)
}

// RemovePatient removes a patient.
func (h *handlers) RemovePatient(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, patients.ParseID, h.patients.Remove)
}

func location(p domain.Patient) string { return "/api/patients/" + p.ID.String() + "/" }

func (h *handlers) resource(p domain.Patient) rest.Resource {
	aging := p.Details.BirthDate != (domain.Date{}) // shows an age that changes without the version
	return rest.Resource{Version: p.Version, Derived: aging, Body: show(p, h.patients.Today())}
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
