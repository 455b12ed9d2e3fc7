package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/fields"
	"healthcare/platform/rest"
)

// ListAppointmentTypes responds with a page of the types.
func (h *handlers) ListAppointmentTypes(c *fiber.Ctx, params ListAppointmentTypesParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.TypeFilter{Active: params.Active}
	page, err := h.types.Browse(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showType)
}

// AddAppointmentType adds a type.
func (h *handlers) AddAppointmentType(c *fiber.Ctx) error {
	return rest.Create(c, typeInputOf, h.types.Register, typeLocation, typeResource)
}

// ReadAppointmentType responds with one type.
func (h *handlers) ReadAppointmentType(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, domain.ParseTypeID, h.types.Find, typeResource)
}

// AmendAppointmentType changes the details that are sent.
func (h *handlers) AmendAppointmentType(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, domain.ParseTypeID, typeChangesOf, h.types.Amend, typeResource)
}

// RemoveAppointmentType removes a type that was never used.
func (h *handlers) RemoveAppointmentType(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, domain.ParseTypeID, h.types.Remove)
}

var typeChangesOf = fields.Mapper[AppointmentTypeChanges, domain.TypeChanges]()

func typeInputOf(in AppointmentTypeInput) domain.TypeInput {
	return domain.TypeInput{
		Name: &in.Name, Minutes: &in.Minutes,
		BufferBefore: rest.OrNil(in.BufferBefore), BufferAfter: rest.OrNil(in.BufferAfter),
		Capacity: rest.OrNil(in.Capacity), NeedsConfirmation: rest.OrNil(in.NeedsConfirmation),
		ForPatients: rest.OrNil(in.ForPatients), Active: rest.OrNil(in.Active),
	}
}

func typeLocation(t domain.Type) string { return "/api/appointment-types/" + t.ID.String() + "/" }

func typeResource(t domain.Type) rest.Resource {
	return rest.Resource{Version: t.Version, Body: showType(t)}
}

func showType(t domain.Type) AppointmentType {
	return AppointmentType{
		Id: t.ID.String(), Name: t.Name, Minutes: t.Minutes,
		BufferBefore: t.BufferBefore, BufferAfter: t.BufferAfter, Capacity: t.Capacity,
		NeedsConfirmation: t.NeedsConfirmation, ForPatients: t.ForPatients, Active: t.Active,
		CreatedAt: rest.At(t.CreatedAt), UpdatedAt: rest.At(t.UpdatedAt),
	}
}
