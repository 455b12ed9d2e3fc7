package security

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// relationTable has the response to each request about one patient, by the relation of the user to the patient. A list
// that contains the patient is "+", one without is "-", both with 200. The users of the relations:
//
//	keep      owns the patient, after a transfer from "past"
//	edit      acts for a doctor who is assigned with write, and has own patients
//	read      acts for a doctor who is assigned with read
//	self      the patient, with the role patient
//	kin       acts for the patient, as staff with own patients
//	nil       acts for a doctor who is assigned with none
//	left      acts for a doctor who was discharged
//	off       acted for a doctor who is assigned
//	late      was a delegate whose grant has expired
//	void      was a delegate whose grant the owner withdrew
//	past      owned the patient before the transfer
//	else      has own patients only
const relationTable = `
                                                                keep edit read self kin nil left off late void past else
GET    /api/patients/                                           +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/patients/?doctor=DOCTOR                             +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/patients/?doctor=THEIRS                             -    +    +    -    -   -   -    -   -    -    -    -
GET    /api/patients/?search=zebra                              +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/patients/?ordering=name                             +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/mappings/                                           +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/mappings/?patient=PATIENT                           +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/mappings/?doctor=DOCTOR                             +    -    -    +    +   -   -    -   -    -    -    -
GET    /api/mappings/?doctor=THEIRS                             -    +    +    -    -   -   -    -   -    -    -    -
GET    /api/patients/{id}/                                      200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/patients/{id}/access-log/                           200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/mappings/{id}/                                      200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/mappings/patient/{patient_id}/                      200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/mappings/detail/{id}/                               200  200  200  200  200 404 404  404 404  404  404  404
PUT    /api/patients/{id}/                                      200  200  403  403  403 404 404  404 404  404  404  404
PATCH  /api/patients/{id}/                                      200  200  403  403  403 404 404  404 404  404  404  404
POST   /api/mappings/                                           201  201  403  403  403 404 404  404 404  404  404  404
PATCH  /api/mappings/{id}/                                      200  200  403  403  403 404 404  404 404  404  404  404
DELETE /api/mappings/{id}/                                      204  204  403  403  403 404 404  404 404  404  404  404
GET    /api/patients/{id}/invitations/                          200  403  403  403  403 404 404  404 404  404  404  404
POST   /api/patients/{id}/invitations/                          201  403  403  403  403 404 404  404 404  404  404  404
DELETE /api/patients/{id}/invitations/{invitation}/             204  403  403  403  403 404 404  404 404  404  404  404
DELETE /api/patients/{id}/grants/{grant}/                       204  403  403  403  403 404 404  404 404  404  404  404
PUT    /api/patients/{id}/practices/{practice}/                 204  403  403  403  403 404 404  404 404  404  404  404
GET    /api/audit/?patient=PATIENT                              403  403  403  403  403 403 403  403 403  403  403  403
GET    /api/patients/{id}/corrections/                          200  403  403  200  200 404 404  404 404  404  404  404
POST   /api/patients/{id}/corrections/                          403  403  403  201  201 404 404  404 404  404  404  404
GET    /api/patients/{id}/corrections/{correction}/             200  403  403  200  200 404 404  404 404  404  404  404
POST   /api/patients/{id}/corrections/{correction}/decision/    200  403  403  403  403 404 404  404 404  404  404  404
DELETE /api/patients/{id}/corrections/{correction}/             403  403  403  204  403 404 404  404 404  404  404  404
GET    /api/patients/{id}/access/                               200  403  403  200  200 404 404  404 404  404  404  404
GET    /api/access/explain/                                     403  403  403  403  403 403 403  403 403  403  403  403
GET    /api/patients/{id}/restrictions/                         200  403  403  200  200 404 404  404 404  404  404  404
POST   /api/patients/{id}/restrictions/                         201  403  403  201  201 404 404  404 404  404  404  404
GET    /api/patients/{id}/restrictions/{party}/                 200  403  403  200  200 404 404  404 404  404  404  404
DELETE /api/patients/{id}/restrictions/{party}/                 204  403  403  204  204 404 404  404 404  404  404  404
GET    /api/patients/{id}/emergency-access/                     200  403  403  200  200 404 404  404 404  404  404  404
GET    /api/emergency-access/                                   -    -    -    403  -   -   +    -   -    -    -    -
POST   /api/emergency-access/                                   403  409  409  403  403 201 201  403 403  403  403  403
GET    /api/emergency-access/{id}/                              404  404  404  403  404 404 200  404 404  404  404  404
DELETE /api/emergency-access/{id}/                              404  404  404  403  404 404 204  404 404  404  404  404
POST   /api/emergency-access/{id}/review/                       403  403  403  403  403 403 403  403 403  403  403  403
GET    /api/appointments/                                       +    -    -    +    +   -   -    -   -    -    -    -
GET    /api/appointments/?patient=PATIENT                       +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/appointments/?doctor=DOCTOR                         +    -    -    +    +   -   -    -   -    -    -    -
GET    /api/appointments/?doctor=THEIRS                         -    -    -    -    -   -   -    -   -    -    -    -
GET    /api/appointments/{id}/                                  200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/appointment-series/{id}/                            200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/appointments/{id}/invitation.ics                    200  200  200  200  200 404 404  404 404  404  404  404
GET    /api/slots/?patient=PATIENT                              200  200  200  200  200 404 404  404 404  404  404  404
POST   /api/appointments/                                       201  201  403  201  201 404 404  404 404  404  404  404
POST   /api/appointments/conflicts/                             200  200  403  200  200 404 404  404 404  404  404  404
POST   /api/appointment-series/                                 201  201  403  201  201 404 404  404 404  404  404  404
PATCH  /api/appointments/{id}/                                  200  200  403  200  200 404 404  404 404  404  404  404
POST   /api/appointments/{id}/confirm/                          200  200  403  200  200 404 404  404 404  404  404  404
POST   /api/appointments/{id}/reschedule/                       200  200  403  200  200 404 404  404 404  404  404  404
POST   /api/appointments/{id}/cancel/                           200  200  403  200  200 404 404  404 404  404  404  404
POST   /api/appointments/{id}/arrive/                           200  200  403  403  403 404 404  404 404  404  404  404
POST   /api/appointments/{id}/complete/                         200  200  403  403  403 404 404  404 404  404  404  404
POST   /api/appointments/{id}/no-show/                          200  200  403  403  403 404 404  404 404  404  404  404
POST   /api/appointments/{id}/void/                             200  200  403  403  403 404 404  404 404  404  404  404
GET    /api/waiting-list/                                       +    -    -    +    +   -   -    -   -    -    -    -
GET    /api/waiting-list/?patient=PATIENT                       +    +    +    +    +   -   -    -   -    -    -    -
GET    /api/waiting-list/{id}/                                  200  200  200  200  200 404 404  404 404  404  404  404
POST   /api/waiting-list/                                       201  201  403  201  201 404 404  404 404  404  404  404
POST   /api/waiting-list/{id}/offer/                            200  200  403  403  403 404 404  404 404  404  404  404
DELETE /api/waiting-list/{id}/                                  204  204  403  204  204 404 404  404 404  404  404  404
DELETE /api/patients/{id}/                                      204  403  403  403  403 404 404  404 404  404  404  404
`

// sharedTable has the rows of relationTable for the users with whom colleagues share:
//
//	mate      is a member of the patient's practice, with the level read
//	aide      is a member with the level write
//	boss      manages the practice, and so keeps the patient
//	dep       stands in for the owner, with the level write
//	shar      is a colleague with whom the patient is shared, with the level read
//	hid       acts for a doctor who is assigned with write, and the patient is hidden from the user
//	hidm      is a member with the level write, and acts for a doctor from whom the patient is hidden
//	ex        stood in for the owner until a time that has passed
//	emer      acts for a doctor, and has opened an emergency access
const sharedTable = `
                                                                mate aide boss dep  shar hid  hidm ex   emer
GET    /api/patients/                                           +    +    +    +    +    -    -    -    -
GET    /api/patients/?doctor=DOCTOR                             +    +    +    +    +    -    -    -    -
GET    /api/patients/?doctor=THEIRS                             -    -    -    -    -    -    -    -    -
GET    /api/patients/?search=zebra                              +    +    +    +    +    -    -    -    -
GET    /api/patients/?ordering=name                             +    +    +    +    +    -    -    -    -
GET    /api/mappings/                                           -    -    -    -    -    -    -    -    -
GET    /api/mappings/?patient=PATIENT                           +    +    +    +    +    -    -    -    +
GET    /api/mappings/?doctor=DOCTOR                             -    -    -    -    -    -    -    -    -
GET    /api/mappings/?doctor=THEIRS                             -    -    -    -    -    -    -    -    -
GET    /api/patients/{id}/                                      200  200  200  200  200  404  404  404  200
GET    /api/patients/{id}/access-log/                           200  200  200  200  200  404  404  404  200
GET    /api/mappings/{id}/                                      200  200  200  200  200  404  404  404  200
GET    /api/mappings/patient/{patient_id}/                      200  200  200  200  200  404  404  404  200
GET    /api/mappings/detail/{id}/                               200  200  200  200  200  404  404  404  200
PUT    /api/patients/{id}/                                      403  200  200  200  403  404  404  404  403
PATCH  /api/patients/{id}/                                      403  200  200  200  403  404  404  404  403
POST   /api/mappings/                                           403  201  201  201  403  404  404  404  403
PATCH  /api/mappings/{id}/                                      403  200  200  200  403  404  404  404  403
DELETE /api/mappings/{id}/                                      403  204  204  204  403  404  404  404  403
GET    /api/patients/{id}/invitations/                          403  403  200  403  403  404  404  404  403
POST   /api/patients/{id}/invitations/                          403  403  201  403  403  404  404  404  403
DELETE /api/patients/{id}/invitations/{invitation}/             403  403  204  403  403  404  404  404  403
DELETE /api/patients/{id}/grants/{grant}/                       403  403  204  403  403  404  404  404  403
PUT    /api/patients/{id}/practices/{practice}/                 403  403  204  403  403  404  404  404  403
GET    /api/audit/?patient=PATIENT                              403  403  403  403  403  403  403  403  403
GET    /api/patients/{id}/corrections/                          403  403  200  403  403  404  404  404  403
POST   /api/patients/{id}/corrections/                          403  403  403  403  403  404  404  404  403
GET    /api/patients/{id}/corrections/{correction}/             403  403  200  403  403  404  404  404  403
POST   /api/patients/{id}/corrections/{correction}/decision/    403  403  200  403  403  404  404  404  403
DELETE /api/patients/{id}/corrections/{correction}/             403  403  403  403  403  404  404  404  403
GET    /api/patients/{id}/access/                               403  403  200  403  403  404  404  404  403
GET    /api/access/explain/                                     403  403  403  403  403  403  403  403  403
GET    /api/patients/{id}/restrictions/                         403  403  200  403  403  404  404  404  403
POST   /api/patients/{id}/restrictions/                         403  403  201  403  403  404  404  404  403
GET    /api/patients/{id}/restrictions/{party}/                 403  403  200  403  403  404  404  404  403
DELETE /api/patients/{id}/restrictions/{party}/                 403  403  204  403  403  404  404  404  403
GET    /api/patients/{id}/emergency-access/                     403  403  200  403  403  404  404  404  403
GET    /api/emergency-access/                                   -    -    -    -    -    -    -    -    +
POST   /api/emergency-access/                                   403  403  403  403  403  201  201  403  409
GET    /api/emergency-access/{id}/                              404  404  404  404  404  404  404  404  404
DELETE /api/emergency-access/{id}/                              404  404  404  404  404  404  404  404  404
POST   /api/emergency-access/{id}/review/                       403  403  403  403  403  403  403  403  403
GET    /api/appointments/                                       -    -    -    +    -    -    -    -    -
GET    /api/appointments/?patient=PATIENT                       +    +    +    +    +    -    -    -    +
GET    /api/appointments/?doctor=DOCTOR                         -    -    -    +    -    -    -    -    -
GET    /api/appointments/?doctor=THEIRS                         -    -    -    -    -    -    -    -    -
GET    /api/appointments/{id}/                                  200  200  200  200  200  404  404  404  200
GET    /api/appointment-series/{id}/                            200  200  200  200  200  404  404  404  200
GET    /api/appointments/{id}/invitation.ics                    200  200  200  200  200  404  404  404  200
GET    /api/slots/?patient=PATIENT                              200  200  200  200  200  404  404  404  200
POST   /api/appointments/                                       403  201  201  201  403  404  404  404  403
POST   /api/appointments/conflicts/                             403  200  200  200  403  404  404  404  403
POST   /api/appointment-series/                                 403  201  201  201  403  404  404  404  403
PATCH  /api/appointments/{id}/                                  403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/confirm/                          403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/reschedule/                       403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/cancel/                           403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/arrive/                           403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/complete/                         403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/no-show/                          403  200  200  200  403  404  404  404  403
POST   /api/appointments/{id}/void/                             403  200  200  200  403  404  404  404  403
GET    /api/waiting-list/                                       -    -    -    +    -    -    -    -    -
GET    /api/waiting-list/?patient=PATIENT                       +    +    +    +    +    -    -    -    +
GET    /api/waiting-list/{id}/                                  200  200  200  200  200  404  404  404  200
POST   /api/waiting-list/                                       403  201  201  201  403  404  404  404  403
POST   /api/waiting-list/{id}/offer/                            403  200  200  200  403  404  404  404  403
DELETE /api/waiting-list/{id}/                                  403  204  204  204  403  404  404  404  403
DELETE /api/patients/{id}/                                      403  403  204  403  403  404  404  404  403
`

// aboutPatients are the kinds of records that belong to a patient, in the expectations of the modules.
var aboutPatients = []string{
	harness.Patient, "assignment", "invitation", "grant", "correction", "restriction", "emergency",
	"appointment", "waiting_entry",
}

// relationWorld is one patient, with a user of each relation.
type relationWorld struct {
	s       *harness.Service
	users   map[string]*harness.Client
	known   object            // the patient's records by kind
	spare   string            // a doctor without assignments
	theirs  map[string]string // the doctors for whom users act or acted, by relation
	twin    string            // a patient of the same owner and practice, whom the manager deletes
	hidden  string            // a doctor from whom the patient is hidden
	cases   int
	samples int    // the number of samples of headers
	ofNoOne object // the kinds of known, with ids that no record has
}

func newRelationWorld(t *testing.T, s *harness.Service) *relationWorld {
	w := &relationWorld{
		s: s, users: map[string]*harness.Client{}, theirs: map[string]string{}, ofNoOne: object{},
	}
	user := func(relation string, keeps bool) *harness.Client {
		c := s.NewUser(t, "Rel"+relation)
		if keeps {
			c.AddPatient()
		}
		w.users[relation] = c
		return c
	}
	former, keep, boss := user("past", false), user("keep", true), user("boss", true)
	practice := boss.AddPractice()
	join := func(c *harness.Client, level string) {
		code := boss.InviteMember(practice, level)["code"]
		c.Do("POST", "/api/practices/claims/", object{"code": code}).Expect(201)
	}
	join(former, "write")
	join(keep, "write")
	patient := former.AddPatient(object{"name": "Zebra Crossing", "practice": practice})
	w.twin = former.AddPatient(object{"name": "Zebra Twin", "practice": practice})
	former.Do("DELETE", "/api/practices/"+practice+"/members/"+former.UserID()+"/", nil).Expect(204)
	admin := s.NewUserWithRole(t, auth.Admin, "Relations")
	admin.Do("POST", "/api/users/"+former.UserID()+"/transfer/", object{"to": keep.UserID()}).Expect(200)
	former.AddPatient()
	link := func(relation string, c *harness.Client) (doctor string) {
		doctor = admin.AddDoctor()
		c.Do("POST", "/api/doctors/claims/", object{"code": admin.InviteDoctor(doctor)["code"]}).Expect(201)
		w.theirs[relation] = doctor
		return doctor
	}
	at := "/api/patients/" + patient + "/"
	for relation, access := range map[string]string{
		"edit": "write", "read": "read", "nil": "none", "left": "read", "off": "write", "hid": "write",
	} {
		c := user(relation, true)
		doctor := link(relation, c)
		assigned := object{"patient": patient, "doctor": doctor, "access": access}
		made := keep.Do("POST", "/api/mappings/", assigned).Expect(201).ID()
		if access != "none" {
			c.Do("GET", "/api/patients/"+patient+"/", nil).Expect(200)
		}
		switch relation {
		case "left":
			keep.Do("DELETE", "/api/mappings/"+made+"/", nil).Expect(204)
		case "off":
			c.Do("DELETE", "/api/doctors/"+doctor+"/link/", nil).Expect(204)
		case "hid":
			keep.Do("POST", at+"restrictions/", object{"user": c.UserID()}).Expect(201)
		}
	}
	for relation, level := range map[string]string{"mate": "read", "aide": "write", "hidm": "write"} {
		c := user(relation, true)
		join(c, level)
		c.Do("GET", at, nil).Expect(200)
	}
	keep.Do("POST", at+"restrictions/", object{"doctor": link("hidm", w.users["hidm"])}).Expect(201)
	for _, relation := range []string{"dep", "ex"} {
		c := user(relation, true)
		claim := object{"code": keep.InviteDeputy("write")["code"]}
		c.Do("POST", "/api/auth/deputies/claims/", claim).Expect(201)
		c.Do("GET", at, nil).Expect(200)
	}
	require.NoError(t, s.DB.Write(t.Context()).Exec(
		`UPDATE acting SET until = since WHERE user_id = ?`, w.users["ex"].UserID()).Error)
	user("else", true)
	for _, relation := range []string{"self", "kin", "late", "void", "shar"} {
		c, as := user(relation, relation != "self"), "delegate"
		switch relation {
		case "self":
			as = "self"
		case "shar":
			as = "colleague"
		}
		code := keep.Do("POST", at+"invitations/", object{"as": as}).Expect(201).Object()["code"]
		claim := object{"code": code, "birth_date": "1900-01-01"}
		grant := c.Do("POST", "/api/patients/claims/", claim).Expect(201).ID()
		switch c.Do("GET", at, nil).Expect(200); relation {
		case "late":
			require.NoError(t, s.DB.Write(t.Context()).Exec(
				`UPDATE patient_grants SET expires_at = granted_at WHERE source_id = ?`, grant).Error)
		case "void":
			keep.Do("DELETE", at+"grants/"+grant+"/", nil).Expect(204)
		}
	}
	w.spare, w.hidden = admin.AddDoctor(), admin.AddDoctor()
	s.NewUserWithRole(t, patients.PrivacyRole, "Officer")
	link("emer", user("emer", true))
	w.users["emer"].OpenEmergency(patient).Expect(201)
	w.known = object{harness.Patient: patient, "doctor": admin.AddDoctor(), "practice": practice}
	admin.OfferAppointments(w.known["doctor"].(string))
	w.known["appointment_type"] = admin.AddAppointmentType()
	w.renewVisits(t)
	emergency := w.users["left"].OpenEmergency(patient).Expect(201).ID()
	w.users["left"].Do("DELETE", "/api/emergency-access/"+emergency+"/", nil).Expect(204)
	w.known["emergency"] = emergency
	w.renew(t)
	for kind := range w.known {
		w.ofNoOne[kind] = harness.MissingID
	}
	w.ofNoOne["doctor"], w.ofNoOne["practice"] = w.spare, practice
	w.ofNoOne["appointment_type"] = w.known["appointment_type"]
	return w
}

// renew replaces the records that the owner or a doctor has ended.
func (w *relationWorld) renew(t *testing.T) {
	keep, patient := w.users["keep"].ForTest(t), w.known[harness.Patient].(string)
	if w.known["assignment"] == nil {
		w.known["assignment"] = keep.Assign(patient, w.known["doctor"].(string)).Expect(201).ID()
	}
	if w.known["invitation"] == nil {
		w.known["invitation"] = keep.Invite(patient)["id"]
	}
	if w.known["correction"] == nil {
		w.known["correction"] = w.users["self"].ForTest(t).AskForCorrection(patient, "1").ID()
	}
	if w.known["restriction"] == nil {
		hidden := object{"doctor": w.hidden}
		keep.Do("POST", "/api/patients/"+patient+"/restrictions/", hidden).Expect(201)
		w.known["restriction"] = w.hidden
	}
	if w.known["grant"] == nil {
		w.cases++
		keeps := w.s.NewUser(t, fmt.Sprint("Granted", w.cases))
		code := keep.Invite(patient)["code"]
		claim := object{"code": code, "birth_date": "1900-01-01"}
		w.known["grant"] = keeps.Do("POST", "/api/patients/claims/", claim).Expect(201).ID()
	}
}

// renewVisits replaces all appointments and waiting entries of the patient by one of each.
func (w *relationWorld) renewVisits(t *testing.T) {
	keep := w.users["keep"].ForTest(t)
	for _, table := range []string{"waiting_entries", "appointments"} {
		require.NoError(t, w.s.DB.Write(t.Context()).Exec(
			"DELETE FROM "+table+" WHERE patient_id = ?", w.known[harness.Patient]).Error)
	}
	keep.AddRecords(w.known, "") // a waiting entry
	w.known["appointment"] = keep.AddAppointment(w.known).ID()
	w.known["series"] = keep.AddSeries(w.known)
}

// aboutVisits reports whether the row is about appointments or the waiting list.
func (r relationRow) aboutVisits() bool {
	return strings.HasPrefix(r.Path, "/api/appointment") || strings.HasPrefix(r.Path, "/api/waiting-list/")
}

// relationRow is one line of the table.
type relationRow struct {
	harness.Route
	query    string
	expected map[string]string
}

// linesOf returns the words of the lines of a table.
func linesOf(table string) (lines [][]string) {
	for line := range strings.Lines(strings.TrimSpace(table)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

func readRelations(t *testing.T, s *harness.Service) (rows []relationRow) {
	t.Helper()
	routes, seen := map[string]harness.Route{}, map[string]bool{}
	for _, r := range s.Routes() {
		routes[r.String()] = r
	}
	lines, shared := linesOf(relationTable), linesOf(sharedTable)
	require.Len(t, shared, len(lines), "both tables have the same rows")
	relations := append(lines[0], shared[0]...)
	for i, words := range lines[1:] {
		require.Equal(t, words[:2], shared[1+i][:2], "both tables have the same rows")
		path, query, _ := strings.Cut(words[1], "?")
		route, ok := routes[path+" "+words[0]]
		require.True(t, ok, "the contract lacks %s", words)
		row := relationRow{route, query, map[string]string{}}
		statuses := slices.Concat(words[2:], shared[1+i][2:])
		require.Len(t, statuses, len(relations), "%s", words)
		for i, relation := range relations {
			row.expected[relation] = statuses[i]
		}
		rows = append(rows, row)
		seen[route.String()] = true
	}
	for _, r := range s.Routes() {
		about := slices.ContainsFunc(r.IDs, func(id harness.ID) bool { return slices.Contains(aboutPatients, id.Of) })
		require.False(t, about && !seen[r.String()], "write a row for %s into relationTable", r)
	}
	return rows
}

// send sends the request of a row about the records of known.
func (w *relationWorld) send(
	t *testing.T, relation string, row relationRow, known object, method string, headers ...string,
) harness.Response {
	c := w.users[relation]
	w.cases++
	at := row.PathOf(known)
	if row.query != "" {
		query := strings.NewReplacer("PATIENT", known["patient"].(string), "DOCTOR", known["doctor"].(string),
			"THEIRS", cmp.Or(w.theirs[relation], w.spare))
		separator := map[bool]string{true: "&", false: "?"}[strings.Contains(at, "?")]
		at += separator + query.Replace(row.query)
	}
	var body any
	switch row.Method + " " + row.Path {
	case "PUT /api/patients/{id}/":
		body = object{"name": "Zebra Crossing", "age": 31, "gender": "Female"}
	case "PATCH /api/patients/{id}/":
		body = object{"notes": fmt.Sprint(w.cases)}
	case "POST /api/mappings/":
		body = object{"patient": known["patient"], "doctor": w.spare, "access": "none"}
	case "PATCH /api/mappings/{id}/":
		body = object{"access": "none"}
	case "POST /api/patients/{id}/invitations/":
		body = object{"as": "delegate"}
	case "POST /api/patients/{id}/restrictions/":
		body = object{"doctor": w.spare}
	case "POST /api/emergency-access/":
		return c.ForTest(t).OpenEmergency(known["patient"].(string))
	case "POST /api/emergency-access/{id}/review/":
		body = object{"verdict": "justified"}
	case "POST /api/patients/{id}/corrections/":
		body = object{"field": "phone", "value": "2", "because": "It changed."}
	case "POST /api/patients/{id}/corrections/{correction}/decision/":
		body = object{"decision": "declined", "note": "It did not."}
	case "POST /api/appointments/", "POST /api/appointments/conflicts/":
		body = visit(known)
	case "POST /api/appointment-series/":
		body = visit(known)
		body.(object)["frequency"], body.(object)["count"] = "weekly", 2
	case "PATCH /api/appointments/{id}/":
		body = object{"reason": fmt.Sprint(w.cases)}
	case "POST /api/appointments/{id}/reschedule/":
		body = object{"starts_at": harness.Tomorrow(10 * time.Hour)}
	case "POST /api/appointments/{id}/cancel/":
		body = object{}
	case "POST /api/waiting-list/":
		body = row.Body(known)
	case "POST /api/waiting-list/{id}/offer/":
		body = object{"doctor": known["doctor"], "starts_at": harness.Tomorrow(11 * time.Hour)}
	}
	return c.ForTest(t).Do(method, at, body, headers...)
}

// visit returns the body of a booking at a free time.
func visit(known object) object {
	return object{
		"patient": known["patient"], "doctor": known["doctor"], "type": known["appointment_type"],
		"starts_at": harness.Tomorrow(9*time.Hour + 30*time.Minute),
	}
}

// relationHeaders are the variants of a request. None of them changes whether it is refused.
func relationHeaders(row relationRow) [][]string {
	all := [][]string{nil, {"Prefer", "count=exact"}, {"If-None-Match", "*"}}
	if row.Method != http.MethodGet {
		return append(all, []string{"If-Match", "*"}, []string{"If-Match", `"v1"`}, []string{"If-Match", `"v99"`},
			[]string{"Idempotency-Key", "relation"}, []string{"If-Match", `W/"v1"`}, []string{"If-Match", `"v0"`})
	}
	return all[:2]
}

// comparable returns all of a response that may not differ between a foreign and a missing record.
func comparable(a harness.Response) string {
	body := a.WithoutRequestID()
	a.Header.Del("Date")
	return fmt.Sprint(a.Status, a.Header, body)
}

func TestRelationsToAPatient(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		rows, w := readRelations(t, s), newRelationWorld(t, s)
		relations := []string{"past", "else", "nil", "left", "off", "late", "void", "self",
			"hid", "hidm", "ex", "emer", "kin", "read", "mate", "shar", "edit", "aide", "dep", "boss",
			"keep"} // the owner deletes the patient
		require.Len(t, relations, len(w.users))
		for _, relation := range relations {
			t.Run(relation, func(t *testing.T) {
				patient := w.known[harness.Patient].(string)
				before, refused := s.StoredRows(t).BelongingTo(patient), 0
				for _, row := range rows {
					if status, err := strconv.Atoi(row.expected[relation]); err == nil && status >= 400 {
						w.refuse(t, row, relation, status)
						refused++
					}
				}
				require.Equal(t, before, s.StoredRows(t).BelongingTo(patient), "%d refused requests", refused)
				var changes []relationRow
				for _, row := range rows {
					switch status, err := strconv.Atoi(row.expected[relation]); {
					case err != nil:
						w.list(t, row, relation)
					case status < 400 && row.Method == http.MethodGet:
						w.allow(t, row, relation, status)
					case status < 400:
						changes = append(changes, row)
					}
					if row.String() == "/api/patients/{id}/ PATCH" {
						w.changeNumber(t, row, relation)
					}
				}
				for _, row := range harness.Sample(len(relation)+refused, changes) {
					status, _ := strconv.Atoi(row.expected[relation])
					w.allow(t, row, relation, status)
				}
			})
		}
		require.GreaterOrEqual(t, w.cases, harness.MinimumCases(6000))
		t.Logf("%d cases", w.cases)
	})
}

// refuse sends a third of the variants of a request that must be refused, or all of a GET. A 404 is that of a record
// that does not exist.
func (w *relationWorld) refuse(t *testing.T, row relationRow, relation string, status int) {
	methods := []string{row.Method}
	if row.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	all := relationHeaders(row)
	if w.samples++; row.Method != http.MethodGet {
		all = harness.Sample(w.samples, all)
	}
	for _, method := range methods {
		for _, headers := range all {
			a := w.send(t, relation, row, w.known, method, headers...)
			require.Equal(t, status, a.Status, "%s %s %v by %s: %s", method, row, headers, relation, a.Body)
			if status == http.StatusNotFound {
				missing := w.send(t, relation, row, w.ofNoOne, method, headers...)
				require.Equal(t, comparable(missing), comparable(a), "%s %s %v by %s", method, row, headers, relation)
			}
		}
	}
}

// list requests a list, which contains the patient or not, and its length.
func (w *relationWorld) list(t *testing.T, row relationRow, relation string) {
	patient := w.known[harness.Patient].(string)
	for _, headers := range [][]string{nil, {"Prefer", "count=exact"}} {
		a := w.send(t, relation, row, w.known, http.MethodGet, headers...).Expect(200)
		contains := slices.ContainsFunc(a.List(), func(item map[string]any) bool {
			return item["id"] == patient || item["patient"] == patient
		})
		require.Equal(t, row.expected[relation] == "+", contains, "%s?%s by %s", row, row.query, relation)
		if headers != nil {
			require.Equal(t, fmt.Sprint(len(a.List())), a.Header.Get("X-Total-Count"), "%s by %s", row, relation)
		}
	}
	w.send(t, relation, row, w.known, http.MethodHead).Expect(200)
}

// changeNumber changes the medical record number, as the owner only may.
func (w *relationWorld) changeNumber(t *testing.T, row relationRow, relation string) {
	status, err := strconv.Atoi(row.expected[relation])
	require.NoError(t, err)
	if status == http.StatusOK && relation != "keep" {
		status = http.StatusBadRequest
	}
	body := object{"medical_record_number": "MRN of " + relation}
	w.users[relation].ForTest(t).Do(http.MethodPatch, row.PathOf(w.known), body).Expect(status)
}

// allow sends a request that succeeds, and renews what it ended.
func (w *relationWorld) allow(t *testing.T, row relationRow, relation string, status int) {
	known := w.known
	if row.Method == http.MethodDelete && row.Path == "/api/patients/{id}/" && relation != "keep" {
		known = object{harness.Patient: w.twin} // others need the patient
	}
	if row.aboutVisits() {
		w.renewVisits(t)
		w.users["keep"].ForTest(t).AddAppointmentFor(row.Route, w.known)
	}
	a := w.send(t, relation, row, known, row.Method)
	require.Equal(t, status, a.Status, "%s by %s: %s", row, relation, a.Body)
	switch {
	case row.aboutVisits() && row.Method != http.MethodGet:
		w.renewVisits(t)
	case row.Method == http.MethodGet:
		w.send(t, relation, row, w.known, http.MethodHead).Expect(status)
	case strings.HasSuffix(row.Path, "/decision/"):
		delete(w.known, "correction")
		w.renew(t)
	case row.Method == http.MethodDelete && row.Path != "/api/patients/{id}/":
		delete(w.known, row.IDs[len(row.IDs)-1].Of)
		w.renew(t)
	case row.Path == "/api/emergency-access/":
		w.users[relation].ForTest(t).Do("DELETE", "/api/emergency-access/"+a.ID()+"/", nil).Expect(204)
	case row.Path == "/api/patients/{id}/restrictions/" && row.Method == http.MethodPost:
		w.users["keep"].ForTest(t).Do("DELETE", a.Header.Get("Location"), nil).Expect(204)
	case row.String() == "/api/mappings/ POST":
		w.users["keep"].ForTest(t).Do("DELETE", "/api/mappings/"+a.ID()+"/", nil).Expect(204)
	}
}
