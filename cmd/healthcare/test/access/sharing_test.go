package access

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

const (
	maxOpen  = 5 // emergency accesses of a user
	practice = "/api/practices/"
	deputies = "/api/auth/me/deputies/"
)

// practiceOf is a practice with the levels of its members.
type practiceOf struct {
	id      string
	members map[*user]auth.Level
	invited []*offer
}

// deputy is a user who stands in for a colleague.
type deputy struct {
	user, colleague *user
	level           auth.Level
	until           time.Time
}

// offer is a code with which users join a practice, or become deputies.
type offer struct {
	deputy        // of an invitation of a deputy
	by      *user // who invited
	code    string
	expires time.Time
}

// restriction hides a patient from a doctor or a user.
type restriction struct {
	patient *patient
	doctor  *doctor
	user    *user
}

func (r *restriction) party() string {
	if r.doctor != nil {
		return r.doctor.id
	}
	return r.user.id
}

// emergency is an access of a user in an emergency.
type emergency struct {
	id      string
	patient *patient
	user    *user
	until   time.Time
}

// beginSharing creates two practices and some deputies.
func (m *machine) beginSharing() {
	for range 2 {
		u := m.anyUser()
		if u.role == "patient" {
			continue
		}
		made := m.send(u.client, "POST", practice, object{"name": "P"}, 201).object(m.t)
		m.practices = append(m.practices, &practiceOf{
			id: made["id"].(string), members: map[*user]auth.Level{u: auth.Keep},
		})
	}
	for range 3 {
		m.inviteMember()
		m.inviteDeputy()
	}
}

// endPractices removes all members of the practices, the managers last.
func (m *machine) endPractices() {
	for _, p := range m.practices {
		for _, managers := range []bool{false, true} {
			for u, level := range p.members {
				if (level == auth.Keep) == managers {
					m.send(m.root, "DELETE", practice+p.id+"/members/"+u.id+"/", nil, 204)
					delete(p.members, u)
				}
			}
		}
	}
}

// isColleague reports whether the role of the user may have capacities for others.
func isColleague(u *user) bool { return u.role != "patient" }

func (m *machine) anyLevel(levels ...auth.Level) auth.Level {
	return rapid.SampledFrom(levels).Draw(m.t, "level")
}

// ofMember returns the status of a request about the practice by a user, who needs to be a manager.
func (m *machine) ofManager(p *practiceOf, u *user, ok int) int {
	switch level := p.members[u]; {
	case !isColleague(u):
		return 403
	case level == "":
		return 404
	case level != auth.Keep:
		return 403
	}
	return ok
}

func (m *machine) inviteMember() {
	if len(m.practices) == 0 {
		return
	}
	p, u := pick(m.t, "practice", m.practices), m.anyUser()
	if rapid.Bool().Draw(m.t, "by a manager") {
		for member, level := range p.members {
			if level == auth.Keep {
				u = member
			}
		}
	}
	if p.members[u] == "" && u.role == "admin" {
		return // sees all practices
	}
	o := &offer{by: u, expires: m.now().Add(codesLast)}
	o.level = m.anyLevel(auth.Read, auth.Write, auth.Keep)
	if len(p.invited) >= 15 {
		return
	}
	status := m.ofManager(p, u, 201)
	made := m.send(u.client, "POST", practice+p.id+"/invitations/", object{"level": o.level}, status)
	if status != 201 {
		return
	}
	o.code = made.object(m.t)["code"].(string)
	p.invited = append(p.invited, o)
	if rapid.Bool().Draw(m.t, "at once") {
		m.join(p, o)
	}
}

func (m *machine) joinPractice() {
	p := pick(m.t, "practice", m.practices)
	if len(p.invited) > 0 {
		m.join(p, pick(m.t, "offer", p.invited))
	}
}

func (m *machine) join(p *practiceOf, o *offer) {
	u, status := m.anyUser(), 201
	switch {
	case !isColleague(u):
		status = 403
	case p.members[o.by] != auth.Keep || !m.now().Before(o.expires):
		status = 404
	case p.members[u] != "":
		status = 409
	}
	m.send(u.client, "POST", practice+"claims/", object{"code": o.code}, status)
	if status == 201 {
		p.members[u] = o.level
		p.invited = slices.DeleteFunc(p.invited, func(other *offer) bool { return other == o })
	}
}

// lastManager reports whether the practice has other members, but no other manager.
func (p *practiceOf) lastManager(u *user) bool {
	managers := 0
	for _, level := range p.members {
		if level == auth.Keep {
			managers++
		}
	}
	return p.members[u] == auth.Keep && managers == 1 && len(p.members) > 1
}

func (m *machine) changeMember() {
	p, u, member := pick(m.t, "practice", m.practices), m.anyUser(), m.anyUser()
	level := m.anyLevel(auth.Read, auth.Write, auth.Keep)
	if u.role == "admin" {
		return // may add members
	}
	status := m.ofManager(p, u, 200)
	switch {
	case status != 200:
	case p.members[member] == "":
		status = 404
	case level != auth.Keep && p.lastManager(member):
		status = 409
	}
	m.send(u.client, "PUT", practice+p.id+"/members/"+member.id+"/", object{"level": level}, status)
	if status == 200 {
		p.members[member] = level
	}
}

func (m *machine) removeMember() {
	p, u, member := pick(m.t, "practice", m.practices), m.anyUser(), m.anyUser()
	if rapid.Bool().Draw(m.t, "leaves") {
		u = member
	}
	if u.role == "admin" && p.members[u] == "" {
		return // sees all practices
	}
	status := m.ofManager(p, u, 204)
	switch {
	case status == 403 && isColleague(u) && (u == member || u.role == "admin"):
		status = 204
	}
	switch {
	case status != 204:
	case p.members[member] == "":
		status = 404
	case p.lastManager(member):
		status = 409
	}
	m.send(u.client, "DELETE", practice+p.id+"/members/"+member.id+"/", nil, status)
	if status == 204 {
		delete(p.members, member)
	}
}

func (m *machine) shareWithPractice() {
	p, with := pick(m.t, "patient", m.patients), pick(m.t, "practice", m.practices)
	u := m.actor(p)
	status := m.changing(u, p, auth.Keep, 204)
	if level := with.members[u]; status == 204 && (level == "" || !level.Includes(auth.Write)) {
		status = 404
	}
	m.send(u.client, "PUT", p.path()+"practices/"+with.id+"/", nil, status)
	if status == 204 && !slices.Contains(p.practices, with) {
		p.practices = append(p.practices, with)
	}
}

func (m *machine) endPractice() {
	p, with := pick(m.t, "patient", m.patients), pick(m.t, "practice", m.practices)
	u, status := m.actor(p), 204
	switch level := m.seesByID(u, p, m.now()); {
	case level == "", !slices.Contains(p.practices, with):
		status = 404
	case level != auth.Keep:
		status = 403
	}
	m.send(u.client, "DELETE", p.path()+"grants/"+with.id+"/", nil, status)
	if status == 204 {
		p.practices = slices.DeleteFunc(p.practices, func(other *practiceOf) bool { return other == with })
	}
}

func (m *machine) inviteDeputy() {
	u := m.anyUser()
	o := &offer{by: u}
	o.colleague, o.level = u, m.anyLevel(auth.Read, auth.Write)
	o.until = m.now().Add(time.Duration(rapid.SampledFrom([]int{1, 30, 1000}).Draw(m.t, "hours")) * time.Hour)
	if o.expires = m.now().Add(codesLast); o.until.Before(o.expires) {
		o.expires = o.until
	}
	if m.deputiesOf(u) >= 8 {
		return
	}
	status := 201
	if !isColleague(u) {
		status = 403
	}
	body := object{"level": o.level, "until": o.until.Format(time.RFC3339Nano)}
	made := m.send(u.client, "POST", deputies, body, status)
	if status != 201 {
		return
	}
	o.code = made.object(m.t)["code"].(string)
	m.offers = append(m.offers, o)
	if rapid.Bool().Draw(m.t, "at once") {
		m.standIn(o)
	}
}

// deputiesOf returns the number of deputies and invitations of the user, also those that have ended.
func (m *machine) deputiesOf(u *user) (count int) {
	for _, o := range m.offers {
		if o.colleague == u {
			count++
		}
	}
	for _, d := range m.deputies {
		if d.colleague == u {
			count++
		}
	}
	return count
}

func (m *machine) becomeDeputy() { m.standIn(pick(m.t, "offer", m.offers)) }

func (m *machine) standIn(o *offer) {
	u, status := m.anyUser(), 201
	switch {
	case !isColleague(u):
		status = 403
	case !m.now().Before(o.expires), !isColleague(o.colleague):
		status = 404
	case u == o.colleague:
		status = 409
	}
	m.send(u.client, "POST", "/api/auth/deputies/claims/", object{"code": o.code}, status)
	if status != 201 {
		return
	}
	replaced := func(d *deputy) bool { return d.user == u && d.colleague == o.colleague }
	m.deputies = slices.DeleteFunc(m.deputies, replaced)
	m.deputies = append(m.deputies, &deputy{u, o.colleague, o.level, o.until})
	m.offers = slices.DeleteFunc(m.offers, func(other *offer) bool { return other == o })
}

func (m *machine) endDeputy() {
	d := pick(m.t, "deputy", m.deputies)
	u, other := d.user, d.colleague
	if rapid.Bool().Draw(m.t, "by the colleague") {
		u, other = other, u
	}
	both := func(e *deputy) bool {
		return e.user == u && e.colleague == other || e.user == other && e.colleague == u
	}
	live := func(e *deputy) bool { return both(e) && m.now().Before(e.until) }
	status := 204
	if !isColleague(u) {
		status = 403
	} else if !slices.ContainsFunc(m.deputies, live) {
		status = 404
	}
	m.send(u.client, "DELETE", deputies+other.id+"/", nil, status)
	if status == 204 {
		m.deputies = slices.DeleteFunc(m.deputies, both)
	}
}

// asPatient returns the status of the user's request that the patient, delegates and the keeper may send.
func (m *machine) asPatient(u *user, p *patient, ok int) int {
	switch level := m.seesByID(u, p, m.now()); {
	case level == "":
		return 404
	case level != auth.Keep && !m.represents(u, p, m.now()):
		return 403
	}
	return ok
}

func (m *machine) restrict() {
	p := pick(m.t, "patient", m.patients)
	u, r := m.actor(p), &restriction{patient: p}
	body := object{}
	if rapid.Bool().Draw(m.t, "from a doctor") {
		r.doctor = pick(m.t, "doctor", m.doctors)
		body["doctor"] = r.doctor.id
	} else {
		r.user = m.anyUser()
		body["user"] = r.user.id
	}
	status := m.asPatient(u, p, 201)
	same := func(other *restriction) bool { return other.patient == p && other.party() == r.party() }
	hides := r.user
	if r.doctor != nil {
		hides = m.userOf(r.doctor)
	}
	if status == 201 && (hides != nil && (hides == p.owner || hides == u || m.granted(hides, p, m.now())) ||
		slices.ContainsFunc(m.restrictions, same)) {
		status = 409
	}
	m.send(u.client, "POST", p.path()+"restrictions/", body, status)
	if status == 201 {
		m.restrictions = append(m.restrictions, r)
	}
}

func (m *machine) endRestriction() {
	r := pick(m.t, "restriction", m.restrictions)
	u := m.actor(r.patient)
	status := m.asPatient(u, r.patient, 204)
	m.send(u.client, "DELETE", r.patient.path()+"restrictions/"+r.party()+"/", nil, status)
	if status == 204 {
		m.restrictions = slices.DeleteFunc(m.restrictions, func(other *restriction) bool { return other == r })
	}
}

func (m *machine) openEmergency() {
	p, u := pick(m.t, "patient", m.patients), m.anyUser()
	open := 0
	for _, e := range m.emergencies {
		if e.user == u && m.now().Before(e.until) {
			open++
		}
	}
	status := 201
	switch {
	case u.role != "doctor" && u.acts == nil:
		status = 403
	case m.seesByID(u, p, m.now()) != "" || open >= maxOpen:
		status = 409
	}
	minutes := rapid.SampledFrom([]int{15, 240}).Draw(m.t, "minutes")
	opened := m.send(u.client, "POST", "/api/emergency-access/", object{
		"patient": p.id, "reason": "other", "explanation": "An emergency.", "minutes": minutes,
		"password": harness.Password,
	}, status)
	if status == 201 {
		m.emergencies = append(m.emergencies, &emergency{
			opened.object(m.t)["id"].(string), p, u, m.now().Add(time.Duration(minutes) * time.Minute),
		})
	}
}

func (m *machine) endEmergency() {
	e := pick(m.t, "emergency", m.emergencies)
	status := 204
	if e.user.role == "patient" {
		status = 403
	}
	m.send(e.user.client, "DELETE", "/api/emergency-access/"+e.id+"/", nil, status)
	if status == 204 {
		m.emergencies = slices.DeleteFunc(m.emergencies, func(other *emergency) bool { return other == e })
	}
}

// checkExplanations compares the explanations of one patient with the model: those of the list for the owner, and those
// of each user for a privacy officer, who learns nothing about a patient whom the user does not see.
func (m *machine) checkExplanations() error {
	if len(m.patients) == 0 {
		return nil
	}
	p := m.patients[m.turn%len(m.patients)]
	if p.owner.role != "patient" {
		listed, err := m.explained(p.owner.client, p.path()+"access/")
		if err != nil {
			return err
		}
		var want, got []string
		for _, u := range m.users {
			want = append(want, fmt.Sprint(u.id, " ", m.explainable(u, p)))
			got = append(got, fmt.Sprint(u.id, " ", listed[u.id]))
		}
		if err := differs("who sees "+p.id, want, got); err != nil {
			return err
		}
	}
	for _, u := range m.users {
		for of, want := range map[string]auth.Level{p.id: m.explainable(u, p), harness.MissingID: ""} {
			path := "/api/access/explain/?patient=" + of + "&user=" + u.id
			got, err := m.privacy.send("GET", path, nil)
			if err != nil || got.status != 200 {
				return fmt.Errorf("%s: %d %s %w", path, got.status, got.body, err)
			}
			if sees, _ := got.object(m.t)["sees"].(string); sees != string(want) {
				return fmt.Errorf("%s: %q instead of %q: %s", path, sees, want, got.body)
			}
		}
	}
	return nil
}

// explainable returns the level at which the user sees the patient by id, as explanations have it.
func (m *machine) explainable(u *user, p *patient) auth.Level {
	level := m.seesByID(u, p, m.now())
	if level != "" && u.role == "patient" {
		return auth.Read
	}
	return level
}

// explained returns the level at which each user of the list sees the patient.
func (m *machine) explained(c *client, path string) (map[string]auth.Level, error) {
	got, err := c.send("GET", path, nil)
	if err != nil || got.status != 200 {
		return nil, fmt.Errorf("%s: %d %s %w", path, got.status, got.body, err)
	}
	all := map[string]auth.Level{}
	for _, item := range got.list(m.t) {
		sees, _ := item["sees"].(string)
		all[item["user"].(string)] = auth.Level(sees)
	}
	return all, nil
}
