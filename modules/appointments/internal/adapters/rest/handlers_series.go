package rest

import (
	"errors"
	"maps"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// BookSeries books an appointment and its repetitions.
func (h *handlers) BookSeries(c *fiber.Ctx) error {
	body, err := rest.Body(c, func(in AppointmentSeriesInput) AppointmentSeriesInput { return in })
	if err != nil {
		return err
	}
	booking, checks := bookingOf(AppointmentInput{
		Patient: body.Patient, Doctor: body.Doctor, Type: body.Type, StartsAt: body.StartsAt, Reason: body.Reason,
		OverbookReason: body.OverbookReason,
	})
	repeat := domain.Repetition{Frequency: body.Frequency, Interval: 1, Count: body.Count}
	if interval := rest.OrNil(body.Interval); interval != nil {
		repeat.Interval = *interval
	}
	switch onConflict := strings.ToLower(strings.TrimSpace(rest.OrEmpty(body.OnConflict))); onConflict {
	case "", "fail":
	case "skip":
		repeat.Skip = true
	default:
		checks["on_conflict"] = errOnConflict
	}
	maps.Copy(checks, repeat.Checks())
	if err := errs.Fields(checks); err != nil {
		return err
	}
	made, err := h.appointments.BookSeries(c.UserContext(), rest.Principal(c), booking, repeat)
	if err != nil {
		return withSkipped(err)
	}
	c.Location("/api/appointment-series/" + made.ID.String() + "/")
	return c.Status(fiber.StatusCreated).JSON(showSeries(made))
}

// ReadSeries responds with the appointments of a series.
func (h *handlers) ReadSeries(c *fiber.Ctx, id string) error {
	series, err := appointments.ParseSeriesID(id)
	if err != nil {
		return err
	}
	found, err := h.appointments.FindSeries(c.UserContext(), rest.Principal(c), series.UUID)
	if err != nil {
		return err
	}
	return c.JSON(showSeries(found))
}

func showSeries(series app.Series) AppointmentSeries {
	booked := make([]Appointment, len(series.Booked))
	for i, a := range series.Booked {
		booked[i] = showAppointment(a)
	}
	return AppointmentSeries{Id: series.ID.String(), Booked: booked, Skipped: showSkipped(series.Skipped)}
}

var errOnConflict = errors.New("Must be fail or skip.") //nolint:staticcheck // shown to people as a sentence

// withSkipped adds the times that cannot be booked to the error of a series.
func withSkipped(err error) error {
	var conflicting *app.SeriesConflicting
	if !errors.As(err, &conflicting) {
		return err
	}
	return appointments.ErrSeriesConflicts.With(map[string]any{"skipped": showSkipped(conflicting.Skipped)})
}

func showSkipped(all []app.Skipped) []SkippedAppointment {
	shown := make([]SkippedAppointment, len(all))
	for i, one := range all {
		shown[i] = SkippedAppointment{
			StartsAt: rest.At(one.Start), Code: one.Reason.Code, Conflicts: showEach(one.Conflicts),
		}
	}
	return shown
}
