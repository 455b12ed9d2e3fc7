package security

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// calendarWorld has a doctor with an account, and an administrator.
type calendarWorld struct {
	observedService
	admin, user *harness.Client
	doctor      string
	feeds       string // the path of the doctor's feeds
}

func newCalendarWorld(t *testing.T, db database.Config) calendarWorld {
	w := calendarWorld{observedService: startObserved(t, db)}
	w.admin, w.user = w.NewUserWithRole(t, auth.Admin, "Admin"), w.NewUser(t, "Vikram")
	w.doctor = w.admin.AddDoctor()
	w.feeds = "/api/doctors/" + w.doctor + "/calendar-feeds/"
	code := w.admin.InviteDoctor(w.doctor)["code"]
	w.user.Do("POST", "/api/doctors/claims/", object{"code": code}).Expect(201)
	return w
}

// add creates a feed and returns it.
func (w calendarWorld) add(t *testing.T, by *harness.Client, detail string) object {
	t.Helper()
	return by.ForTest(t).Do("POST", w.feeds, object{"detail": detail}).Expect(201).Object()
}

func (w calendarWorld) read(t *testing.T, feed object, headers ...string) harness.Response {
	t.Helper()
	return w.Anonymous(t).Do("GET", feed["url"].(string), nil, headers...)
}

// book stores an appointment of the patient with the doctor, some hours ahead.
func (w calendarWorld) book(t *testing.T, owner, patient string, hours int) (id string) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Hour).Add(time.Duration(hours) * time.Hour)
	of, id := uuid.NewString(), uuid.NewString()
	require.NoError(t, w.DB.Write(t.Context()).Exec(`INSERT INTO appointment_types (id, name, minutes, buffer_before,
		buffer_after, capacity, needs_confirmation, for_patients, active, version, created_at, updated_at)
		VALUES (?, ?, 60, 0, 0, 1, ?, ?, ?, 1, ?, ?)`,
		of, of, false, false, true, database.At(at), database.At(at)).Error)
	require.NoError(t, w.DB.Write(t.Context()).Exec(`INSERT INTO appointments (id, owner_id, patient_id, doctor_id,
		doctor_name, type_id, session_id, seat, starts_at, ends_at, blocks_from, blocks_to, local_start, time_zone,
		status, overbooked, overbook_reason, reason, cancel_reason, sequence, version, created_by, created_at,
		updated_at)
		VALUES (?, ?, ?, ?, '', ?, ?, 0, ?, ?, ?, ?, '', 'UTC', 'booked', ?, '', 'zyxreason', '', 0, 1, ?, ?, ?)`,
		id, owner, patient, w.doctor, of, id, database.At(at), database.At(at.Add(time.Hour)), database.At(at),
		database.At(at.Add(time.Hour)), false, owner, database.At(at), database.At(at)).Error)
	return id
}

func TestCalendarFeeds(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		w := newCalendarWorld(t, db)
		t.Run("are read without signing in, and may be reused by that client only", func(t *testing.T) {
			feed := w.add(t, w.user, "busy")
			a := w.read(t, feed).Expect(200)
			require.Equal(t, "text/calendar; charset=utf-8", a.Header.Get("Content-Type"))
			require.Equal(t, "private, max-age=300", a.Header.Get("Cache-Control"))
			require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"))
			require.Regexp(t, `^"[0-9a-f]{32}"$`, a.Header.Get("ETag"))
			require.True(t, strings.HasPrefix(string(a.Body), "BEGIN:VCALENDAR\r\n"))
			again := w.read(t, feed, "If-None-Match", a.Header.Get("ETag")).Expect(304)
			require.Equal(t, a.Header.Get("ETag"), again.Header.Get("ETag"))
			require.Equal(t, "private, max-age=300", again.Header.Get("Cache-Control"))
			require.Empty(t, again.Body)
			w.read(t, feed, "If-None-Match", `"another"`).Expect(200)
			head := w.Anonymous(t).Do("HEAD", feed["url"].(string), nil).Expect(200)
			require.Equal(t, a.Header.Get("ETag"), head.Header.Get("ETag"))
			require.Empty(t, head.Body)
		})
		t.Run("have one response for every address that is not valid", func(t *testing.T) {
			feed := w.add(t, w.user, "busy")
			url := feed["url"].(string)
			w.read(t, feed).Expect(200)
			w.user.ForTest(t).Do("DELETE", w.feeds+feed["id"].(string)+"/", nil).Expect(204)
			missing := w.read(t, feed)
			require.Equal(t, "/calendar/", missing.ExpectProblem(404, "not_found").Instance)
			require.Equal(t, "no-store", missing.Header.Get("Cache-Control"))
			text := missing.WithoutRequestID()
			for _, wrong := range []string{
				"/calendar/x.ics", "/calendar/" + strings.Repeat("A", 43) + ".ics", strings.TrimSuffix(url, ".ics"),
				url + "x", "/calendar/" + strings.Repeat("%0A", 43) + ".ics", "/calendar/.ics",
			} {
				require.Equal(t, text, w.Anonymous(t).Do("GET", wrong, nil).Expect(404).WithoutRequestID(), wrong)
			}
		})
		t.Run("are shown once, and stored as a hash", func(t *testing.T) {
			feed := w.add(t, w.user, "busy")
			secret := strings.TrimSuffix(strings.TrimPrefix(feed["url"].(string), "/calendar/"), ".ics")
			require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, secret)
			w.read(t, feed).Expect(200)
			w.Anonymous(t).Do("HEAD", feed["url"].(string), nil).Expect(200)
			w.Anonymous(t).Do("GET", strings.TrimSuffix(feed["url"].(string), ".ics"), nil).Expect(404)
			require.NotContains(t, string(w.user.ForTest(t).Do("GET", w.feeds, nil).Expect(200).Body), secret)
			for table, rows := range w.StoredRows(t) {
				require.NotContains(t, fmt.Sprint(rows), secret, table)
			}
			require.NotContains(t, w.Log.String(), secret)
			require.Contains(t, w.Log.String(), `"route":"/calendar/{file}"`)
			metrics := string(w.Anonymous(t).Do("GET", "/metrics", nil).Expect(200).Body)
			require.NotContains(t, metrics, secret)
			require.Contains(t, metrics, `route="/calendar/{file}"`)
			named := false
			for _, span := range w.spans.Ended() {
				text := fmt.Sprint(span.Name(), span.Attributes(), span.Status(), span.Events())
				require.NotContains(t, text, secret)
				named = named || strings.Contains(text, "GET /calendar/{file}")
			}
			require.True(t, named)
		})
		t.Run("show no data of patients, or the initials of those whom the doctor may see", func(t *testing.T) {
			owner := w.NewUser(t, "Owner")
			seen := owner.AddPatient(object{"name": "Ananya Verma"})
			foreign := owner.AddPatient(object{"name": "Kabir Singh"})
			owner.Assign(seen, w.doctor).Expect(201)
			for i, patient := range []string{seen, foreign} {
				w.book(t, owner.UserID(), patient, i+1)
			}
			for _, made := range w.admin.ForTest(t).Do("GET", w.feeds, nil).Expect(200).List() {
				w.admin.ForTest(t).Do("DELETE", w.feeds+made["id"].(string)+"/", nil).Expect(204)
			}
			summaries := func(a harness.Response) (all []string) {
				for line := range strings.SplitSeq(string(a.Body), "\r\n") {
					if summary, found := strings.CutPrefix(line, "SUMMARY:"); found {
						all = append(all, summary)
					}
				}
				for _, private := range []string{"Ananya", "Kabir", "zyxreason", seen, foreign} {
					require.NotContains(t, string(a.Body), private)
				}
				return all
			}
			refused := w.user.ForTest(t).Do("POST", w.feeds, object{"detail": "initials"})
			refused.ExpectProblem(403, "initials_not_allowed")
			busy, initials := w.add(t, w.user, "busy"), w.add(t, w.admin, "initials")
			require.Equal(t, []string{"Busy", "Busy"}, summaries(w.read(t, busy).Expect(200)))
			first := w.read(t, initials).Expect(200)
			require.ElementsMatch(t, []string{"AV", "Busy"}, summaries(first))
			var recorded []string
			for _, e := range w.AuditEntries(t, first.Header.Get("X-Request-Id")) {
				recorded = append(recorded,
					fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["actor"], " ", e["ids"]))
			}
			require.Equal(t, []string{"read CalendarFeed <nil> ", "list Patient <nil> " + seen}, recorded)
			restrictions := "/api/patients/" + seen + "/restrictions/"
			owner.Do("POST", restrictions, object{"doctor": w.doctor}).Expect(201)
			none := []string{"Busy", "Busy"}
			require.Equal(t, none, summaries(w.read(t, initials).Expect(200)), "hidden from the doctor")
			owner.Do("DELETE", restrictions+w.doctor+"/", nil).Expect(204)
			owner.Do("POST", restrictions, object{"user": w.user.UserID()}).Expect(201)
			require.Equal(t, none, summaries(w.read(t, initials).Expect(200)), "hidden from the user")
			owner.Do("DELETE", restrictions+w.user.UserID()+"/", nil).Expect(204)
			require.ElementsMatch(t, []string{"AV", "Busy"}, summaries(w.read(t, initials).Expect(200)))
		})
		t.Run("have a sibling for one appointment, for those who see it", func(t *testing.T) {
			owner := w.NewUser(t, "Inviter")
			id := w.book(t, owner.UserID(), owner.AddPatient(object{"name": "Zyxcanary"}), 100)
			path := "/api/appointments/" + id + "/invitation.ics"
			for _, c := range []*harness.Client{owner, w.user} { // the keeper of the patient and the doctor
				a := c.ForTest(t).Do("GET", path, nil).Expect(200)
				require.Equal(t, "text/calendar; charset=utf-8", a.Header.Get("Content-Type"))
				require.Contains(t, string(a.Body), "\r\nMETHOD:REQUEST\r\n")
				require.Contains(t, string(a.Body), "\r\nUID:"+id+"@healthcare.invalid\r\n")
				require.Contains(t, string(a.Body), "\r\nSUMMARY:Appointment with ")
				require.NotContains(t, strings.ToLower(string(a.Body)), "zyx")
			}
			w.NewUser(t, "Stranger").Do("GET", path, nil).ExpectProblem(404, "not_found")
			w.Anonymous(t).Do("GET", path, nil).Expect(401)
		})
		t.Run("end with the link, and pause with the account", func(t *testing.T) {
			for _, made := range w.admin.ForTest(t).Do("GET", w.feeds, nil).Expect(200).List() {
				w.admin.ForTest(t).Do("DELETE", w.feeds+made["id"].(string)+"/", nil).Expect(204)
			}
			own, administered := w.add(t, w.user, "busy"), w.add(t, w.admin, "busy")
			account := "/api/users/" + w.user.UserID() + "/"
			w.admin.ForTest(t).Do("PATCH", account, object{"active": false}).Expect(200)
			w.read(t, own).Expect(404)
			w.read(t, administered).Expect(200)
			w.admin.ForTest(t).Do("PATCH", account, object{"active": true}).Expect(200)
			w.read(t, own).Expect(200)
			w.admin.ForTest(t).Do("DELETE", "/api/doctors/"+w.doctor+"/link/", nil).Expect(204)
			w.read(t, own).Expect(404)
			w.read(t, administered).Expect(404)
			require.Empty(t, w.admin.ForTest(t).Do("GET", w.feeds, nil).Expect(200).List())
		})
	})
}
