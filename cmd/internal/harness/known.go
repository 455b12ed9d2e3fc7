package harness

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// KnownValues creates a record of each kind and returns the values that bodies and paths may name, and those that prove
// who the client is.
func (c *Client) KnownValues() Object {
	return c.knownValues(func(Object, ...string) bool { return true })
}

// KnownValuesFor is KnownValues with the records that requests of the route name, and for a removal with all that may
// go with the removed one. An appointment has the status that the route needs.
func (c *Client) KnownValuesFor(r Route) Object {
	if r.Method == http.MethodDelete && r.CollectionPath() != "/api/doctors/" { // whose appointments prevent it
		return c.KnownValues()
	}
	known := c.knownValues(func(known Object, kinds ...string) bool {
		return slices.Contains(kinds, r.Path) || r.RefusesKeeper() && slices.Contains(kinds, "grant") ||
			slices.ContainsFunc(r.IDs, func(id ID) bool {
				return slices.Contains(kinds, id.Of) || len(kinds) == 0 && known[id.Of] == nil
			})
	})
	c.AddAppointmentFor(r, known)
	return known
}

// knownValues adds the records of the wanted kinds, and of those that they name. The kind of a code is the path to
// which it is sent. Wanted is asked last, without a kind, for the kinds that are not in known: those that a plain POST
// creates.
func (c *Client) knownValues(isWanted func(known Object, kinds ...string) bool) Object {
	known := Object{
		Patient: c.AddPatient(), "doctor": c.AddDoctor(), "session": MissingID, "email": c.Email(),
		"password": Password, "current_password": Password, "new_password": Password, "overbook_reason": "Urgent",
		"/api/users/{id}/transfer/ to": c.UserID(),
		"/api/webhooks/ url":           "https://hooks.clinic.example/new",
		"/api/webhooks/{id}/ url":      "https://hooks.clinic.example/changed",
		// an enabled one adds a statement to events without a mail
		"/api/webhooks/ enabled":                     false,
		"/api/webhooks/{id}/ enabled":                false,
		"/api/patients/{id}/restrictions/ user":      nil, // instead of the doctor
		"/api/auth/me/deputies/ until":               inAMonth(),
		"/api/notification-preferences/ language":    "fr",
		"/api/notification-preferences/ time_zone":   "Asia/Tokyo",
		"/api/notification-preferences/ quiet_hours": "22:00-06:00",
		"/api/appointment-types/{id}/ name":          "Type " + uuid.NewString(),
	}
	patient := known[Patient].(string)
	wanted := func(kinds ...string) bool { return isWanted(known, kinds...) }
	other, linked, mailed := c.companion("Another"), c.companion("Linked"), c.companion("Mailed")
	if wanted("user") {
		known["user"], known["email"] = other().UserID(), other().Email()
	}
	if wanted(claimPath) {
		known[claimPath+" code"] = other().InviteColleague(other().AddPatient())["code"]
	}
	if wanted(resetPath, verificationPath) {
		c.AddMailTokens(known, mailed())
	}
	if wanted("delivery", "pending_delivery", "/unsubscribe/{link}") {
		c.AddDeliveries(known)
	}
	if wanted("grant", "correction", "invitation", "restriction") {
		c.AddGrant(known, other())
	}
	if wanted("assignment") {
		known["assignment"] = c.Assign(patient, c.AddDoctor()).Expect(201).ID()
	}
	if wanted("invited_doctor", "doctor_invitation", doctorClaimPath) {
		known["invited_doctor"] = c.AddDoctor()
		invitation := c.InviteDoctor(known["invited_doctor"].(string))
		known["doctor_invitation"], known[doctorClaimPath+" code"] = invitation["id"], invitation["code"]
	}
	if wanted("linked_doctor", "calendar_feed", "calendar_file") {
		known["linked_doctor"] = c.AddDoctor()
		linked().Do("POST", doctorClaimPath, Object{
			"code": c.InviteDoctor(known["linked_doctor"].(string))["code"],
		}).Expect(201)
		feeds := "/api/doctors/" + known["linked_doctor"].(string) + "/calendar-feeds/"
		feed := linked().Do("POST", feeds, Object{"detail": "busy"}).Expect(201).Object()
		known["calendar_feed"] = feed["id"]
		known["calendar_file"] = strings.TrimPrefix(feed["url"].(string), "/calendar/")
	}
	if wanted("practice", "member", "practice_invitation", "deputy_invitation", practiceClaimPath, deputyClaimPath) {
		c.AddActing(known, other())
	}
	if wanted("emergency", "/api/emergency-access/") {
		c.Service.addPrivacyOfficer(c.T)
		other().WithRole(doctors.Role, func() {
			known["emergency"] = other().OpenEmergency(linked().AddPatient()).Expect(201).ID()
		})
	}
	if wanted("open_doctor", "availability_exception", "appointment_type", "holiday", "appointment", "series") {
		c.AddOpeningHours(known)
	}
	if wanted("appointment") {
		known["appointment"] = c.AddAppointment(known).ID()
	}
	if wanted("series") {
		known["series"] = c.AddSeries(known)
	}
	if wanted("unused_type") {
		known["unused_type"] = c.AddAppointmentType() // which can be removed
	}
	if wanted() {
		if known["appointment_type"] == nil {
			c.AddOpeningHours(known)
		}
		c.AddRecords(known, "")
	}
	return known
}

// companion returns a function that returns another user, who is added by the first call.
func (c *Client) companion(prefix string) func() *Client {
	var added *Client
	return func() *Client {
		if added == nil {
			added = c.Service.NewUser(c.T, prefix+c.Name)
		}
		return added
	}
}

const (
	claimPath, doctorClaimPath         = "/api/patients/claims/", "/api/doctors/claims/"
	practiceClaimPath, deputyClaimPath = "/api/practices/claims/", "/api/auth/deputies/claims/"
)

// CallerOf returns the client who can call the route with the values of c.KnownValues: the user to whom the patient was
// granted if the user who keeps the patient is refused, and who has opened the emergency access.
func (c *Client) CallerOf(r Route) *Client {
	opened := slices.ContainsFunc(r.IDs, func(id ID) bool { return id.Of == "emergency" })
	if !r.RefusesKeeper() && (!opened || r.Role() == patients.PrivacyRole) {
		return c
	}
	other := *c
	other.Name, other.RenewedToken = "Another"+c.Name, nil
	other.Token = other.SignIn()
	return &other
}

// AddAppointmentType adds an appointment type as an administrator.
func (c *Client) AddAppointmentType() (id string) {
	c.T.Helper()
	c.WithRole(auth.Admin, func() {
		body := Object{"name": "Type " + uuid.NewString(), "minutes": 30, "for_patients": true}
		id = c.Do("POST", "/api/appointment-types/", body).Expect(201).ID()
	})
	return id
}

// AddAppointment books an appointment of the known patient, doctor and type, in spite of conflicts. The members of more
// are added to the body.
func (c *Client) AddAppointment(known Object, more ...Object) Response {
	c.T.Helper()
	return c.bookAt(known, "2099-12-01T09:30:00Z", append(more, Object{"overbook_reason": "Urgent"})...)
}

// AddPastAppointment books an appointment that began an hour ago, in spite of conflicts.
func (c *Client) AddPastAppointment(known Object) Response {
	c.T.Helper()
	start := time.Now().UTC().Truncate(time.Minute).Add(-time.Hour)
	return c.bookAt(known, start.Format(time.RFC3339), Object{"overbook_reason": "Urgent"})
}

// HoldAppointment reserves a time that the doctor offers: 09:30 tomorrow.
func (c *Client) HoldAppointment(known Object) Response {
	c.T.Helper()
	return c.bookAt(known, Tomorrow(9*time.Hour+30*time.Minute), Object{"hold": true})
}

// AddAppointmentFor adds an appointment with the status that the route needs to known, or the free time of an offer.
func (c *Client) AddAppointmentFor(r Route, known Object) {
	c.T.Helper()
	doctor := known["doctor"].(string)
	switch _, step, _ := strings.Cut(r.Path, "{id}/"); step {
	case "offer/":
		c.OfferAppointments(doctor)
		known[r.Path+" starts_at"] = Tomorrow(11 * time.Hour)
	case "confirm/":
		c.OfferAppointments(doctor)
		known["appointment"] = c.HoldAppointment(known).ID()
	case "complete/":
		known["appointment"] = c.AddAppointment(known).ID()
		c.Do("POST", "/api/appointments/"+known["appointment"].(string)+"/arrive/", nil).Expect(200)
	case "no-show/":
		known["appointment"] = c.AddPastAppointment(known).ID()
	default:
		if slices.ContainsFunc(r.IDs, func(id ID) bool { return id.Of == "appointment" }) {
			known["appointment"] = c.AddAppointment(known).ID()
		}
	}
}

// Tomorrow returns a time of the next day in UTC, as in bodies.
func Tomorrow(timeOfDay time.Duration) string {
	const day = 24 * time.Hour
	return time.Now().UTC().Truncate(day).Add(day + timeOfDay).Format(time.RFC3339)
}

func (c *Client) bookAt(known Object, start string, more ...Object) Response {
	c.T.Helper()
	body := Object{
		"patient": known[Patient], "doctor": known["doctor"], "type": known["appointment_type"], "starts_at": start,
	}
	for _, members := range more {
		maps.Copy(body, members)
	}
	return c.Do("POST", "/api/appointments/", body).Expect(201)
}

// AddSeries books a series of two appointments, in spite of conflicts.
func (c *Client) AddSeries(known Object) (id string) {
	c.T.Helper()
	return c.Do("POST", "/api/appointment-series/", Object{
		"patient": known[Patient], "doctor": known["doctor"], "type": known["appointment_type"],
		"starts_at": "2099-12-01T09:30:00Z", "frequency": "weekly", "count": 2, "overbook_reason": "Urgent",
	}).Expect(201).ID()
}

// OfferAppointments opens the doctor day and night.
func (c *Client) OfferAppointments(doctor string) {
	c.T.Helper()
	var windows []Object
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		windows = append(windows, Object{"weekday": day, "from": "00:00", "to": "24:00"})
	}
	c.Do("PUT", "/api/doctors/"+doctor+"/availability/", Object{"windows": windows}).Expect(200)
}

// AddActing adds a practice of the user with another manager, an open invitation of each kind, and the codes of
// invitations by the other user.
func (c *Client) AddActing(known Object, other *Client) {
	c.T.Helper()
	known["practice"], known["member"] = c.AddPractice(), other.UserID()
	other.Do("POST", practiceClaimPath, Object{
		"code": c.InviteMember(known["practice"].(string), "keep")["code"],
	}).Expect(201)
	known["practice_invitation"] = c.InviteMember(known["practice"].(string), "read")["id"]
	known[practiceClaimPath+" code"] = other.InviteMember(other.AddPractice(), "read")["code"]
	known["deputy_invitation"] = c.InviteDeputy("read")["id"]
	known[deputyClaimPath+" code"] = other.InviteDeputy("read")["code"]
	known["/api/auth/me/deputies/ until"] = inAMonth()
}

// inAMonth returns the end of a deputyship, which the contract limits to 90 days.
func inAMonth() string { return time.Now().UTC().AddDate(0, 1, 0).Format(time.RFC3339) }

// AddPractice creates a practice, which the user manages.
func (c *Client) AddPractice() string {
	c.T.Helper()
	return c.Do("POST", "/api/practices/", Object{"name": "Practice"}).Expect(201).ID()
}

// InviteMember invites a user to a practice at a level, and returns the invitation with its code.
func (c *Client) InviteMember(practice, level string) Object {
	c.T.Helper()
	return c.Do("POST", "/api/practices/"+practice+"/invitations/", Object{"level": level}).Expect(201).Object()
}

// InviteDeputy invites a user to stand in for c for a month, and returns the invitation with its code.
func (c *Client) InviteDeputy(level string) Object {
	c.T.Helper()
	return c.Do("POST", "/api/auth/me/deputies/", Object{"level": level, "until": inAMonth()}).Expect(201).Object()
}

// addPrivacyOfficer adds a user who reviews emergency accesses, unless there is one.
func (s *Service) addPrivacyOfficer(t *testing.T) {
	t.Helper()
	var officers int64
	require.NoError(t, s.DB.Read(t.Context()).Table("users").Where("role = ?", patients.PrivacyRole).
		Count(&officers).Error)
	if officers == 0 {
		s.NewUserWithRole(t, patients.PrivacyRole, "Officer"+uuid.NewString())
	}
}

// OpenEmergency opens an emergency access, for the user of a doctor.
func (c *Client) OpenEmergency(patient string) Response {
	c.T.Helper()
	return c.Do("POST", "/api/emergency-access/", Object{
		"patient": patient, "reason": "other", "explanation": "An emergency.", "minutes": 15, "password": Password,
	})
}

// InviteDoctor invites the doctor, as an administrator, and returns the invitation.
func (c *Client) InviteDoctor(doctor string) (invitation Object) {
	c.T.Helper()
	c.WithRole(auth.Admin, func() {
		invitation = c.Do("POST", "/api/doctors/"+doctor+"/invitations/", nil).Expect(201).Object()
	})
	return invitation
}

// AddOpeningHours adds records that all users share: an appointment type, a holiday, and an exception of a doctor.
func (c *Client) AddOpeningHours(known Object) {
	c.T.Helper()
	if known["open_doctor"] == nil {
		known["open_doctor"] = c.AddDoctor()
	}
	day := Object{"starts_on": "2099-12-24", "kind": "closed"}
	exceptions := "/api/doctors/" + known["open_doctor"].(string) + "/exceptions/"
	known["availability_exception"] = c.Do("POST", exceptions, day).Expect(201).ID()
	known["appointment_type"] = c.AddAppointmentType()
	c.WithRole(auth.Admin, func() {
		known["/api/appointment-types/{id}/ name"] = "Type " + uuid.NewString()
		known["holiday"] = c.Do("POST", "/api/holidays/", Object{"starts_on": "2099-12-25"}).Expect(201).ID()
	})
}

// AddGrant grants the known patient to another user, who asks for a correction, invites once more, and hides the
// patient from a doctor.
func (c *Client) AddGrant(known Object, other *Client) {
	c.T.Helper()
	patient := known[Patient].(string)
	claim := Object{"code": c.Invite(patient)["code"], "birth_date": "1900-01-01"}
	known["grant"] = other.Do("POST", claimPath, claim).Expect(201).ID()
	known["correction"] = other.AskForCorrection(patient, "1").ID()
	known["invitation"] = c.Invite(patient)["id"]
	known["restriction"] = c.AddDoctor()
	hidden := Object{"doctor": known["restriction"]}
	c.Do("POST", "/api/patients/"+patient+"/restrictions/", hidden).Expect(201)
}

// AskForCorrection asks for a correction of the phone number of a patient who was granted to the user.
func (c *Client) AskForCorrection(patient, phone string) Response {
	c.T.Helper()
	body := Object{"field": "phone", "value": phone, "because": "It changed."}
	return c.Do("POST", "/api/patients/"+patient+"/corrections/", body).Expect(201)
}

// Invite invites somebody to see the patient, and returns the invitation with its code.
func (c *Client) Invite(patient string) Object {
	c.T.Helper()
	return c.Do("POST", "/api/patients/"+patient+"/invitations/", Object{"as": "delegate"}).Expect(201).Object()
}

// InviteColleague invites a colleague to share the patient, and returns the invitation with its code.
func (c *Client) InviteColleague(patient string) Object {
	c.T.Helper()
	return c.Do("POST", "/api/patients/"+patient+"/invitations/", Object{"as": "colleague"}).Expect(201).Object()
}

// AddRecords creates a record of each kind that a plain POST creates, also of modules that are added later. Its values
// are those of known, the text where the schema accepts any, and the examples of the contract. The id is added to known
// under the kind of record, which the module's expectations declare for the path of the new record.
func (c *Client) AddRecords(known Object, text string) {
	c.T.Helper()
	c.Service.limitWebhooks(c.T)
	for _, r := range c.Service.PlainCreators() {
		body := r.Body(known)
		for member := range body {
			schema := r.BodySchemas()[member]
			if known[member] == nil && text != "" && isFreeText(schema.Value) {
				body[member] = text
			}
		}
		var made Response
		add := func() {
			if made = c.Do(r.Method, r.Path, body); made.Status == 400 { // by a rule that the schema does not have
				made = c.Do(r.Method, r.Path, r.Body(known))
			}
		}
		if r.Role() == auth.Staff {
			add()
		} else {
			c.WithRole(r.Role(), add)
		}
		known[c.Service.kindAt(c.T, made.Expect(201).Header.Get("Location"))] = made.ID()
	}
}

// PlainCreators returns the routes that create a record by a plain POST: those of modules that are added later.
func (s *Service) PlainCreators() []Route {
	return slices.DeleteFunc(s.Routes(), func(r Route) bool {
		isPrefix := func(path string) bool { return strings.HasPrefix(r.Path, path) }
		return r.Method != "POST" || r.TakesID() || slices.ContainsFunc(specialCollections, isPrefix)
	})
}

// kindAt returns the kind of record of which the location has the id.
func (s *Service) kindAt(t testing.TB, location string) string {
	t.Helper()
	for _, r := range s.Routes() {
		if r.CollectionPath() != r.Path && strings.HasPrefix(location, r.CollectionPath()) {
			for _, id := range r.IDs {
				if id.In == "path" {
					return id.Of
				}
			}
		}
	}
	require.Fail(t, "an id is not declared", "declare the id in the path %s in %s of its module", location,
		expectationsFile)
	return ""
}

// specialCollections have records that are not created by a plain POST of an example.
var specialCollections = []string{
	"/api/auth/", "/api/users/", "/api/patients/", "/api/doctors/", "/api/mappings/", "/api/explosives/",
	"/api/practices/", "/api/appointment-types/", "/api/holidays/", "/api/emergency-access/", "/api/appointments/",
	"/api/appointment-series/", "/api/deliveries/", "/unsubscribe/",
}
