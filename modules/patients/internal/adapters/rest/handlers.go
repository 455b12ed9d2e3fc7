// Package rest is the REST adapter of the patients module: the contract (openapi.yaml), the code generated from it, and
// the handlers. They parse a request, call a use case and convert its result.
package rest

import (
	"context"
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's part of the API.
func New(
	service *app.Service, invitations *app.Invitations, corrections *app.Corrections, restrictions *app.Restrictions,
	access *app.Access, emergencies *app.Emergencies,
) rest.API {
	h := &handlers{service, invitations, corrections, restrictions, access, emergencies}
	return func(router fiber.Router) { RegisterHandlers(router, h) }
}

type handlers struct {
	patients     *app.Service
	invitations  *app.Invitations
	corrections  *app.Corrections
	restrictions *app.Restrictions
	access       *app.Access
	emergencies  *app.Emergencies
}

// ListPatients responds with a page of the caller's patients.
func (h *handlers) ListPatients(c *fiber.Ctx, params ListPatientsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.patients.Browse(c.UserContext(), rest.Principal(c), filterOf(params), request)
	if err != nil {
		return err
	}
	today := h.patients.Today()
	return rest.SendPage(c, page, func(p domain.Patient) Patient { return show(p, today) })
}

// RegisterPatient adds a patient.
func (h *handlers) RegisterPatient(c *fiber.Ctx) error {
	register := func(ctx context.Context, who auth.Principal, new newPatient) (domain.Patient, error) {
		practice, err := uuidOrNil(new.practice)
		if err := errs.Fields(map[string]error{"practice": err}); err != nil {
			return domain.Patient{}, err
		}
		return h.patients.RegisterFor(ctx, who, new.Input, practice)
	}
	return rest.Create(c, newPatientOf, register, location, h.resource)
}

// ReadPatient responds with one patient.
func (h *handlers) ReadPatient(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, patients.ParseID, h.patients.Find, h.resource)
}

// ReplacePatient replaces all details.
func (h *handlers) ReplacePatient(c *fiber.Ctx, id string) error {
	if rest.Django(c) {
		return rest.Change(c, id, patients.ParseID, replacementOf, h.replace, h.resource)
	}
	revise := func(
		ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, in newPatient,
	) (domain.Patient, error) {
		if in.practice != nil {
			return domain.Patient{}, errs.Invalidf("practice", "Only a new patient can be shared with a practice.")
		}
		return h.patients.Revise(ctx, who, id, expected, in.Input)
	}
	return rest.Change(c, id, patients.ParseID, newPatientOf, revise, h.resource)
}

// AmendPatient changes the details that are sent.
func (h *handlers) AmendPatient(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, patients.ParseID, changesOf, h.patients.Amend, h.resource)
}

// RemovePatient removes a patient.
func (h *handlers) RemovePatient(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, patients.ParseID, h.patients.Remove)
}

func location(p domain.Patient) string { return "/api/patients/" + p.ID.String() + "/" }

func (h *handlers) resource(p domain.Patient) rest.Resource {
	aging := p.Details.BirthDate != (domain.Date{}) // the age changes without a new version
	return rest.Resource{Version: p.Version, Derived: aging, Body: show(p, h.patients.Today())}
}

func filterOf(params ListPatientsParams) domain.Filter {
	return domain.Filter{
		Search: rest.Value(params.Search), Gender: rest.Value(params.Gender),
		AgeMin: params.AgeMin, AgeMax: params.AgeMax,
		Doctor: rest.UUID(params.Doctor), CreatedAfter: rest.Instant(params.CreatedAfter),
		CreatedBefore: rest.Instant(params.CreatedBefore),
	}
}

var (
	inputFields   = fields.Mapper[PatientInput, domain.Input]("Age", "Practice")
	changedFields = fields.Mapper[PatientChanges, domain.Changes]("Age", "AgeUnknown")
)

func inputOf(body PatientInput) domain.Input {
	in := inputFields(body)
	in.Age = rest.OrNil(body.Age)
	return in
}

// newPatient is a description of a patient, and the practice that it is shared with, if any.
type newPatient struct {
	domain.Input
	practice *string
}

func newPatientOf(body PatientInput) newPatient {
	return newPatient{inputOf(body), rest.OrNil(body.Practice)}
}

// uuidOrNil is rest.BodyUUID for a member that may be absent.
func uuidOrNil(given *string) (*uuid.UUID, error) {
	if given == nil {
		return nil, nil
	}
	id, err := rest.BodyUUID(*given)
	return &id, err
}

func changesOf(body PatientChanges) domain.Changes {
	changes := changedFields(body)
	changes.Age, changes.AgeUnknown = rest.OrNil(body.Age), body.Age.IsNull()
	return changes
}

func show(p domain.Patient, today domain.Date) Patient {
	d := p.Details
	return Patient{
		Id: p.ID.String(), CreatedBy: p.OwnerID.String(),
		CreatedAt: rest.At(p.CreatedAt), UpdatedAt: rest.At(p.UpdatedAt),
		Name: d.Name, Age: p.Age(today), Gender: d.Gender, BirthDate: rest.NullableText(d.BirthDate.String()),
		Email: d.Email, Phone: d.Phone, Address: d.Address,
		MedicalRecordNumber: rest.NullableText(d.MedicalRecordNumber), Notes: d.Notes,
	}
}
