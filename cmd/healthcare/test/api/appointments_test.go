package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

const booked = "/api/appointments/"

func appointmentAt(id string) string { return booked + id + "/" }

// calendar has the appointment types, and books appointments at times that no other has.
type calendar struct {
	s            *harness.Service
	admin        *harness.Client
	of, confirms string // appointment types: of 30 minutes, and one that the practice confirms
	turn         int
}

func newCalendar(t *testing.T, s *harness.Service) *calendar {
	w := &calendar{s: s, admin: s.NewUserWithRole(t, auth.Admin, "Calendar")}
	add := func(name string, confirms bool) string {
		details := object{"name": name, "minutes": 30, "for_patients": true, "needs_confirmation": confirms}
		return w.admin.Do("POST", "/api/appointment-types/", details).Expect(201).ID()
	}
	w.of, w.confirms = add("Consultation", false), add("Operation", true)
	return w
}

// open opens the calendar of the doctor day and night.
func (w *calendar) open(c *harness.Client, doctor string) string {
	var windows []object
	for day := time.Sunday; day <= time.Saturday; day++ {
		windows = append(windows, object{"weekday": strings.ToLower(day.String()), "from": "00:00", "to": "24:00"})
	}
	hours := object{"time_zone": "UTC", "horizon_days": 730, "windows": windows}
	c.Do("PUT", doctorAt(doctor)+"availability/", hours, "If-Match", "*").Expect(200)
	return doctor
}

// doctor adds a doctor whose calendar is open.
func (w *calendar) doctor(c *harness.Client) string { return w.open(c, c.AddDoctor()) }

// linked adds a doctor whose calendar is open, and the user who acts for the doctor.
func (w *calendar) linked(t *testing.T, name string) (doctor string, user *harness.Client) {
	doctor, user = w.doctor(w.admin.ForTest(t)), w.s.NewUser(t, name)
	user.Do("POST", doctorClaims, object{"code": w.admin.ForTest(t).InviteDoctor(doctor)["code"]}).Expect(201)
	return doctor, user
}

// start returns a time that no appointment has.
func (w *calendar) start() time.Time {
	w.turn++
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 2).Add(time.Duration(w.turn) * time.Hour)
}

func (w *calendar) booking(patient, doctor, of string, start time.Time) object {
	return object{"patient": patient, "doctor": doctor, "type": of, "starts_at": start.Format(time.RFC3339)}
}

// appointmentTable has the response to each request about an appointment of one patient, by the relation of the user to
// the patient. A list that contains it is "+", one without is "-", both with 200. The appointment is with the doctor of
// "cal", unless the user acts for a doctor whose calendar is named. The users of the relations:
//
//	keep  owns the patient
//	depw  stands in for the owner, with the level write; depr: with read
//	mate  is a member of the patient's practice, with the level read; aide: with write; boss: with keep
//	shar  is a colleague with whom the patient is shared, with the level read
//	edit  acts for a doctor assigned with write; read: with read; nil: with none
//	care  is the doctor of the appointment, and assigned with read
//	cal   is the doctor of the appointment, without an assignment
//	hidc  is the doctor of the appointment, from whom the patient is hidden
//	hid   acts for a doctor assigned with write, and the patient is hidden from the user
//	self  the patient, with the role patient; kin: a delegate, as staff
//	else  has own patients only
//	emer  acts for a doctor, and has opened an emergency access
//	priv  reviews emergency accesses
const appointmentTable = `
                 keep depw depr mate aide boss shar edit read nil care cal hidc hid self kin else emer priv
list             +    +    +    -    -    -    -    -    -    -   +    +   +    -   +    +   -    -    403
list of patient  +    +    +    +    +    +    +    +    +    -   +    -   -    -   +    +   -    +    403
read             200  200  200  200  200  200  200  200  200  404 200  200 200  404 200  200 404  200  403
amend            200  200  403  403  200  200  403  200  403  404 200  200 200  404 200  200 404  403  403
confirm          200  200  403  403  200  200  403  200  403  404 200  200 200  404 403  403 404  403  403
reschedule       200  200  403  403  200  200  403  200  403  404 200  200 200  404 200  200 404  403  403
to another       200  200  403  403  200  200  403  200  403  404 403  403 403  404 200  200 404  403  403
overbook         200  200  403  403  200  200  403  200  403  404 200  200 200  404 403  403 404  403  403
cancel           200  200  403  403  200  200  403  200  403  404 200  200 200  404 200  200 404  403  403
arrive           200  200  403  403  200  200  403  200  403  404 200  200 200  404 403  403 404  403  403
complete         200  200  403  403  200  200  403  200  403  404 200  200 200  404 403  403 404  403  403
void             200  200  403  403  200  200  403  200  403  404 403  403 403  404 403  403 404  403  403
book             201  201  403  403  201  201  403  201  403  404 201  404 404  404 201  201 404  403  403
book overbooked  201  201  403  403  201  201  403  201  403  404 201  404 404  404 403  403 404  403  403
book another     201  201  403  403  201  201  403  201  403  404 403  404 404  404 201  201 404  403  403
series           201  201  403  403  201  201  403  201  403  404 201  404 404  404 201  201 404  403  403
conflicts        200  200  403  403  200  200  403  200  403  404 200  404 404  404 200  200 404  403  403
slots            200  200  200  200  200  200  200  200  200  404 200  404 404  404 200  200 404  200  403
`

// calendarWorld is one patient, with a user of each relation.
type calendarWorld struct {
	*calendar
	patient, doctor, other string
	users                  map[string]*harness.Client
	doctors                map[string]string // the doctor of the appointment, by relation
}

func newCalendarWorld(t *testing.T, s *harness.Service) *calendarWorld {
	w := &calendarWorld{
		calendar: newCalendar(t, s), users: map[string]*harness.Client{}, doctors: map[string]string{},
	}
	user := func(relation string) *harness.Client {
		w.users[relation] = s.NewUser(t, "Cal"+relation)
		return w.users[relation]
	}
	keep, boss := user("keep"), user("boss")
	practice := boss.AddPractice()
	join := func(c *harness.Client, level string) {
		code := boss.InviteMember(practice, level)["code"]
		c.Do("POST", "/api/practices/claims/", object{"code": code}).Expect(201)
	}
	join(keep, "write")
	w.patient = keep.AddPatient(object{"practice": practice})
	at := patientAt(w.patient)
	join(user("mate"), "read")
	join(user("aide"), "write")
	for relation, level := range map[string]string{"depw": "write", "depr": "read"} {
		claim := object{"code": keep.InviteDeputy(level)["code"]}
		user(relation).Do("POST", "/api/auth/deputies/claims/", claim).Expect(201)
	}
	for relation, as := range map[string]string{"shar": "colleague", "self": "self", "kin": "delegate"} {
		code := keep.Do("POST", at+"invitations/", object{"as": as}).Expect(201).Object()["code"]
		user(relation).Do("POST", claims, object{"code": code, "birth_date": "1900-01-01"}).Expect(201)
	}
	for relation, access := range map[string]string{
		"edit": "write", "read": "read", "nil": "none", "care": "read", "hid": "write", "cal": "", "hidc": "",
		"emer": "",
	} {
		doctor, c := w.linked(t, "Cal"+relation)
		w.users[relation] = c
		if access != "" {
			assigned := object{"patient": w.patient, "doctor": doctor, "access": access}
			keep.Do("POST", "/api/mappings/", assigned).Expect(201)
		}
		switch relation {
		case "care", "cal", "hidc":
			w.doctors[relation] = doctor
		case "hid":
			keep.Do("POST", at+"restrictions/", object{"user": c.UserID()}).Expect(201)
		}
	}
	keep.Do("POST", at+"restrictions/", object{"doctor": w.doctors["hidc"]}).Expect(201)
	user("else").AddPatient()
	w.users["priv"] = s.NewUserWithRole(t, patients.PrivacyRole, "Calpriv")
	w.users["emer"].OpenEmergency(w.patient).Expect(201)
	w.doctor, w.other = w.doctors["cal"], w.calendar.doctor(w.admin)
	return w
}

// appointment books an appointment for the relation, in a status in which the request is possible, and returns its id.
func (w *calendarWorld) appointment(t *testing.T, relation, name string) string {
	by, of := w.users["keep"], w.of
	if name == "confirm" {
		by, of = w.users["self"], w.confirms
	}
	in := w.booking(w.patient, w.doctorOf(relation), of, w.start())
	id := by.ForTest(t).Do("POST", booked, in).Expect(201).ID()
	if name == "complete" {
		w.users["keep"].ForTest(t).Do("POST", appointmentAt(id)+"arrive/", nil).Expect(200)
	}
	return id
}

func (w *calendarWorld) doctorOf(relation string) string {
	if doctor := w.doctors[relation]; doctor != "" {
		return doctor
	}
	return w.doctor
}

// send sends a request of the table, about the appointment, or about the patient.
func (w *calendarWorld) send(t *testing.T, relation, name, id, patient string, start time.Time) harness.Response {
	c, doctor := w.users[relation].ForTest(t), w.doctorOf(relation)
	booking, at := w.booking(patient, doctor, w.of, start), appointmentAt(id)
	move := object{"starts_at": start.Format(time.RFC3339)}
	switch name {
	case "list":
		return c.Do("GET", booked+"?limit=500", nil, "Prefer", "count=exact")
	case "list of patient":
		return c.Do("GET", booked+"?limit=500&patient="+patient, nil, "Prefer", "count=exact")
	case "read":
		return c.Do("GET", at, nil)
	case "amend":
		return c.Do("PATCH", at, object{"reason": "Cough"})
	case "reschedule":
		return c.Do("POST", at+"reschedule/", move)
	case "to another":
		move["doctor"] = w.other
		return c.Do("POST", at+"reschedule/", move)
	case "overbook":
		move["overbook_reason"] = "Urgent."
		return c.Do("POST", at+"reschedule/", move)
	case "cancel":
		return c.Do("POST", at+"cancel/", object{})
	case "confirm", "arrive", "complete", "void":
		return c.Do("POST", at+name+"/", nil)
	case "book another":
		booking["doctor"] = w.other
	case "book overbooked":
		booking["overbook_reason"] = "Urgent."
	case "series":
		booking["frequency"], booking["count"] = "daily", 2
		return c.Do("POST", "/api/appointment-series/", booking)
	case "conflicts":
		return c.Do("POST", booked+"conflicts/", booking)
	case "slots":
		return c.Do("GET", "/api/slots/?type="+w.of+"&doctor="+doctor+"&patient="+patient+"&limit=1", nil)
	}
	return c.Do("POST", booked, booking)
}

// A doctor from whom the patient of an appointment is hidden reads nothing that identifies the patient: neither the ids
// nor the user who booked.
func TestHiddenPatientOfAnAppointment(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendarWorld(t, s)
		self, doctor := w.users["self"], w.users["hidc"]
		id := self.Do("POST", booked, w.booking(w.patient, w.doctors["hidc"], w.of, w.start())).Expect(201).ID()
		read := doctor.Do("GET", appointmentAt(id), nil).Expect(200)
		for _, member := range []string{"patient", "patient_name", "created_by"} {
			require.Contains(t, read.Object(), member)
			require.Nil(t, read.Object()[member], member)
		}
		for _, secret := range []string{w.patient, self.UserID()} {
			require.NotContains(t, string(read.Body), secret)
			list := doctor.Do("GET", booked+"?limit=500", nil).Expect(200)
			require.Contains(t, string(list.Body), id)
			require.NotContains(t, string(list.Body), secret)
		}
	})
}

// withoutTime returns all of a response that may not differ between a foreign and a missing record.
func withoutTime(a harness.Response) string {
	body := a.WithoutRequestID()
	a.Header.Del("Date")
	return fmt.Sprint(a.Status, a.Header, body)
}

// TestAppointmentsByRelation sends each request by each user, and compares the responses about appointments and
// patients whom the user does not see with those about missing ones.
func TestAppointmentsByRelation(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendarWorld(t, s)
		lines := strings.Split(strings.TrimSpace(appointmentTable), "\n")
		relations := strings.Fields(lines[0])
		require.Len(t, relations, len(w.users))
		for _, line := range lines[1:] {
			name := strings.TrimSpace(line[:17])
			expected := strings.Fields(line[17:])
			require.Len(t, expected, len(relations), name)
			for i, relation := range relations {
				t.Run(name+" by "+relation, func(t *testing.T) {
					w.requireResponse(t, relation, name, expected[i])
				})
			}
		}
	}, func(cfg *config.Config) { cfg.MaxAppointmentsPerPatient = 0 })
}

func (w *calendarWorld) requireResponse(t *testing.T, relation, name, want string) {
	t.Helper()
	keep := w.users["keep"].ForTest(t)
	id := w.appointment(t, relation, name)
	before := keep.Do("GET", appointmentAt(id), nil).Expect(200).Object()
	start := w.start()
	if name == "series" {
		w.turn += 24
	}
	got := w.send(t, relation, name, id, w.patient, start)
	switch want {
	case "+", "-":
		isIt := func(item map[string]any) bool { return item["id"] == id }
		contains := slices.ContainsFunc(got.Expect(200).List(), isIt)
		require.Equal(t, want == "+", contains)
		require.Equal(t, fmt.Sprint(len(got.List())), got.Header.Get("X-Total-Count"))
		return
	}
	require.Equal(t, want, fmt.Sprint(got.Status), "%s", got.Body)
	switch got.Status {
	case http.StatusNotFound:
		missing := w.send(t, relation, name, harness.MissingID, harness.MissingID, start)
		require.Equal(t, withoutTime(missing), withoutTime(got))
		fallthrough
	case http.StatusForbidden:
		require.Equal(t, before, keep.Do("GET", appointmentAt(id), nil).Expect(200).Object(), "nothing is changed")
		all := keep.Do("GET", booked+"?patient="+w.patient+"&from="+start.Format(time.RFC3339), nil).Expect(200).List()
		require.Empty(t, all, "and nothing is booked")
	case http.StatusOK:
		if shown := got.Object(); name != "conflicts" && name != "slots" {
			require.Equal(t, relation == "hidc", shown["patient"] == nil)
			require.Equal(t, relation == "hidc", shown["patient_name"] == nil)
		}
	}
}
