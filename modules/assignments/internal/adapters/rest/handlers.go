// Package rest is the assignments module's REST door: the contract (openapi.yaml), what is generated from it, and the handlers, which
// parse, ask and show.
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

//go:embed openapi.yaml
var document []byte

// New is the module's part of the contract.
func New(service *app.Service) rest.API {
	return rest.API{Document: document, Register: func(router fiber.Router) {
		RegisterHandlers(router, &handlers{service})
	}}
}

type handlers struct{ assignments *app.Service }

// ListAssignments answers a page of the assignments of the caller's patients.
func (h *handlers) ListAssignments(c *fiber.Ctx, asked ListAssignmentsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.Filter{
		Patient: rest.UUID(asked.Patient), Doctor: rest.UUID(asked.Doctor),
		AssignedAfter: rest.Instant(asked.CreatedAfter), AssignedBefore: rest.Instant(asked.CreatedBefore),
	}
	page, err := h.assignments.Browse(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, show)
}

// Assign assigns a doctor to a patient.
func (h *handlers) Assign(c *fiber.Ctx) error {
	patient, doctor, err := pair(c)
	if err != nil {
		return err
	}
	made, err := h.assignments.Assign(c.UserContext(), rest.Principal(c), patient, doctor)
	if err != nil && rest.Django(c) {
		err = missingReference(err)
	}
	if err != nil {
		return err
	}
	c.Location("/api/mappings/detail/" + made.ID.String() + "/")
	return send(c, fiber.StatusCreated, made)
}

// ListAssignmentsOfPatient answers a page of one patient's assignments. For clients of the original, the id may be an assignment's too.
func (h *handlers) ListAssignmentsOfPatient(c *fiber.Ctx, id string) error {
	if assignmentID, err := assignments.ParseID(id); err == nil && rest.Django(c) {
		one, found, err := h.assignments.Lookup(c.UserContext(), rest.Principal(c), assignmentID)
		if err != nil {
			return err
		}
		if found {
			return send(c, fiber.StatusOK, one)
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

// ListAssignmentsByPatient is the same under the original's other path.
func (h *handlers) ListAssignmentsByPatient(c *fiber.Ctx, patientID string) error {
	return h.listOf(c, patientID)
}

// ReadAssignment answers one assignment.
func (h *handlers) ReadAssignment(c *fiber.Ctx, id string) error {
	assignmentID, err := assignments.ParseID(id)
	if err != nil {
		return err
	}
	one, err := h.assignments.Find(c.UserContext(), rest.Principal(c), assignmentID)
	if err != nil {
		return err
	}
	return send(c, fiber.StatusOK, one)
}

// Discharge ends an assignment.
func (h *handlers) Discharge(c *fiber.Ctx, id string) error {
	assignmentID, err := assignments.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	if err := h.assignments.Discharge(c.UserContext(), rest.Principal(c), assignmentID, expected); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// pair reads the two ids of a new assignment. An id that no record can have is the body's fault here, not a missing record.
func pair(c *fiber.Ctx) (patients.ID, doctors.ID, error) {
	body, err := rest.Body(c, func(in AssignmentInput) AssignmentInput { return in })
	if err != nil {
		return patients.ID{}, doctors.ID{}, err
	}
	patient, noPatient := patients.ParseID(body.Patient)
	doctor, noDoctor := doctors.ParseID(body.Doctor)
	wrong := map[string]error{}
	if noPatient != nil {
		wrong["patient"] = errNoID
	}
	if noDoctor != nil {
		wrong["doctor"] = errNoID
	}
	return patient, doctor, errs.Fields(wrong)
}

// missingReference refuses the body where the patient or the doctor does not exist, as the original did.
func missingReference(err error) error {
	for field, missing := range map[string]*errs.Error{"patient": patients.ErrNotFound, "doctor": doctors.ErrNotFound} {
		if errors.Is(err, missing) {
			fields := map[string][]string{field: {missing.Detail}}
			return &errs.Error{Kind: errs.Invalid, Code: missing.Code, Detail: missing.Detail, Fields: fields}
		}
	}
	return err
}

var errNoID = errors.New("Must be a UUID.") //nolint:staticcheck // shown to people as a sentence

// send shows what the patient and the doctor are called by now, so its tag covers more than the assignment's version.
func send(c *fiber.Ctx, status int, a app.Assigned) error {
	return rest.Send(c, status, rest.Resource{Version: domain.Version, Derived: true, Body: show(a)})
}

func show(a app.Assigned) Assignment {
	return Assignment{
		Id: a.ID.String(), Patient: a.PatientID.String(), Doctor: a.DoctorID.String(), AssignedAt: rest.At(a.AssignedAt),
		PatientDetails: AssignedPatient{Id: a.Patient.ID.String(), Name: a.Patient.Name, Age: a.Patient.Age, Gender: a.Patient.Gender},
		DoctorDetails: AssignedDoctor{
			Id: a.Doctor.ID.String(), Name: a.Doctor.Name, Specialization: a.Doctor.Specialization, Experience: a.Doctor.Experience,
		},
	}
}
