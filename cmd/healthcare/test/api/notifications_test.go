package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

const (
	deliveries     = "/api/deliveries/"
	myPreferences  = "/api/notification-preferences/"
	appOfTheClinic = "https://clinic.example"
	bookedKind     = "appointment.booked"
)

func withPublicURL(cfg *config.Config) {
	cfg.PublicURL, cfg.PracticeName = appOfTheClinic, "Example Clinic"
}

// mailsTo returns the messages to an address.
func mailsTo(t *testing.T, s *harness.Service, address string) (all []string) {
	for _, message := range s.Mails(t) {
		if strings.Contains(message, "To: <"+address+">") {
			all = append(all, message)
		}
	}
	return all
}

func TestMessagesAboutAnAppointment(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		staff := s.NewUser(t, "Meera")
		doctor := w.doctor(staff)
		const address, name, reason = "ben.canary@example.org", "Benedikt Canary", "Canary of the heart"
		patient := staff.AddPatient(object{"name": name, "email": address})
		booking := w.booking(patient, doctor, w.of, w.start().AddDate(0, 0, 9))
		booking["reason"] = reason
		id := staff.Do("POST", booked, booking).Expect(201).ID()
		sent := mailsTo(t, s, address)
		require.Len(t, sent, 1)
		t.Run("name nothing of the visit", func(t *testing.T) {
			require.Contains(t, sent[0], "Subject: A message from Example Clinic")
			require.Contains(t, sent[0], "You have an appointment.")
			require.Contains(t, sent[0], appOfTheClinic)
			for _, secret := range []string{name, "Canary", reason, "Consultation", id, patient, doctor, "202"} {
				header, body, _ := strings.Cut(sent[0], "\n\n")
				require.NotContains(t, body, secret)
				if secret != "202" { // the date of the message
					require.NotContains(t, strings.ReplaceAll(header, address, ""), secret)
				}
			}
		})
		t.Run("and neither the address nor a text is in the log or in the outbox", func(t *testing.T) {
			require.NotContains(t, s.Log.String(), address)
			require.NotContains(t, s.Log.String(), name)
			for _, row := range s.StoredRows(t)["deliveries"] {
				for column, value := range row {
					require.NotContains(t, value, "@", column)
					require.NotContains(t, value, "Canary", column)
				}
			}
		})
		t.Run("an administrator sees that it was sent, and a reminder that waits", func(t *testing.T) {
			admin := w.admin.ForTest(t)
			list := admin.Do("GET", deliveries+"?kind="+bookedKind, nil).Expect(200)
			one := list.List()[0]
			require.Equal(t, "sent", one["state"])
			require.Equal(t, patient, one["recipient"])
			require.Equal(t, id, one["subject"])
			require.NotContains(t, string(list.Body), address)
			waiting := admin.Do("GET", deliveries+"?kind=appointment.reminder&state=pending", nil).Expect(200).List()
			require.Len(t, waiting, 1)
			at := deliveries + waiting[0]["id"].(string) + "/"
			admin.Do("POST", at+"resend/", nil).ExpectProblem(409, "not_resendable")
			require.Equal(t, "cancelled", admin.Do("POST", at+"cancel/", nil).Expect(200).Object()["state"])
			admin.Do("POST", at+"cancel/", nil).ExpectProblem(409, "not_pending")
			again := admin.Do("POST", deliveries+one["id"].(string)+"/resend/", nil).Expect(200).Object()
			require.Equal(t, "pending", again["state"])
			require.Len(t, mailsTo(t, s, address), 1, "the same message replaces its file")
			staff.ForTest(t).Do("GET", deliveries, nil).ExpectProblem(403, "forbidden")
		})
		t.Run("a move and a cancellation are announced", func(t *testing.T) {
			staff := staff.ForTest(t)
			move := object{"starts_at": w.start().AddDate(0, 0, 19).Format("2006-01-02T15:04:05Z07:00")}
			staff.Do("POST", appointmentAt(id)+"reschedule/", move).Expect(200)
			require.Len(t, mailsTo(t, s, address), 2)
			staff.Do("POST", appointmentAt(id)+"cancel/", object{"cancel_reason": "practice"}).Expect(200)
			require.Len(t, mailsTo(t, s, address), 3)
			waiting := w.admin.ForTest(t).Do("GET", deliveries+"?state=pending", nil).Expect(200).List()
			require.Empty(t, waiting, "the reminder is withdrawn")
		})
		t.Run("the link of a message ends its kind, by POST only", func(t *testing.T) {
			links := regexp.MustCompile(`List-Unsubscribe:\s+<([^>]*)>`)
			found := links.FindStringSubmatch(sent[0])
			require.NotNil(t, found, sent[0])
			path := strings.TrimPrefix(found[1], appOfTheClinic)
			anonymous := s.Anonymous(t)
			page := anonymous.Do("GET", path, nil).Expect(200)
			require.Contains(t, page.Header.Get("Content-Type"), "text/html")
			require.Contains(t, string(page.Body), `<html lang="en">`)
			require.Contains(t, string(page.Body), "<button")
			book := func() int {
				staff.ForTest(t).Do("POST", booked, w.booking(patient, doctor, w.of, w.start())).Expect(201)
				return len(mailsTo(t, s, address))
			}
			before := book()
			response, err := http.PostForm(s.URL+path, url.Values{"List-Unsubscribe": {"One-Click"}})
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, 200, response.StatusCode)
			require.Equal(t, before, book(), "no more messages of the kind")
			anonymous.Do("POST", path, nil).Expect(200)
			require.NotContains(t, string(anonymous.Do("GET", path, nil).Expect(200).Body), "<button")
			anonymous.Do("POST", path+"A", nil).ExpectProblem(404, "not_found")
			anonymous.Do("GET", "/unsubscribe/nonsense", nil).ExpectProblem(404, "not_found")
		})
	}, withPublicURL)
}

func TestNotificationPreferences(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		user := s.NewUser(t, "Meera")
		first := user.Do("GET", myPreferences, nil).Expect(200)
		require.Equal(t, `"v0"`, first.Header.Get("ETag"))
		unchanged := object{"language": "", "time_zone": "", "quiet_hours": "", "declined": []any{}}
		require.Equal(t, unchanged, first.Object())
		changes := object{"language": "de", "quiet_hours": "22:00-07:00", "declined": []string{bookedKind}}
		second := user.Do("PATCH", myPreferences, changes, "If-Match", `"v0"`).Expect(200)
		require.Equal(t, `"v1"`, second.Header.Get("ETag"))
		require.Equal(t, object{"language": "de", "time_zone": "", "quiet_hours": "22:00-07:00",
			"declined": []any{bookedKind}}, second.Object())
		again := user.Do("PATCH", myPreferences, changes).Expect(200)
		require.Equal(t, `"v1"`, again.Header.Get("ETag"), "nothing differs")
		user.Do("PATCH", myPreferences, object{"language": ""}, "If-Match", `"v0"`).ExpectProblem(412, "stale_version")
		wrong := object{
			"language": "tlh", "time_zone": "Europe/Atlantis", "quiet_hours": "21-8",
			"declined": []string{"account.password-changed"},
		}
		for field, value := range wrong {
			rejected := user.Do("PATCH", myPreferences, object{field: value})
			rejected.ExpectProblem(400, "validation_failed")
			require.Contains(t, string(rejected.Body), field)
		}
		known := object{}
		user.AddDeliveries(known)
		page := s.Anonymous(t).Do("GET", "/unsubscribe/"+known["unsubscribe_link"].(string), nil).Expect(200)
		require.Contains(t, string(page.Body), `<html lang="de">`)
		require.Contains(t, string(page.Body), "Sie erhalten keine solchen Nachrichten mehr.")
		other := s.NewUserWithRole(t, auth.Admin, "Ravi")
		require.Equal(t, unchanged, other.Do("GET", myPreferences, nil).Expect(200).Object())
	})
}
