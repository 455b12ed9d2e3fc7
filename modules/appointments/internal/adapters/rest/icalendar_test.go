package rest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
)

var visit = domain.Appointment{
	ID:       appointments.ID{UUID: uuid.MustParse("0193525f-3c07-7b92-9d16-2f8a4e6b1c35")},
	StartsAt: time.Date(2026, time.November, 1, 1, 30, 0, 0, time.FixedZone("EDT", -4*60*60)),
	EndsAt:   time.Date(2026, time.November, 1, 2, 0, 0, 0, time.FixedZone("EDT", -4*60*60)),
	Status:   appointments.Booked, Sequence: 3, Reason: "secret reason", CancelReason: "other",
	UpdatedAt: time.Date(2026, time.October, 30, 8, 0, 0, 999_999_000, time.UTC),
}

func TestInvitation(t *testing.T) {
	t.Run("has the properties that RFC 5546 requires, in UTC", func(t *testing.T) {
		require.Equal(t, strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Healthcare backend//Appointments//EN
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VEVENT
UID:0193525f-3c07-7b92-9d16-2f8a4e6b1c35@healthcare.invalid
DTSTAMP:20261030T080000Z
LAST-MODIFIED:20261030T080000Z
DTSTART:20261101T053000Z
DTEND:20261101T060000Z
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:Appointment with Dr. Vikram Khanna
TRANSP:OPAQUE
ORGANIZER:invalid:nomail
ATTENDEE;PARTSTAT=ACCEPTED;RSVP=false:urn:uuid:0193525f-3c07-7b92-9d16-2f8a
 4e6b1c35
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"), string(invitation(visit, "Dr. Vikram Khanna")))
	})
	t.Run("has the method and the status of the appointment's status", func(t *testing.T) {
		want := map[appointments.Status][3]string{
			appointments.Held:           {"REQUEST", "TENTATIVE", "OPAQUE"},
			appointments.Pending:        {"REQUEST", "TENTATIVE", "OPAQUE"},
			appointments.Booked:         {"REQUEST", "CONFIRMED", "OPAQUE"},
			appointments.Arrived:        {"REQUEST", "CONFIRMED", "OPAQUE"},
			appointments.Fulfilled:      {"REQUEST", "CONFIRMED", "OPAQUE"},
			appointments.NoShow:         {"REQUEST", "CONFIRMED", "OPAQUE"},
			appointments.Cancelled:      {"CANCEL", "CANCELLED", "TRANSPARENT"},
			appointments.EnteredInError: {"CANCEL", "CANCELLED", "TRANSPARENT"},
			appointments.Expired:        {"CANCEL", "CANCELLED", "TRANSPARENT"},
		}
		require.Len(t, want, len(appointments.Statuses))
		for _, status := range appointments.Statuses {
			a := visit
			a.Status = status
			text := string(invitation(a, "D"))
			require.Contains(t, text, "\r\nMETHOD:"+want[status][0]+"\r\n", status)
			require.Contains(t, text, "\r\nSTATUS:"+want[status][1]+"\r\n", status)
			require.Contains(t, text, "\r\nTRANSP:"+want[status][2]+"\r\n", status)
		}
	})
	t.Run("has no reason", func(t *testing.T) {
		require.NotContains(t, string(invitation(visit, "D")), "reason")
		require.NotContains(t, string(invitation(visit, "D")), "other")
	})
}

func TestCalendarFeed(t *testing.T) {
	event := app.ShownEvent{FeedEvent: domain.FeedEvent{
		ID: visit.ID, StartsAt: visit.StartsAt, EndsAt: visit.EndsAt, Status: visit.Status, Sequence: visit.Sequence,
		UpdatedAt: visit.UpdatedAt,
	}}
	named := event
	named.Initials = "AV"
	require.Equal(t, strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Healthcare backend//Appointments//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
REFRESH-INTERVAL;VALUE=DURATION:PT15M
X-PUBLISHED-TTL:PT15M
BEGIN:VEVENT
UID:0193525f-3c07-7b92-9d16-2f8a4e6b1c35@healthcare.invalid
DTSTAMP:20261030T080000Z
LAST-MODIFIED:20261030T080000Z
DTSTART:20261101T053000Z
DTEND:20261101T060000Z
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:Busy
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
UID:0193525f-3c07-7b92-9d16-2f8a4e6b1c35@healthcare.invalid
DTSTAMP:20261030T080000Z
LAST-MODIFIED:20261030T080000Z
DTSTART:20261101T053000Z
DTEND:20261101T060000Z
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:AV
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"), string(calendarFeed([]app.ShownEvent{event, named})))
	t.Run("is a calendar without events, too", func(t *testing.T) {
		text := string(calendarFeed(nil))
		require.True(t, strings.HasPrefix(text, "BEGIN:VCALENDAR\r\n"))
		require.True(t, strings.HasSuffix(text, "X-PUBLISHED-TTL:PT15M\r\nEND:VCALENDAR\r\n"))
	})
}

// TestLines verifies RFC 5545, section 3.1, for every name: no line end is bare, no line is longer than 75 octets, and
// none ends within a character. Unfolded and unescaped, the text is the name.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.String(),
			rapid.StringOfN(rapid.SampledFrom([]rune("aé漢😀,;:\\\"'\r\n\t <>=")), 0, 200, -1),
		).Draw(t, "name")
		text := string(invitation(visit, name))
		lines := strings.Split(text, "\r\n")
		require.Empty(t, lines[len(lines)-1])
		for _, line := range lines {
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\n")
			require.LessOrEqual(t, len(line), 75, line)
			require.True(t, utf8.ValidString(line), "%q", line)
		}
		var summary []string
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n ", ""), "\r\n") {
			if value, found := strings.CutPrefix(line, "SUMMARY:"); found {
				summary = append(summary, ics.FromText(value))
			}
		}
		require.Equal(t, []string{"Appointment with " + printable(name)}, summary)
	})
}
