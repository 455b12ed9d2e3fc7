package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/rest"
)

// ListAvailabilityExceptions responds with a page of the exceptions of a doctor.
func (h *handlers) ListAvailabilityExceptions(
	c *fiber.Ctx, id string, params ListAvailabilityExceptionsParams,
) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	from, err := firstDay(params.From)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.availability.BrowseExceptions(c.UserContext(), doctorID, from, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showException)
}

// ListHolidays responds with a page of the holidays.
func (h *handlers) ListHolidays(c *fiber.Ctx, params ListHolidaysParams) error {
	from, err := firstDay(params.From)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.availability.BrowseHolidays(c.UserContext(), from, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showHoliday)
}

// firstDay reads the parameter from, nil if it is absent. Errors: errs.Invalid.
func firstDay(from *string) (*calendar.Date, error) {
	if from == nil {
		return nil, nil //nolint:nilnil // by default today
	}
	date, err := calendar.ParseDate(*from)
	if err != nil {
		return nil, errs.Invalidf("from", "%s", err)
	}
	return &date, nil
}

// AddAvailabilityException adds an exception of a doctor.
func (h *handlers) AddAvailabilityException(c *fiber.Ctx, id string) error {
	doctorID, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	input, err := rest.Body(c, exceptionInputOf)
	if err != nil {
		return err
	}
	added, err := h.availability.AddException(c.UserContext(), rest.Principal(c), doctorID, input)
	if err != nil {
		return err
	}
	c.Location("/api/doctors/" + doctorID.String() + "/exceptions/" + added.ID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(showDetailedException(added))
}

// ReadAvailabilityException responds with one exception of a doctor.
func (h *handlers) ReadAvailabilityException(c *fiber.Ctx, id, exception string) error {
	doctorID, exceptionID, err := parseBoth(id, exception)
	if err != nil {
		return err
	}
	found, err := h.availability.FindException(c.UserContext(), doctorID, exceptionID)
	if err != nil {
		return err
	}
	return c.JSON(showDetailedException(found))
}

// parseBoth reads the ids of a doctor and of an exception. Errors: doctors.ErrNotFound,
// appointments.ErrExceptionNotFound.
func parseBoth(doctor, exception string) (doctors.ID, domain.ExceptionID, error) {
	doctorID, err := doctors.ParseID(doctor)
	if err != nil {
		return doctors.ID{}, domain.ExceptionID{}, err
	}
	exceptionID, err := domain.ParseExceptionID(exception)
	return doctorID, exceptionID, err
}

// RemoveAvailabilityException removes an exception of a doctor.
func (h *handlers) RemoveAvailabilityException(c *fiber.Ctx, id, exception string) error {
	doctorID, exceptionID, err := parseBoth(id, exception)
	if err != nil {
		return err
	}
	err = h.availability.RemoveException(c.UserContext(), rest.Principal(c), doctorID, exceptionID)
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// AddHoliday adds a holiday.
func (h *handlers) AddHoliday(c *fiber.Ctx) error {
	input, err := rest.Body(c, holidayInputOf)
	if err != nil {
		return err
	}
	added, err := h.availability.AddHoliday(c.UserContext(), rest.Principal(c), input)
	if err != nil {
		return err
	}
	c.Location("/api/holidays/" + added.ID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(showDetailedHoliday(added))
}

// ReadHoliday responds with one holiday.
func (h *handlers) ReadHoliday(c *fiber.Ctx, id string) error {
	holidayID, err := domain.ParseExceptionID(id)
	if err != nil {
		return err
	}
	found, err := h.availability.FindHoliday(c.UserContext(), holidayID)
	if err != nil {
		return err
	}
	return c.JSON(showDetailedHoliday(found))
}

// RemoveHoliday removes a holiday.
func (h *handlers) RemoveHoliday(c *fiber.Ctx, id string) error {
	holidayID, err := domain.ParseExceptionID(id)
	if err != nil {
		return err
	}
	if err := h.availability.RemoveHoliday(c.UserContext(), rest.Principal(c), holidayID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

var (
	exceptionInputOf = fields.Mapper[AvailabilityExceptionInput, domain.ExceptionInput]()
	holidayFieldsOf  = fields.Mapper[HolidayInput, domain.ExceptionInput]("Kind")
	windowInputOf    = fields.Mapper[AvailabilityWindowInput, domain.WindowInput]()
)

// holidayInputOf returns the fields of a holiday, which is always a closure.
func holidayInputOf(in HolidayInput) domain.ExceptionInput {
	input := holidayFieldsOf(in)
	input.Kind = domain.Closed
	return input
}

func showException(e domain.Exception) AvailabilityException {
	from, to := clockTexts(e.Minutes)
	return AvailabilityException{
		Id: e.ID.String(), StartsOn: e.From.String(), EndsOn: e.To.String(), From: from, To: to, Kind: e.KindName(),
		Note: e.Note, CreatedAt: rest.At(e.CreatedAt),
	}
}

func showDetailedException(e app.DetailedException) DetailedAvailabilityException {
	shown := showException(e.Exception)
	return DetailedAvailabilityException{
		Id: shown.Id, StartsOn: shown.StartsOn, EndsOn: shown.EndsOn, From: shown.From, To: shown.To,
		Kind: shown.Kind, Note: shown.Note, CreatedAt: shown.CreatedAt, Affected: e.Affected,
	}
}

func showHoliday(e domain.Exception) Holiday {
	from, to := clockTexts(e.Minutes)
	return Holiday{
		Id: e.ID.String(), StartsOn: e.From.String(), EndsOn: e.To.String(), From: from, To: to,
		Note: e.Note, CreatedAt: rest.At(e.CreatedAt),
	}
}

func showDetailedHoliday(e app.DetailedException) DetailedHoliday {
	shown := showHoliday(e.Exception)
	return DetailedHoliday{
		Id: shown.Id, StartsOn: shown.StartsOn, EndsOn: shown.EndsOn, From: shown.From, To: shown.To,
		Note: shown.Note, CreatedAt: shown.CreatedAt, Affected: e.Affected,
	}
}

// clockTexts returns a part of a day as HH:MM, or empty texts for nil.
func clockTexts(part *calendar.Minutes) (from, to rest.NullableText) {
	if part == nil {
		return "", ""
	}
	return rest.NullableText(domain.ClockText(part.From)), rest.NullableText(domain.ClockText(part.To))
}
