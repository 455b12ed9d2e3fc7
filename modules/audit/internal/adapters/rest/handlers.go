// Package rest implements the REST API of the audit module: the contract (openapi.yaml), the code generated from it,
// and the handlers.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/rest"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's API.
func New(reader *app.Reader) rest.API {
	return func(router fiber.Router) { RegisterHandlers(router, &handlers{reader}) }
}

type handlers struct{ trail *app.Reader }

// ListAuditEntries responds with a page of the trail.
func (h *handlers) ListAuditEntries(c *fiber.Ctx, params ListAuditEntriesParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.trail.Browse(c.UserContext(), rest.Principal(c), newFilter(params), request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, newAuditEntry)
}

// ListPatientAccesses responds with a page of the accesses to a patient.
func (h *handlers) ListPatientAccesses(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.trail.AccessLog(c.UserContext(), rest.Principal(c), patient, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, newPatientAccess)
}

func newFilter(params ListAuditEntriesParams) domain.Filter {
	return domain.Filter{
		Actor:         rest.UUID(params.Actor),
		Patient:       rest.UUID(params.Patient),
		Action:        rest.Value(params.Action),
		CreatedAfter:  rest.Instant(params.CreatedAfter),
		CreatedBefore: rest.Instant(params.CreatedBefore),
	}
}

func newAuditEntry(e domain.Entry) AuditEntry {
	id := rest.NullableID
	return AuditEntry{
		Id: e.ID.String(), Sequence: e.Sequence, CreatedAt: rest.At(e.Time), Action: e.Action, Actor: id(e.ActorID),
		Role: e.Role, Session: id(e.SessionID), Address: e.Address, RequestId: e.RequestID,
		ResourceType: e.ResourceType, Resource: id(e.ResourceID), Patient: id(e.PatientID), Outcome: e.Outcome,
		Status: e.Status, Ids: texts(e.IDs), Count: e.Count, Fields: orEmpty(e.Fields),
		Basis: rest.NullableText(e.Basis), Grant: id(e.GrantID), ActsFor: id(e.ForID),
		Purpose: rest.NullableText(e.Purpose),
	}
}

func newPatientAccess(e app.Access) PatientAccess {
	return PatientAccess{
		Id: e.ID.String(), CreatedAt: rest.At(e.Time), Action: e.Action, Actor: rest.NullableID(e.ActorID),
		ActorName: rest.NullableText(e.ActorName), Role: e.Role, ResourceType: e.ResourceType, Outcome: e.Outcome,
		Status: e.Status, Fields: orEmpty(e.Fields), Basis: rest.NullableText(e.Basis),
		ActsFor: rest.NullableID(e.ForID), Purpose: rest.NullableText(e.Purpose),
	}
}

func texts(ids []uuid.UUID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}

// orEmpty replaces nil by an empty list, so that the JSON is [] instead of null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
