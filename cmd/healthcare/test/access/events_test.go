package access

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/assignments"
	"healthcare/modules/patients"
)

const (
	notesOfAll  = "N"
	maxPatients = 6
	maxInvited  = 10 // open invitations of a patient
	codesLast   = 72 * time.Hour
	tokensLast  = 23 * time.Hour
)

var (
	someName   = rapid.SampledFrom([]string{"A", "B", "a", "Ä"})
	someNumber = rapid.SampledFrom([]string{"", "", "1", "2"})
	someAccess = rapid.SampledFrom([]assignments.Access{"", assignments.None, assignments.Read, assignments.Write})
)

// event draws one of the events that are possible, each as often as its weight. An event sends a request of any user,
// also of one who may not do it, and expects the status that follows from the model.
func (m *machine) event(t *rapid.T) {
	m.t = t
	var names []string
	events := map[string]func(){}
	add := func(weight int, name string, possible bool, event func()) {
		if events[name] = event; possible {
			names = append(names, slices.Repeat([]string{name}, weight)...)
		}
	}
	some, assigned := len(m.patients) > 0, len(m.assignments) > 0
	add(3, "add a patient", len(m.patients) < maxPatients, m.addPatient)
	add(2, "rename a patient", some, m.renamePatient)
	add(1, "remove a patient", some, m.removePatient)
	add(2, "transfer patients", some, m.transferPatients)
	add(3, "assign a doctor", some, m.assign)
	add(3, "change an access", assigned, m.changeAccess)
	add(2, "discharge", assigned, m.discharge)
	add(2, "invite a doctor", true, m.inviteDoctor)
	add(2, "claim a record", true, m.claimRecord)
	add(2, "unlink a doctor", true, m.unlinkDoctor)
	add(1, "remove a doctor", true, m.removeAnyDoctor)
	add(1, "remove a doctor in use", true, m.removeDoctorInUse)
	add(3, "invite a person", some, m.invitePerson)
	add(3, "claim a patient", len(m.invitations) > 0, m.claimPatient)
	add(2, "withdraw a grant", len(m.grants) > 0, m.withdrawGrant)
	add(1, "withdraw an invitation", len(m.invitations) > 0, m.withdrawInvitation)
	add(3, "wait", true, m.wait)
	add(2, "invite a member", true, m.inviteMember)
	add(2, "join a practice", len(m.practices) > 0, m.joinPractice)
	add(2, "change a member", len(m.practices) > 0, m.changeMember)
	add(1, "remove a member", len(m.practices) > 0, m.removeMember)
	add(2, "share with a practice", some && len(m.practices) > 0, m.shareWithPractice)
	add(1, "end the sharing with a practice", some && len(m.practices) > 0, m.endPractice)
	add(2, "invite a deputy", true, m.inviteDeputy)
	add(2, "become a deputy", len(m.offers) > 0, m.becomeDeputy)
	add(1, "end a deputy", len(m.deputies) > 0, m.endDeputy)
	add(4, "restrict", some, m.restrict)
	add(2, "end a restriction", len(m.restrictions) > 0, m.endRestriction)
	add(2, "open an emergency access", some, m.openEmergency)
	add(1, "end an emergency access", len(m.emergencies) > 0, m.endEmergency)
	add(1, "remove an account", true, m.removeAccount)
	add(1, "make a patient staff", slices.ContainsFunc(m.users, isPatient), m.makeStaff)
	name := rapid.SampledFrom(names).Draw(t, "event")
	m.clock.Advance(time.Duration(rapid.IntRange(0, 1).Draw(t, "seconds")) * time.Second)
	events[name]()
}

func isPatient(u *user) bool { return u.role == "patient" }

// pick draws one of all.
func pick[T any](t *rapid.T, what string, all []T) T {
	return all[rapid.IntRange(0, len(all)-1).Draw(t, what)]
}

func (m *machine) anyUser() *user { return pick(m.t, "user", m.users) }

// actor draws the owner of the patient, or, less often, any user.
func (m *machine) actor(p *patient) *user {
	if rapid.IntRange(0, 2).Draw(m.t, "by any user") == 2 {
		return m.anyUser()
	}
	return p.owner
}

// changing returns the status of the user's request for a change of the patient that needs a level: ok, if the user has
// it.
func (m *machine) changing(u *user, p *patient, needs patients.Level, ok int) int {
	level := m.seesByID(u, p, m.now())
	switch {
	case u.role == "patient":
		return 403
	case level == "":
		return 404
	case !level.Includes(needs):
		return 403
	}
	return ok
}

func (p *patient) path() string { return "/api/patients/" + p.id + "/" }

func (m *machine) addPatient() {
	p := &patient{
		owner: m.anyUser(), name: someName.Draw(m.t, "name"), number: someNumber.Draw(m.t, "number"),
		created: m.now(), updated: m.now(),
	}
	body := object{"name": p.name, "gender": "Other", "medical_record_number": p.number, "notes": notesOfAll}
	switch rapid.SampledFrom([]string{"age", "adult", "child"}).Draw(m.t, "born") {
	case "age":
		body["age"] = 30
	case "adult":
		p.born = m.now().AddDate(-40, 0, 0)
	case "child": // of age in the next days
		p.born = m.now().AddDate(-18, 0, 2)
	}
	if !p.born.IsZero() {
		p.born = p.born.Truncate(24 * time.Hour)
		body["birth_date"] = p.born.Format(time.DateOnly)
	}
	status := 201
	if slices.ContainsFunc(m.patients, func(other *patient) bool {
		return other.owner == p.owner && other.number == p.number && p.number != ""
	}) {
		status = 409
	}
	if mayWrite := m.practicesOf(p.owner); len(mayWrite) > 0 && rapid.Bool().Draw(m.t, "for a practice") {
		with := pick(m.t, "practice", mayWrite)
		p.practices, body["practice"] = []*practiceOf{with}, with.id
	}
	if p.owner.role == "patient" {
		status = 403
	}
	added := m.send(p.owner.client, "POST", "/api/patients/", body, status)
	if status == 201 {
		p.id = added.object(m.t)["id"].(string)
		m.patients = append(m.patients, p)
	}
}

// practicesOf returns the practices in which the user may write.
func (m *machine) practicesOf(u *user) (all []*practiceOf) {
	for _, p := range m.practices {
		if level := p.members[u]; level != "" && level.Includes(patients.Write) {
			all = append(all, p)
		}
	}
	return all
}

func (m *machine) renamePatient() {
	p := pick(m.t, "patient", m.patients)
	u, name := m.actor(p), someName.Draw(m.t, "name")
	status := m.changing(u, p, patients.Write, 200)
	m.send(u.client, "PATCH", p.path(), object{"name": name}, status)
	if status == 200 && name != p.name {
		p.name, p.updated = name, m.now()
	}
}

func (m *machine) removePatient() {
	p := pick(m.t, "patient", m.patients)
	u := m.actor(p)
	status := m.changing(u, p, patients.Keep, 204)
	m.send(u.client, "DELETE", p.path(), nil, status)
	if status == 204 {
		m.removePatients(func(other *patient) bool { return other == p })
	}
}

func (m *machine) transferPatients() {
	from := m.anyUser()
	to := pick(m.t, "to", slices.DeleteFunc(slices.Clone(m.users), func(u *user) bool { return u == from }))
	limit := rapid.IntRange(1, 2).Draw(m.t, "limit")
	body, path := object{"to": to.id, "limit": limit}, "/api/users/"+from.id+"/transfer/"
	if to.role == "patient" {
		m.send(m.root, "POST", path, body, 409)
		return
	}
	done := m.send(m.root, "POST", path, body, 200).object(m.t)
	moved, left := m.transfer(from, to, limit, m.now())
	if want := fmt.Sprint(moved, " ", left); want != fmt.Sprint(done["moved"], " ", done["left"]) {
		m.t.Fatalf("moved and left: %s instead of %s", done, want)
	}
}

func (m *machine) assign() {
	p, d := pick(m.t, "patient", m.patients), pick(m.t, "doctor", m.doctors)
	u, access := m.actor(p), someAccess.Draw(m.t, "access")
	body := object{"patient": p.id, "doctor": d.id}
	if access != "" {
		body["access"] = access
	} else {
		access = assignments.Read
	}
	status := m.changing(u, p, patients.Write, 201)
	assigned := slices.ContainsFunc(m.team(p), func(a *assignment) bool { return a.doctor == d })
	if status == 201 && assigned {
		status = 409
	}
	made := m.send(u.client, "POST", "/api/mappings/", body, status)
	if status == 201 {
		id := made.object(m.t)["id"].(string)
		m.assignments = append(m.assignments, &assignment{id, p, d, access, m.now()})
	}
}

// treating returns the status of the user's request for a change of an assignment: nobody but the owner changes the
// access of the doctor for whom they act.
func (m *machine) treating(u *user, a *assignment, ok int) int {
	status := m.changing(u, a.patient, patients.Write, ok)
	if status == ok && a.patient.owner != u && u.acts == a.doctor {
		return 403
	}
	return status
}

func (m *machine) changeAccess() {
	a := pick(m.t, "assignment", m.assignments)
	u := m.actor(a.patient)
	access := rapid.SampledFrom([]assignments.Access{assignments.None, assignments.Read, assignments.Write}).
		Draw(m.t, "access")
	status := m.treating(u, a, 200)
	m.send(u.client, "PATCH", "/api/mappings/"+a.id+"/", object{"access": access}, status)
	if status == 200 {
		a.access = access
	}
}

func (m *machine) discharge() {
	a := pick(m.t, "assignment", m.assignments)
	u := m.actor(a.patient)
	status := m.treating(u, a, 204)
	m.send(u.client, "DELETE", "/api/mappings/"+a.id+"/", nil, status)
	if status == 204 {
		m.assignments = slices.DeleteFunc(m.assignments, func(b *assignment) bool { return b == a })
	}
}

// inviteDoctor invites to link an account to a record, which often happens at once.
func (m *machine) inviteDoctor() {
	d := pick(m.t, "doctor", m.doctors)
	if m.userOf(d) != nil {
		m.send(m.root, "POST", "/api/doctors/"+d.id+"/invitations/", nil, 409)
		return
	}
	m.invite(d)
	if rapid.Bool().Draw(m.t, "at once") {
		m.claimRecordOf(d)
	}
}

func (m *machine) invite(d *doctor) {
	invited := m.send(m.root, "POST", "/api/doctors/"+d.id+"/invitations/", nil, 201)
	d.code, d.expires, d.spent = invited.object(m.t)["code"].(string), m.now().Add(codesLast), false
}

func (m *machine) claimRecord() { m.claimRecordOf(pick(m.t, "doctor", m.doctors)) }

func (m *machine) claimRecordOf(d *doctor) {
	if d.code == "" {
		return // was never invited
	}
	u, status := m.anyUser(), 201
	switch {
	case d.spent || !m.now().Before(d.expires):
		status = 404
	case u.acts != nil, u.role == "patient":
		status = 409
	}
	m.send(u.client, "POST", "/api/doctors/claims/", object{"code": d.code}, status)
	if status == 201 {
		u.acts, d.spent = d, true
		if u.role == "staff" {
			u.role = "doctor"
		}
	}
}

func (m *machine) unlinkDoctor() {
	d, u := pick(m.t, "doctor", m.doctors), m.anyUser()
	linked, status := m.userOf(d), 204
	switch {
	case u.role != "admin" && u.role != "doctor":
		status = 403
	case linked == nil:
		status = 404
	case u.role != "admin" && linked != u:
		status = 403
	}
	m.send(u.client, "DELETE", "/api/doctors/"+d.id+"/link/", nil, status)
	if status == 204 {
		m.unlink(d)
	}
}

// removeAnyDoctor removes a doctor, and adds another one.
func (m *machine) removeAnyDoctor() {
	d, u := pick(m.t, "doctor", m.doctors), m.anyUser()
	linked, status := m.userOf(d), 204
	ofOthers := func(a *assignment) bool { return a.doctor == d && a.patient.owner != u }
	switch {
	case u.role == "patient", u.role != "admin" && linked != nil && linked != u:
		status = 403
	case slices.ContainsFunc(m.assignments, ofOthers):
		status = 409
	}
	m.send(u.client, "DELETE", "/api/doctors/"+d.id+"/", nil, status)
	if status == 204 {
		m.removeDoctor(d, nil, m.now())
		m.addDoctor()
	}
}

// removeDoctorInUse removes a doctor whose assignments end or move to another doctor, and adds another one.
func (m *machine) removeDoctorInUse() {
	d := pick(m.t, "doctor", m.doctors)
	var to *doctor
	query := "?force=true"
	if rapid.Bool().Draw(m.t, "reassigned") {
		to = pick(m.t, "to", m.doctors)
		query = "?reassign_to=" + to.id
	}
	if to == d {
		m.send(m.root, "DELETE", "/api/doctors/"+d.id+"/"+query, nil, 400)
		return
	}
	m.finish(m.send(m.root, "DELETE", "/api/doctors/"+d.id+"/"+query, nil, 202))
	for _, a := range m.removeDoctor(d, to, m.now()) {
		path := "/api/mappings/?patient=" + a.patient.id + "&doctor=" + a.doctor.id
		items := m.send(a.patient.owner.client, "GET", path, nil, 200).list(m.t)
		if len(items) != 1 {
			m.t.Fatalf("not moved: %v", items)
		}
		a.id = items[0]["id"].(string)
	}
	m.addDoctor()
}

func (m *machine) invitePerson() {
	p := pick(m.t, "patient", m.patients)
	u := m.actor(p)
	i := &invitation{by: u, expires: m.now().Add(codesLast)}
	i.patient, i.self = p, rapid.Bool().Draw(m.t, "self")
	body := object{"as": "delegate"}
	if i.self {
		body["as"] = "self"
	} else if rapid.Bool().Draw(m.t, "shared") {
		i.shared = rapid.SampledFrom([]patients.Level{patients.Read, patients.Write}).Draw(m.t, "level")
		body = object{"as": "colleague", "level": i.shared}
	}
	if hours := rapid.SampledFrom([]int{0, 1, 30, 100}).Draw(m.t, "hours"); hours > 0 {
		i.until = m.now().Add(time.Duration(hours) * time.Hour)
		body["until"] = i.until.Format(time.RFC3339Nano)
		if i.until.Before(i.expires) {
			i.expires = i.until
		}
	}
	status := m.changing(u, p, patients.Keep, 201)
	void := func(other *invitation) bool {
		return other.patient == p && (other.failures >= 3 || !m.now().Before(other.expires))
	}
	open := 0
	for _, other := range m.invitations {
		if other.patient == p && !void(other) {
			open++
		}
	}
	if status == 201 && (open >= maxInvited || i.self && m.claimed(p, m.now())) {
		status = 409
	}
	made := m.send(u.client, "POST", p.path()+"invitations/", body, status)
	if status != 201 {
		return
	}
	m.invitations = slices.DeleteFunc(m.invitations, void)
	m.removeExpired(p, m.now())
	i.id, i.code = made.object(m.t)["id"].(string), made.object(m.t)["code"].(string)
	m.invitations = append(m.invitations, i)
	if rapid.Bool().Draw(m.t, "at once") {
		m.claim(i)
	}
}

func (m *machine) claimPatient() { m.claim(pick(m.t, "invitation", m.invitations)) }

func (m *machine) claim(i *invitation) {
	u, p := m.claimant(i.patient), i.patient
	body, wrong := object{"code": i.code, "birth_date": "1900-01-01"}, false
	if i.shared != "" {
		delete(body, "birth_date")
	} else if !p.born.IsZero() {
		if wrong = rapid.IntRange(0, 4).Draw(m.t, "wrong") == 0; !wrong {
			body["birth_date"] = p.born.Format(time.DateOnly)
		}
	}
	status := 201
	switch {
	case m.sees(i.by, p, m.now()) != patients.Keep || i.failures >= 3 || !m.now().Before(i.expires):
		status = 404
	case i.shared != "" && u.role == "patient":
		status = 409
	case u == p.owner:
		status = 409
	case wrong:
		status = 404
		i.failures++
	case i.self && m.claimed(p, m.now()):
		status = 409
	}
	m.send(u.client, "POST", "/api/patients/claims/", body, status)
	if status != 201 {
		return
	}
	m.removeExpired(p, m.now())
	g := i.grant
	g.user = u
	if adult := p.born.AddDate(18, 0, 0); !i.self && i.shared == "" && !p.born.IsZero() && m.now().Before(adult) &&
		(g.until.IsZero() || adult.Before(g.until)) {
		g.until = adult
	}
	m.grants = append(m.grants, &g)
	if i.shared == "" {
		m.restrictions = slices.DeleteFunc(m.restrictions, func(r *restriction) bool {
			return r.patient == p && (r.user == u || r.doctor != nil && r.doctor == u.acts)
		})
	}
	m.invitations = slices.DeleteFunc(m.invitations, func(other *invitation) bool { return other == i })
	if i.shared == "" && u.role == "staff" && u.acts == nil && !m.owns(u) && !m.actsForOthers(u) {
		u.role = "patient"
	}
}

// actsForOthers reports whether the user is a member of a practice or a deputy.
func (m *machine) actsForOthers(u *user) bool {
	return slices.ContainsFunc(m.practices, func(p *practiceOf) bool { return p.members[u] != "" }) ||
		slices.ContainsFunc(m.deputies, func(d *deputy) bool { return d.user == u && m.now().Before(d.until) })
}

// claimant returns any user, and often one who sees the patient by a grant: the grants of a user end one by one.
func (m *machine) claimant(p *patient) *user {
	for _, g := range m.grants {
		if g.patient == p && rapid.Bool().Draw(m.t, "again") {
			return g.user
		}
	}
	return m.anyUser()
}

// isOnlyGrant reports whether the user has no other grant of the patient.
func (m *machine) isOnlyGrant(g *grant) bool {
	return !slices.ContainsFunc(m.grants, func(other *grant) bool {
		return other != g && other.patient == g.patient && other.user == g.user
	})
}

func (m *machine) withdrawGrant() {
	among := m.grants
	if several := slices.DeleteFunc(slices.Clone(among), m.isOnlyGrant); len(several) > 0 {
		among = several
	}
	g := pick(m.t, "grant", among)
	u := m.actor(g.patient)
	if rapid.Bool().Draw(m.t, "by the person") {
		u = g.user
	}
	status := 204
	switch {
	case m.seesByID(u, g.patient, m.now()) == "":
		status = 404
	case m.sees(u, g.patient, m.now()) != patients.Keep && u != g.user:
		status = 403
	}
	m.send(u.client, "DELETE", g.patient.path()+"grants/"+g.id+"/", nil, status)
	if status == 204 {
		m.grants = slices.DeleteFunc(m.grants, func(other *grant) bool { return other == g })
	}
}

func (m *machine) withdrawInvitation() {
	i := pick(m.t, "invitation", m.invitations)
	u := m.actor(i.patient)
	status := m.changing(u, i.patient, patients.Keep, 204)
	m.send(u.client, "DELETE", i.patient.path()+"invitations/"+i.id+"/", nil, status)
	if status == 204 {
		m.invitations = slices.DeleteFunc(m.invitations, func(other *invitation) bool { return other == i })
	}
}

// wait lets hours pass, or the time until something expires, or until the moment before.
func (m *machine) wait() {
	ends := []time.Time{m.now().Add(time.Hour), m.now().Add(12 * time.Hour)}
	for _, g := range m.grants {
		ends = append(ends, g.until, g.until.Add(-time.Microsecond))
	}
	for _, i := range m.invitations {
		ends = append(ends, i.expires, i.expires.Add(-time.Microsecond))
	}
	for _, e := range m.emergencies {
		ends = append(ends, e.until, e.until.Add(-time.Microsecond))
	}
	for _, d := range m.deputies {
		ends = append(ends, d.until, d.until.Add(-time.Microsecond))
	}
	for _, d := range m.doctors {
		if d.spent {
			continue
		}
		ends = append(ends, d.expires, d.expires.Add(-time.Microsecond))
	}
	ends = slices.DeleteFunc(ends, func(at time.Time) bool { return !at.After(m.now()) })
	m.clock.Advance(pick(m.t, "until", ends).Sub(m.now()))
	if m.now().Sub(m.signedIn) < tokensLast {
		return
	}
	m.signedIn = m.now()
	for _, u := range m.users {
		m.signIn(u)
	}
	m.root.token, m.privacy.token = m.rootSignsIn(), m.privacySignsIn()
}

// removeAccount removes an account, with the patients if it has some, and adds another one.
func (m *machine) removeAccount() {
	u, path, status := m.anyUser(), "/api/auth/me/", 204
	if rapid.Bool().Draw(m.t, "with patients") {
		path += "?patients=delete"
	} else if m.owns(u) {
		status = 409
	}
	if slices.ContainsFunc(m.practices, func(p *practiceOf) bool { return p.lastManager(u) }) {
		status = 409
	}
	m.send(u.client, "DELETE", path, object{"password": harness.Password}, status)
	if status == 204 {
		m.removeUser(u)
		m.addUser()
	}
}

// makeStaff lets an administrator make the account of a patient that of staff, who may register patients.
func (m *machine) makeStaff() {
	others := func(u *user) bool { return !isPatient(u) }
	m.setRole(pick(m.t, "user", slices.DeleteFunc(slices.Clone(m.users), others)), "staff")
}
