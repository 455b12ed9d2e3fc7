package rest

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// ListWaitingEntries responds with a page of the waiting entries that the caller sees.
func (h *handlers) ListWaitingEntries(c *fiber.Ctx, params ListWaitingEntriesParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	query := app.WaitingQuery{
		Patient: rest.UUID(params.Patient), State: domain.WaitingState(strings.ToLower(rest.Value(params.State))),
	}
	if fits := rest.UUID(params.Fits); fits != nil {
		query.Fits = &appointments.ID{UUID: *fits}
	}
	page, err := h.appointments.BrowseWaiting(c.UserContext(), rest.Principal(c), query, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showWaiting)
}

// AddWaitingEntry adds a patient to the waiting list.
func (h *handlers) AddWaitingEntry(c *fiber.Ctx) error {
	body, err := rest.Body(c, func(in WaitingEntryInput) WaitingEntryInput { return in })
	if err != nil {
		return err
	}
	input, err := waitingInputOf(body)
	if err != nil {
		return err
	}
	added, err := h.appointments.Enlist(c.UserContext(), rest.Principal(c), input)
	if err != nil {
		return err
	}
	c.Location("/api/waiting-list/" + added.ID.String() + "/")
	return rest.Send(c, fiber.StatusCreated, waitingResource(added))
}

// ReadWaitingEntry responds with one waiting entry.
func (h *handlers) ReadWaitingEntry(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, domain.ParseWaitingID, h.appointments.FindWaiting, waitingResource)
}

// LeaveWaitingList ends a waiting entry.
func (h *handlers) LeaveWaitingList(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, domain.ParseWaitingID, h.appointments.Leave)
}

// OfferAppointment offers an appointment to a patient who waits.
func (h *handlers) OfferAppointment(c *fiber.Ctx, id string) error {
	parsed, err := domain.ParseWaitingID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	input, err := readOffer(c)
	if err != nil {
		return err
	}
	offered, err := h.appointments.Offer(c.UserContext(), rest.Principal(c), parsed, expected, input)
	if err != nil {
		return withConflicts(err)
	}
	c.Location("/api/waiting-list/" + offered.ID.String() + "/") // answers a repeated request
	return rest.Send(c, fiber.StatusOK, waitingResource(offered))
}

// waitingInputOf returns the input of a body. Errors: errs.Invalid.
func waitingInputOf(body WaitingEntryInput) (input domain.WaitingInput, err error) {
	from, noFrom := calendar.ParseDate(body.FromOn)
	to, noTo := calendar.ParseDate(body.ToOn)
	input = domain.WaitingInput{From: from, To: to, PartOfDay: rest.OrEmpty(body.PartOfDay)}
	checks := input.Checks()
	if noFrom != nil || noTo != nil {
		checks["from_on"], checks["to_on"] = noFrom, noTo
	}
	input.Patient.UUID, checks["patient"] = rest.BodyUUID(body.Patient)
	input.Type.UUID, checks["type"] = rest.BodyUUID(body.Type)
	if doctor := rest.OrNil(body.Doctor); doctor != nil {
		id, err := rest.BodyUUID(*doctor)
		input.Doctor, checks["doctor"] = &doctors.ID{UUID: id}, err
	}
	return input, errs.Fields(checks)
}

// readOffer reads an offer. Errors: errs.Invalid.
func readOffer(c *fiber.Ctx) (input domain.OfferInput, err error) {
	body, err := rest.Body(c, func(in WaitingOfferInput) WaitingOfferInput { return in })
	if err != nil {
		return input, err
	}
	doctor, noDoctor := rest.BodyUUID(body.Doctor)
	start, noStart := domain.ParseStart(body.StartsAt)
	input = domain.OfferInput{Doctor: doctors.ID{UUID: doctor}, Start: start, Minutes: domain.DefaultOffer}
	if minutes := rest.OrNil(body.Minutes); minutes != nil {
		input.Minutes = *minutes
	}
	checks := input.Checks()
	checks["doctor"], checks["starts_at"] = noDoctor, noStart
	return input, errs.Fields(checks)
}

// waitingResource converts a waiting entry. Its names, and its state when time passes, change without a new version.
func waitingResource(e app.WaitingShown) rest.Resource {
	return rest.Resource{Version: e.Version, Derived: true, Body: showWaiting(e)}
}

func showWaiting(e app.WaitingShown) WaitingEntry {
	shown := WaitingEntry{
		Id: e.ID.String(), Doctor: rest.NullableID(e.DoctorID.UUID), Type: e.TypeID.String(), TypeName: e.Type.Name,
		FromOn: e.From.String(), ToOn: e.To.String(), PartOfDay: string(e.PartOfDay), State: string(e.State),
		Appointment: rest.NullableID(e.AppointmentID.UUID), OfferedUntil: nullable.NewNullNullable[rest.Time](),
		CreatedBy: rest.NullableID(e.CreatedBy), CreatedAt: rest.At(e.CreatedAt), UpdatedAt: rest.At(e.UpdatedAt),
	}
	if e.Patient != nil {
		shown.Patient, shown.PatientName = rest.NullableID(e.PatientID.UUID), rest.NullableText(e.Patient.Name)
	} else {
		shown.CreatedBy = "" // who may be the patient
	}
	if e.Doctor != nil {
		shown.DoctorName = rest.NullableText(e.Doctor.Name)
	}
	if e.State == domain.IsOffered {
		shown.OfferedUntil = nullable.NewNullableWithValue(rest.At(e.OfferedUntil))
	}
	return shown
}
