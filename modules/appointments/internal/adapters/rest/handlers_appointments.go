package rest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

// ListAppointments responds with a page of the appointments that the caller sees.
func (h *handlers) ListAppointments(c *fiber.Ctx, params ListAppointmentsParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.Filter{
		Patient: rest.UUID(params.Patient), Doctor: rest.UUID(params.Doctor),
		Status: appointments.Status(strings.ToLower(rest.Value(params.Status))),
		From:   rest.Instant(params.From), To: rest.Instant(params.To),
	}
	if params.Series != nil {
		series, err := rest.BodyUUID(*params.Series)
		if err := errs.Fields(map[string]error{"series": err}); err != nil {
			return err
		}
		filter.Series = &series
	}
	page, err := h.appointments.Browse(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showAppointment)
}

// BookAppointment books an appointment, or reserves its time.
func (h *handlers) BookAppointment(c *fiber.Ctx) error {
	booking, err := readBooking(c)
	if err != nil {
		return err
	}
	made, err := h.appointments.Book(c.UserContext(), rest.Principal(c), booking)
	if err != nil {
		return withConflicts(err)
	}
	c.Location("/api/appointments/" + made.ID.String() + "/")
	return rest.Send(c, fiber.StatusCreated, appointmentResource(made))
}

// FindConflicts responds with the conflicts of an appointment that is not booked.
func (h *handlers) FindConflicts(c *fiber.Ctx) error {
	booking, err := readBooking(c)
	if err != nil {
		return err
	}
	found, err := h.appointments.FindConflicts(c.UserContext(), rest.Principal(c), booking)
	if err != nil {
		return err
	}
	return c.JSON(showConflicts(found))
}

// ReadAppointment responds with one appointment.
func (h *handlers) ReadAppointment(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, appointments.ParseID, h.appointments.Find, appointmentResource)
}

// AmendAppointment changes the reason of an appointment.
func (h *handlers) AmendAppointment(c *fiber.Ctx, id string) error {
	reasonOf := func(in AppointmentChanges) *string { return rest.Text(in.Reason) }
	return rest.Change(c, id, appointments.ParseID, reasonOf, h.appointments.Amend, appointmentResource)
}

// ConfirmAppointment books a reservation, or accepts a request.
func (h *handlers) ConfirmAppointment(c *fiber.Ctx, id string) error {
	return step(c, id, h.appointments.Confirm)
}

// RescheduleAppointment moves an appointment to another time.
func (h *handlers) RescheduleAppointment(c *fiber.Ctx, id string, params RescheduleAppointmentParams) error {
	parsed, err := appointments.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	move, err := readMove(c)
	if err != nil {
		return err
	}
	move.Following = following(params.Scope)
	moved, err := h.appointments.Move(c.UserContext(), rest.Principal(c), parsed, expected, move)
	if err != nil {
		return withSkipped(withConflicts(err))
	}
	setLocation(c, parsed)
	return rest.Send(c, fiber.StatusOK, appointmentResource(moved))
}

// CancelAppointment cancels an appointment.
func (h *handlers) CancelAppointment(c *fiber.Ctx, id string, params CancelAppointmentParams) error {
	cancellationOf := func(in AppointmentCancellation) domain.Cancellation {
		return domain.Cancellation{Reason: rest.OrEmpty(in.Reason), Following: following(params.Scope)}
	}
	cancel := func(
		ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match, in domain.Cancellation,
	) (app.Shown, error) {
		cancelled, err := h.appointments.Cancel(ctx, who, id, expected, in)
		if err == nil {
			setLocation(c, id)
		}
		return cancelled, err
	}
	return rest.Change(c, id, appointments.ParseID, cancellationOf, cancel, appointmentResource)
}

// setLocation sets the location of the appointment, from which a repeated request is answered.
func setLocation(c *fiber.Ctx, id appointments.ID) {
	c.Location("/api/appointments/" + id.String() + "/")
}

// following reports whether a change includes the later appointments of the series.
func following(scope *string) bool { return strings.EqualFold(rest.Value(scope), "following") }

// Arrive registers the arrival of the patient.
func (h *handlers) Arrive(c *fiber.Ctx, id string) error { return step(c, id, h.appointments.Arrive) }

// CompleteAppointment registers the end of the visit.
func (h *handlers) CompleteAppointment(c *fiber.Ctx, id string) error {
	return step(c, id, h.appointments.Complete)
}

// MissAppointment registers that the patient did not come.
func (h *handlers) MissAppointment(c *fiber.Ctx, id string) error {
	return step(c, id, h.appointments.MarkNoShow)
}

// VoidAppointment marks an appointment that should never have been stored.
func (h *handlers) VoidAppointment(c *fiber.Ctx, id string) error {
	return step(c, id, h.appointments.Void)
}

func step(c *fiber.Ctx, id string, do app.Step) error {
	parsed, err := appointments.ParseID(id)
	if err != nil {
		return err
	}
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	changed, err := do(c.UserContext(), rest.Principal(c), parsed, expected)
	if err != nil {
		return withConflicts(err)
	}
	setLocation(c, parsed)
	return rest.Send(c, fiber.StatusOK, appointmentResource(changed))
}

// readBooking reads a new appointment. A malformed id is an invalid body here, not a missing record.
func readBooking(c *fiber.Ctx) (domain.Booking, error) {
	body, err := rest.Body(c, func(in AppointmentInput) AppointmentInput { return in })
	if err != nil {
		return domain.Booking{}, err
	}
	booking, checks := bookingOf(body)
	return booking, errs.Fields(checks)
}

// bookingOf returns the booking of a body, and the errors of its fields (nil for valid ones).
func bookingOf(body AppointmentInput) (domain.Booking, map[string]error) {
	patient, noPatient := rest.BodyUUID(body.Patient)
	doctor, noDoctor := rest.BodyUUID(body.Doctor)
	kind, noType := rest.BodyUUID(body.Type)
	start, noStart := domain.ParseStart(body.StartsAt)
	booking := domain.Booking{
		Patient: patients.ID{UUID: patient}, Doctor: doctors.ID{UUID: doctor}, Type: domain.TypeID{UUID: kind},
		Start: start, Reason: rest.OrEmpty(body.Reason), Hold: rest.OrNil(body.HoldMinutes),
		Overbook: overbook(body.OverbookReason),
	}
	hold := rest.OrNil(body.Hold)
	if hold != nil && *hold && booking.Hold == nil {
		minutes := domain.DefaultHold
		booking.Hold = &minutes
	}
	checks := booking.Checks()
	if hold != nil && !*hold && booking.Hold != nil {
		checks["hold"] = errNoHold
	}
	checks["patient"], checks["doctor"], checks["type"], checks["starts_at"] = noPatient, noDoctor, noType, noStart
	return booking, checks
}

//nolint:staticcheck // shown to people as a sentence
var errNoHold = errors.New("May not be false with hold_minutes, which reserve the time.")

// overbook returns the reason to overbook, nil if it was not sent or is empty.
func overbook(given nullable.Nullable[string]) *string {
	if reason := strings.TrimSpace(rest.OrEmpty(given)); reason != "" {
		return &reason
	}
	return nil
}

func readMove(c *fiber.Ctx) (domain.Move, error) {
	body, err := rest.Body(c, func(in AppointmentMove) AppointmentMove { return in })
	if err != nil {
		return domain.Move{}, err
	}
	start, noStart := domain.ParseStart(body.StartsAt)
	move := domain.Move{Start: start, Overbook: overbook(body.OverbookReason)}
	checks := move.Checks()
	checks["starts_at"] = noStart
	if doctor := rest.OrNil(body.Doctor); doctor != nil {
		id, err := rest.BodyUUID(*doctor)
		move.Doctor, checks["doctor"] = &doctors.ID{UUID: id}, err
	}
	if kind := rest.OrNil(body.Type); kind != nil {
		id, err := rest.BodyUUID(*kind)
		move.Type, checks["type"] = &domain.TypeID{UUID: id}, err
	}
	return move, errs.Fields(checks)
}

// withConflicts adds all conflicts and the next free times to the error of an appointment whose time others take.
func withConflicts(err error) error {
	var conflicting *app.Conflicting
	var declared *errs.Error
	if !errors.As(err, &conflicting) || !errors.As(err, &declared) {
		return err
	}
	shown := showConflicts(conflicting)
	return declared.With(map[string]any{"conflicts": shown.Conflicts, "next_free": shown.NextFree})
}

func showConflicts(found *app.Conflicting) AppointmentConflicts {
	shown := AppointmentConflicts{
		Bookable: true, Conflicts: showEach(found.Conflicts), NextFree: make([]rest.Time, len(found.NextFree)),
	}
	if declared, is := errors.AsType[*errs.Error](found.Unwrap()); is {
		shown.Bookable, shown.Code = false, rest.NullableText(declared.Code)
	}
	for i, start := range found.NextFree {
		shown.NextFree[i] = rest.At(start)
	}
	return shown
}

func showEach(conflicts []app.ConflictShown) []AppointmentConflict {
	shown := make([]AppointmentConflict, len(conflicts))
	for i, conflict := range conflicts {
		shown[i] = AppointmentConflict{
			With: string(conflict.With), StartsAt: rest.At(conflict.From), EndsAt: rest.At(conflict.To),
			Appointment: rest.NullableID(conflict.ID.UUID),
		}
	}
	return shown
}

// appointmentResource converts an appointment. The names change without a new version.
func appointmentResource(a app.Shown) rest.Resource {
	return rest.Resource{Version: a.Version, Derived: true, Body: showAppointment(a)}
}

func showAppointment(a app.Shown) Appointment {
	shown := Appointment{
		Id: a.ID.String(), Doctor: rest.NullableID(a.DoctorID.UUID), DoctorName: a.DoctorName,
		Type: a.TypeID.String(), TypeName: a.Type.Name, Series: rest.NullableID(a.SeriesID),
		StartsAt: rest.At(a.StartsAt), EndsAt: rest.At(a.EndsAt), LocalStart: a.Local().Format(time.RFC3339),
		TimeZone: a.TimeZone, Status: string(a.Status), Overbooked: a.Overbooked, OverbookReason: a.OverbookReason,
		Reason: a.Reason, CancelReason: a.CancelReason, CreatedBy: rest.NullableID(a.CreatedBy),
		CreatedAt: rest.At(a.CreatedAt), UpdatedAt: rest.At(a.UpdatedAt),
	}
	if a.Patient != nil {
		shown.Patient, shown.PatientName = rest.NullableID(a.PatientID.UUID), rest.NullableText(a.Patient.Name)
	} else { // hidden from the doctor: the user who booked may be the patient
		shown.Reason, shown.CreatedBy = "", ""
	}
	if a.Doctor != nil {
		shown.DoctorName = a.Doctor.Name
	}
	if a.AsPatient {
		shown.OverbookReason = ""
	}
	if len(a.Conflicts) > 0 {
		conflicts := showEach(a.Conflicts)
		shown.Conflicts = &conflicts
	}
	if a.Status == appointments.Held {
		shown.ExpiresAt = nullable.NewNullableWithValue(rest.At(a.ExpiresAt))
	} else {
		shown.ExpiresAt = nullable.NewNullNullable[rest.Time]()
	}
	return shown
}
