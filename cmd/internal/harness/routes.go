package harness

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// Requests are derived from the contract, so that a route, a parameter, a member of a body or a column that
// is added later is covered without an edit.

// Route is one described operation.
type Route struct {
	Method, Path string
	Operation    *openapi3.Operation
	Parameters   openapi3.Parameters // the path's and the operation's
	Expectation                      // of its module, empty for an operation of a test
	examples     Object              // of every member that any schema gives one for
}

// Routes returns all operations of the API in a fixed order, without those for operators and documents.
func (s *Service) Routes() (all []Route) {
	examples := s.examples()
	for path, item := range s.Document.Paths.Map() {
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for method, op := range item.Operations() {
			r := Route{Method: method, Path: path, Operation: op, examples: examples}
			r.Parameters, r.Expectation = slices.Concat(item.Parameters, op.Parameters), s.expectations[r.String()]
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Route) int { return strings.Compare(a.String(), b.String()) })
	return all
}

func (s *Service) examples() Object {
	examples := Object{}
	for _, name := range slices.Sorted(maps.Keys(s.Document.Components.Schemas)) {
		for member, schema := range s.Document.Components.Schemas[name].Value.Properties {
			if examples[member] == nil && schema.Value.Example != nil {
				examples[member] = schema.Value.Example
			}
		}
	}
	return examples
}

// WithBody returns the routes that accept a body.
func WithBody(all []Route) []Route {
	return slices.DeleteFunc(slices.Clone(all), func(r Route) bool { return r.Operation.RequestBody == nil })
}

// String returns the path and the method.
func (r Route) String() string { return r.Path + " " + r.Method }

// SuccessStatus returns the status of the described response to a successful request.
func (r Route) SuccessStatus() (success int) {
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusNoContent} {
		if r.Operation.Responses.Status(status) != nil {
			success = status
		}
	}
	return success
}

// TakesID reports whether the path has an id.
func (r Route) TakesID() bool { return strings.Contains(r.Path, "{") }

// PathWith returns the path with id in place of every id.
func (r Route) PathWith(id string) string {
	var path strings.Builder
	for i, part := range strings.Split(r.Path, "/") {
		if i > 0 {
			path.WriteByte('/')
		}
		if strings.HasPrefix(part, "{") {
			part = id
		}
		path.WriteString(part)
	}
	return path.String()
}

// PathOf returns the path with the known id of each record that it names, as the module's expectations declare it. The
// id of a record of an unknown kind is that of the patient.
func (r Route) PathOf(known Object) string {
	path := r.Path
	for _, declared := range r.IDs {
		if id, ok := known[declared.Of].(string); ok && declared.In == "path" {
			path = strings.Replace(path, "{"+declared.Name+"}", id, 1)
		}
	}
	r.Path = path
	return r.PathWith(r.PathID(known)) + r.requiredQuery(known)
}

// requiredQuery returns the query with the known ids of the required parameters, or "".
func (r Route) requiredQuery(known Object) string {
	query := url.Values{}
	for _, parameter := range r.Operation.Parameters {
		for _, declared := range r.IDs {
			p, id := parameter.Value, known[declared.Of]
			if p.Required && p.In == "query" && declared.In == "query" && declared.Name == p.Name && id != nil {
				query.Set(p.Name, id.(string))
			}
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// CollectionPath returns the path up to the first id, which identifies the kind of record.
func (r Route) CollectionPath() string { return strings.Split(r.Path, "{")[0] }

// BodyMembers returns the members of the body in a fixed order.
func (r Route) BodyMembers() []string {
	if r.Operation.RequestBody == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.BodySchemas()))
}

// BodySchemas returns the schemas of the body's members.
func (r Route) BodySchemas() openapi3.Schemas {
	return r.bodySchema().Properties
}

func (r Route) bodySchema() *openapi3.Schema {
	return r.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value
}

// boundMembers are optional members that are unique, or bound to another member.
var boundMembers = []string{
	"birth_date", "medical_record_number", "license_number", "practice", "hold", "hold_minutes",
}

// Body returns a body that the route accepts, empty if it accepts none. Members of known replace the examples: ids, and
// values that must be unique. A member of one route has a key such as "/api/patients/claims/ code".
func (r Route) Body(known Object) Object {
	body := Object{}
	for _, member := range r.BodyMembers() {
		value, there := r.knownValue(known, member)
		switch {
		case member == "practice" && r.TakesID():
			continue // only a new patient is shared in this way
		case there:
		case r.takesNewName(member):
			value = "Type " + uuid.NewString()
		case !slices.Contains(r.bodySchema().Required, member) &&
			slices.Contains(boundMembers, member):
			continue
		default:
			value = r.example(member)
		}
		body[member] = value
	}
	return body
}

// takesNewName reports whether the member's value must differ from those of all records, also of other users.
func (r Route) takesNewName(member string) bool {
	return member == "name" && r.Path == "/api/appointment-types/"
}

func (r Route) knownValue(known Object, member string) (value any, ok bool) {
	if value, ok = known[r.Path+" "+member]; ok {
		return value, ok
	}
	for _, id := range r.IDs {
		if value, ok = known[id.Of]; ok && id.String() == "body "+member {
			return value, ok
		}
	}
	value, ok = known[member]
	return value, ok
}

func (r Route) example(member string) any {
	schema := r.BodySchemas()[member].Value
	switch {
	case schema.Example != nil:
		return schema.Example
	case r.examples[member] != nil:
		return r.examples[member]
	case schema.Type.Is("integer"):
		return *schema.Min
	}
	return "1"
}

// ChangedBody returns a body like Body, with another value in every member that is not known, where one can be chosen.
func (r Route) ChangedBody(known Object) Object {
	body := r.Body(known)
	for member, value := range body {
		if _, isKnown := r.knownValue(known, member); !isKnown && !r.takesNewName(member) {
			body[member] = changedValue(r.BodySchemas()[member].Value, value)
		}
	}
	return body
}

// ChangedValue returns a valid value of the member that differs from its example.
func (r Route) ChangedValue(member string) any {
	return changedValue(r.BodySchemas()[member].Value, r.example(member))
}

func changedValue(schema *openapi3.Schema, value any) any {
	switch number, isNumber := value.(float64); {
	case len(schema.Enum) > 0:
		other := slices.IndexFunc(schema.Enum, func(v any) bool { return v != value })
		return schema.Enum[max(other, 0)]
	case schema.Type.Is("boolean"):
		return value != true
	case isNumber && schema.Max != nil && number >= *schema.Max:
		return number - 1
	case isNumber:
		return number + 1
	case schema.Format == "date" && strings.HasPrefix(fmt.Sprint(value), "2099-"): // may not be in the past
		return "2099-12-31"
	case schema.Format == "date":
		return "1950-01-02"
	case schema.Format == "date-time":
		return "2126-01-02T03:04:00Z"
	case isFreeText(schema):
		if text, _ := value.(string); strings.Contains(text, "@") {
			return "changed@clinic.example"
		}
		return "Changed"
	}
	return value
}

// PathID returns the known id of the record that the path names, as the module's expectations declare it.
func (r Route) PathID(known Object) string {
	for _, declared := range r.IDs {
		if id, ok := known[declared.Of].(string); ok && declared.In == "path" {
			return id
		}
	}
	return known[Patient].(string)
}

// Allows reports whether a user of that role may call the route, as the document has it.
func (r Route) Allows(role auth.Role) bool {
	access, err := auth.ParseAccess(r.Operation.Extensions["x-access"])
	return err == nil && access.Allows(role)
}

// CallingRole returns the role with which a user of that role can call the route.
func (r Route) CallingRole(role auth.Role) auth.Role {
	switch {
	case r.String() == "/api/emergency-access/ POST": // EMERGENCY_ACCESS is doctors
		return doctors.Role
	case !r.Allows(role):
		return r.Role()
	}
	return role
}

// IsPublic reports whether the route needs no token.
func (r Route) IsPublic() bool { return r.Operation.Extensions["x-access"] == auth.Public }

// CreatesUser reports whether the route takes an address that must be new.
func (r Route) CreatesUser() bool {
	return r.Method == "POST" && (strings.Contains(r.Path, "register") || r.Path == "/api/users/")
}

// KnownValues creates a record of each kind and returns the values that bodies and paths may name, and those that prove
// the user's identity.
func (c *Client) KnownValues() Object {
	other := c.Service.NewUser(c.T, "Another"+c.Name)
	known := Object{
		Patient: c.AddPatient(), "doctor": c.AddDoctor(), "user": other.UserID(), "session": MissingID,
		"email": other.Email(), "password": Password, "current_password": Password, "new_password": Password,
		"overbook_reason": "Urgent",
	}
	known["/api/users/{id}/transfer/ to"] = c.UserID()
	known[claimPath+" code"] = other.InviteColleague(other.AddPatient())["code"]
	c.AddGrant(known, other)
	known["assignment"] = c.Assign(known[Patient].(string), c.AddDoctor()).Expect(201).ID()
	known["invited_doctor"], known["linked_doctor"] = c.AddDoctor(), c.AddDoctor()
	invitation := c.InviteDoctor(known["invited_doctor"].(string))
	known["doctor_invitation"], known[doctorClaimPath+" code"] = invitation["id"], invitation["code"]
	linked := c.Service.NewUser(c.T, "Linked"+c.Name)
	linked.Do("POST", doctorClaimPath, Object{
		"code": c.InviteDoctor(known["linked_doctor"].(string))["code"],
	}).Expect(201)
	c.AddFeed(known)
	c.AddActing(known, other)
	c.Service.addPrivacyOfficer(c.T)
	other.WithRole(doctors.Role, func() {
		known["emergency"] = other.OpenEmergency(linked.AddPatient()).Expect(201).ID()
	})
	known["/api/patients/{id}/restrictions/ user"] = nil // instead of the doctor
	c.AddOpeningHours(known)
	c.AddRecords(known, "")
	known["appointment"], known["series"] = c.AddAppointment(known).ID(), c.AddSeries(known)
	known["unused_type"] = c.AddAppointmentType() // which can be removed
	return known
}

const (
	claimPath, doctorClaimPath         = "/api/patients/claims/", "/api/doctors/claims/"
	practiceClaimPath, deputyClaimPath = "/api/practices/claims/", "/api/auth/deputies/claims/"
)

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

// AddFeed adds a calendar feed of the known doctor who is linked to an account.
func (c *Client) AddFeed(known Object) {
	c.T.Helper()
	c.WithRole(auth.Admin, func() {
		path := "/api/doctors/" + known["linked_doctor"].(string) + "/calendar-feeds/"
		feed := c.Do("POST", path, Object{"detail": "busy"}).Expect(201).Object()
		known["calendar_feed"] = feed["id"]
		known["calendar_file"] = strings.TrimPrefix(feed["url"].(string), "/calendar/")
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

// RefusesKeeper reports whether the operation is not for the user who keeps the patient.
func (r Route) RefusesKeeper() bool {
	return slices.ContainsFunc(r.IDs, func(id ID) bool { return id.Own == http.StatusForbidden })
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

// isFreeText reports whether the schema accepts a text of any form.
func isFreeText(schema *openapi3.Schema) bool {
	return schema.Type.Is("string") && schema.Format == "" && schema.Pattern == "" && len(schema.Enum) == 0
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
	"/api/appointment-series/",
}

// ParameterNames returns the described parameters of one location: query, header or path.
func (r Route) ParameterNames(place string) (names []string) {
	for _, p := range r.Parameters {
		if p.Value.In == place {
			names = append(names, p.Value.Name)
		}
	}
	return names
}

// PathWithQuery returns the path with one more query parameter.
func PathWithQuery(path, name, value string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + url.Values{name: {value}}.Encode()
}

// MissingID is an id that no record has.
const MissingID = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
