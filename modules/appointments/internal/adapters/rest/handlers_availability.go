package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/rest"
)

// ReadAvailability responds with the opening hours of a doctor.
func (h *handlers) ReadAvailability(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, doctors.ParseID, h.availability.Find, availabilityResource)
}

// ReplaceAvailability replaces the opening hours of a doctor.
func (h *handlers) ReplaceAvailability(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, doctors.ParseID, availabilityInputOf, h.availability.Replace, availabilityResource)
}

func availabilityInputOf(in AvailabilityInput) domain.AvailabilityInput {
	input := domain.AvailabilityInput{
		TimeZone: rest.OrEmpty(in.TimeZone), StepMinutes: rest.OrNil(in.StepMinutes),
		LeadMinutes: rest.OrNil(in.LeadMinutes), HorizonDays: rest.OrNil(in.HorizonDays),
		Windows: make([]domain.WindowInput, len(in.Windows)),
	}
	for i, w := range in.Windows {
		input.Windows[i] = windowInputOf(w)
	}
	return input
}

func availabilityResource(a domain.Availability) rest.Resource {
	return rest.Resource{Version: a.Version, Body: showAvailability(a)}
}

func showAvailability(a domain.Availability) Availability {
	shown := Availability{
		TimeZone: rest.NullableText(a.TimeZone), StepMinutes: a.Step, LeadMinutes: a.Lead, HorizonDays: a.Horizon,
		Windows: make([]AvailabilityWindow, len(a.Windows)),
	}
	for i, w := range a.Windows {
		shown.Windows[i] = showWindow(w)
	}
	return shown
}

func showWindow(w calendar.Window) AvailabilityWindow {
	return AvailabilityWindow{
		Weekday: domain.WeekdayName(w.Weekday), From: domain.ClockText(w.From), To: domain.ClockText(w.To),
		ValidFrom: dateText(w.ValidFrom), ValidTo: dateText(w.ValidUntil), Type: rest.NullableID(w.Type),
	}
}

// dateText returns a date as YYYY-MM-DD, or the empty text for nil.
func dateText(date *calendar.Date) rest.NullableText {
	if date == nil {
		return ""
	}
	return rest.NullableText(date.String())
}
