// Package rest is the REST adapter of the assignments module: the contract (openapi.yaml), the code generated from it,
// and the handlers. They parse a request, call a use case and convert its result.
package rest

import (
	_ "embed" // for the contract
	"errors"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
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

type handlers struct{ assignments *app.Service }

// ListAssignments responds with a page of the assignments of the caller's patients.
func (h *handlers) ListAssignments(c *fiber.Ctx, params ListAssignmentsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.Filter{
		Patient: rest.UUID(params.Patient), Doctor: rest.UUID(params.Doctor),
		AssignedAfter: rest.Instant(params.CreatedAfter), AssignedBefore: rest.Instant(params.CreatedBefore),
	}
	page, err := h.assignments.Browse(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, show)
}

// Assign assigns a doctor to a patient.
func (h *handlers) Assign(c *fiber.Ctx) error {
	patient, doctor, access, err := readInput(c)
	if err != nil {
		return err
	}
	made, err := h.assignments.Assign(c.UserContext(), rest.Principal(c), patient, doctor, access)
	if err != nil && rest.Django(c) {
		err = missingReference(err)
	}
	if err != nil {
		return err
	}
	c.Location("/api/mappings/detail/" + made.ID.String() + "/")
	return rest.Send(c, fiber.StatusCreated, resource(made))
}

// ListAssignmentsOfPatient responds with a page of one patient's assignments. Clients of the original service may also
// send the id of an assignment.
func (h *handlers) ListAssignmentsOfPatient(c *fiber.Ctx, id string) error {
	if assignmentID, err := assignments.ParseID(id); err == nil && rest.Django(c) {
		one, found, err := h.assignments.Lookup(c.UserContext(), rest.Principal(c), assignmentID)
		if err != nil {
			return err
		}
		if found {
			return rest.Send(c, fiber.StatusOK, resource(one))
		}
	}
	return h.listOf(c, id)
}

func (h *handlers) listOf(c *fiber.Ctx, id string) error {
	patientID, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.assignments.BrowseOf(c.UserContext(), rest.Principal(c), patientID, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, show)
}

// ListAssignmentsByPatient responds like ListAssignmentsOfPatient. The original service has both paths.
func (h *handlers) ListAssignmentsByPatient(c *fiber.Ctx, patientID string) error {
	return h.listOf(c, patientID)
}

// ReadAssignment responds with one assignment.
func (h *handlers) ReadAssignment(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, assignments.ParseID, h.assignments.Find, resource)
}

// ChangeAccess changes what an assignment lets the doctor do.
func (h *handlers) ChangeAccess(c *fiber.Ctx, id string) error {
	accessOf := func(in AssignmentChanges) *assignments.Access { return (*assignments.Access)(in.Access) }
	return rest.Change(c, id, assignments.ParseID, accessOf, h.assignments.Grant, resource)
}

// Discharge ends an assignment.
func (h *handlers) Discharge(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, assignments.ParseID, h.assignments.Discharge)
}

// readInput reads a new assignment; its access is "" by default. A malformed id is an invalid body here, not a missing
// record.
func readInput(c *fiber.Ctx) (patients.ID, doctors.ID, assignments.Access, error) {
	body, err := rest.Body(c, func(in AssignmentInput) AssignmentInput { return in })
	if err != nil {
		return patients.ID{}, doctors.ID{}, "", err
	}
	patient, noPatient := rest.BodyUUID(body.Patient)
	doctor, noDoctor := rest.BodyUUID(body.Doctor)
	return patients.ID{UUID: patient}, doctors.ID{UUID: doctor}, assignments.Access(rest.OrEmpty(body.Access)),
		errs.Fields(map[string]error{"patient": noPatient, "doctor": noDoctor})
}

// missingReference maps a missing patient or doctor to an invalid body, as in the original service.
func missingReference(err error) error {
	for field, missing := range map[string]*errs.Error{"patient": patients.ErrNotFound, "doctor": doctors.ErrNotFound} {
		if errors.Is(err, missing) {
			fields := map[string][]string{field: {missing.Detail}}
			return &errs.Error{Kind: errs.Invalid, Code: missing.Code, Detail: missing.Detail, Fields: fields}
		}
	}
	return err
}

// resource converts an assignment. The names of the patient and the doctor change without a new version.
func resource(a app.Assigned) rest.Resource {
	return rest.Resource{Version: a.Version, Derived: true, Body: show(a)}
}

func show(a app.Assigned) Assignment {
	return Assignment{
		Id: a.ID.String(), Patient: a.PatientID.String(), Doctor: a.DoctorID.String(),
		AssignedAt: rest.At(a.AssignedAt), Access: string(a.Access),
		PatientDetails: AssignedPatient{
			Id: a.Patient.ID.String(), Name: a.Patient.Name, Age: a.Patient.Age, Gender: a.Patient.Gender,
		},
		DoctorDetails: AssignedDoctor{
			Id: a.Doctor.ID.String(), Name: a.Doctor.Name, Specialization: a.Doctor.Specialization,
			Experience: a.Doctor.Experience,
		},
	}
}
