package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/platform/rest"
)

// feedSuffix is the end of the address of a feed. Calendar programs recognise it.
const feedSuffix = ".ics"

// ListCalendarFeeds responds with the feeds of a doctor.
func (h *handlers) ListCalendarFeeds(c *fiber.Ctx, id string) error {
	doctor, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	feeds, err := h.feeds.List(c.UserContext(), rest.Principal(c), doctor)
	if err != nil {
		return err
	}
	shown := make([]CalendarFeed, len(feeds))
	for i, feed := range feeds {
		shown[i] = showFeed(feed)
	}
	return c.JSON(shown)
}

// AddCalendarFeed creates a feed and responds with its address.
func (h *handlers) AddCalendarFeed(c *fiber.Ctx, id string) error {
	doctor, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	detail, err := rest.Body(c, func(in CalendarFeedInput) string { return rest.OrEmpty(in.Detail) })
	if err != nil {
		return err
	}
	feed, secret, err := h.feeds.Add(c.UserContext(), rest.Principal(c), doctor, detail)
	if err != nil {
		return err
	}
	shown := showFeed(feed)
	return c.Status(fiber.StatusCreated).JSON(NewCalendarFeed{
		Id: shown.Id, Detail: shown.Detail, CreatedAt: shown.CreatedAt, LastUsedOn: shown.LastUsedOn,
		Url: "/calendar/" + secret.Text() + feedSuffix,
	})
}

// RemoveCalendarFeed deletes a feed.
func (h *handlers) RemoveCalendarFeed(c *fiber.Ctx, id, feed string) error {
	doctor, err := doctors.ParseID(id)
	if err != nil {
		return err
	}
	feedID, err := domain.ParseFeedID(feed)
	if err != nil {
		return err
	}
	if err := h.feeds.Remove(c.UserContext(), rest.Principal(c), doctor, feedID); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// ReadCalendar responds with a feed to whoever knows its address, or with 304. It is the only response of a module that
// a client may reuse: programs that ignore the refresh interval then ask less often.
func (h *handlers) ReadCalendar(c *fiber.Ctx, file string) error {
	secret, ok := strings.CutSuffix(file, feedSuffix)
	if !ok {
		return appointments.ErrFeedNotFound
	}
	events, err := h.feeds.Read(c.UserContext(), secret)
	if err != nil {
		return err
	}
	body := calendarFeed(events)
	digest := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(digest[:16]) + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "private, max-age=300")
	if rest.HasVersion(c, tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, textCalendar)
	return c.Send(body)
}

// ReadInvitation responds with one appointment as a file for calendar programs.
func (h *handlers) ReadInvitation(c *fiber.Ctx, id string) error {
	appointment, err := appointments.ParseID(id)
	if err != nil {
		return err
	}
	found, err := h.appointments.Find(c.UserContext(), rest.Principal(c), appointment)
	if err != nil {
		return err
	}
	doctor := found.DoctorName // of a removed doctor
	if found.Doctor != nil {
		doctor = found.Doctor.Name
	}
	c.Set(fiber.HeaderContentType, textCalendar)
	return c.Send(invitation(found.Appointment, doctor))
}

func showFeed(f domain.Feed) CalendarFeed {
	shown := CalendarFeed{Id: f.ID.String(), Detail: string(f.Detail), CreatedAt: rest.At(f.CreatedAt)}
	if f.LastUsedOn != nil {
		shown.LastUsedOn = rest.NullableText(f.LastUsedOn.String())
	}
	return shown
}
