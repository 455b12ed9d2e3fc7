package rest

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
	"healthcare/platform/timezone"
)

// defaultSlots is the number of free times after which a response ends by default.
const defaultSlots = 50

// ListSlots responds with free times.
func (h *handlers) ListSlots(c *fiber.Ctx, params ListSlotsParams) error {
	asked, err := slotsQuery(params)
	if err != nil {
		return err
	}
	free, err := h.appointments.FreeTimes(c.UserContext(), rest.Principal(c), asked)
	if err != nil {
		return err
	}
	if free.Next != nil {
		query := url.Values{"from": {free.Next.From.String()}, "to": {free.Last.String()}, "after": nil}
		if after := free.Next.After; !after.IsZero() {
			query["after"] = []string{after.UTC().Format(time.RFC3339)}
		}
		for name, value := range c.Request().URI().QueryArgs().All() {
			if name := string(name); !slices.Contains([]string{"from", "to", "after"}, name) {
				query[name] = append(query[name], string(value))
			}
		}
		c.Set(fiber.HeaderLink, "<"+c.Path()+"?"+query.Encode()+`>; rel="next"`)
	}
	return c.JSON(showSlots(free))
}

func slotsQuery(params ListSlotsParams) (app.SlotsQuery, error) {
	query := app.SlotsQuery{Type: domain.TypeID{UUID: *rest.UUID(&params.Type)}, Limit: defaultSlots}
	checks := map[string]error{}
	if params.Limit != nil {
		query.Limit = *params.Limit
	}
	for _, id := range rest.Value(params.Doctor) {
		query.Doctors = append(query.Doctors, doctors.ID{UUID: *rest.UUID(&id)})
	}
	if patient := rest.UUID(params.Patient); patient != nil {
		query.Patient = &patients.ID{UUID: *patient}
	}
	query.From, checks["from"] = day(params.From)
	query.To, checks["to"] = day(params.To)
	if params.After != nil {
		var err error
		if query.After, err = time.Parse(time.RFC3339, *params.After); err != nil {
			checks["after"] = errAfter
		}
	}
	if params.Tz != nil {
		var err error
		if query.Zone, err = timezone.Load(*params.Tz); err != nil {
			checks["tz"] = errZone
		}
	}
	return query, errs.Fields(checks)
}

//nolint:staticcheck // shown to people
var errAfter = errors.New("Must be a time with its offset from UTC, such as 2099-12-01T09:30:00Z.")

var errZone = errors.New("Must be an IANA time zone, such as Asia/Kolkata.") //nolint:staticcheck // shown to people

// day reads an optional date.
func day(given *string) (*calendar.Date, error) {
	if given == nil {
		return nil, nil //nolint:nilnil // no date
	}
	date, err := calendar.ParseDate(*given)
	return &date, err
}

func showSlots(free app.Slots) Slots {
	shown := Slots{TimeZone: free.Zone.String(), Days: make([]SlotDay, len(free.Days))}
	for i, day := range free.Days {
		slots := make([]Slot, len(day.Slots))
		for n, slot := range day.Slots {
			slots[n] = Slot{
				Doctor: slot.Doctor.String(), StartsAt: rest.At(slot.Local), Local: slot.Local.Format(time.RFC3339),
				Free: slot.Free,
			}
		}
		shown.Days[i] = SlotDay{Date: day.Date.String(), Reason: rest.NullableText(day.Reason), Slots: slots}
	}
	return shown
}
