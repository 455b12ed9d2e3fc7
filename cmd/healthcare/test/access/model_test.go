package access

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"healthcare/modules/assignments"
	"healthcare/modules/patients"
)

// model is what the service should store. It is naive: every question is answered by a loop over everything.
type model struct {
	users       []*user // those who have an account
	doctors     []*doctor
	patients    []*patient // in the order of their creation
	assignments []*assignment
	grants      []*grant
	invitations []*invitation
	removed     []string // ids of patients who were removed

	practices    []*practiceOf
	deputies     []*deputy
	offers       []*offer // of deputies
	restrictions []*restriction
	emergencies  []*emergency
}

type user struct {
	id, email, role string
	acts            *doctor // the doctor whose record is linked to the account
	client          *client
}

type doctor struct {
	id      string
	code    string // of the last invitation, or ""
	expires time.Time
	spent   bool // the code was claimed
}

type patient struct {
	id, name, number string
	owner            *user
	practices        []*practiceOf // with which it is shared
	born             time.Time     // zero: only the age is known
	created, updated time.Time
}

type assignment struct {
	id       string
	patient  *patient
	doctor   *doctor
	access   assignments.Access
	assigned time.Time
}

// grant is the access of a patient, a delegate or a colleague.
type grant struct {
	id      string
	patient *patient
	user    *user
	until   time.Time      // exclusive; zero: never ends
	self    bool           // the user is the patient, not a delegate
	shared  patients.Level // of a colleague, or ""
}

type invitation struct {
	grant    // without a user
	code     string
	by       *user
	expires  time.Time
	failures int
}

// claimed reports whether a user is the patient.
func (m *model) claimed(p *patient, at time.Time) bool {
	return slices.ContainsFunc(m.grants, func(g *grant) bool {
		return g.self && g.shared == "" && g.patient == p && (g.until.IsZero() || at.Before(g.until))
	})
}

// owns reports whether the user keeps patients.
func (m *model) owns(u *user) bool {
	return slices.ContainsFunc(m.patients, func(p *patient) bool { return p.owner == u })
}

// cares returns the level at which the user sees the patient as a doctor.
func (m *model) cares(u *user, p *patient) (level patients.Level) {
	for _, a := range m.assignments {
		if u.acts == nil || a.doctor != u.acts || a.patient != p || a.access == assignments.None {
			continue
		}
		if level == "" || a.access == assignments.Write {
			level = patients.Level(a.access)
		}
	}
	return level
}

// sees returns the level at which the user sees the patient at a time in lists, or "".
func (m *model) sees(u *user, p *patient, now time.Time) patients.Level {
	if p.owner == u {
		return patients.Keep
	}
	if m.restricted(u, p, now) {
		return ""
	}
	most := m.treats(u, p, now)
	if most == "" && m.granted(u, p, now) {
		return patients.Read
	}
	return most
}

// seesByID is sees, also in an emergency.
func (m *model) seesByID(u *user, p *patient, now time.Time) patients.Level {
	if level := m.sees(u, p, now); level != "" {
		return level
	}
	if slices.ContainsFunc(m.emergencies, func(e *emergency) bool {
		return e.user == u && e.patient == p && now.Before(e.until)
	}) {
		return patients.Read
	}
	return ""
}

// treats returns the level at which the user may use the patient of another user as a doctor or a colleague, unless it
// is restricted.
func (m *model) treats(u *user, p *patient, now time.Time) (most patients.Level) {
	add := func(level patients.Level) {
		if most == "" || level.Includes(most) {
			most = level
		}
	}
	if level := m.cares(u, p); level != "" {
		add(level)
	}
	for _, g := range m.grants {
		if g.user == u && g.patient == p && g.shared != "" && (g.until.IsZero() || now.Before(g.until)) {
			add(g.shared)
		}
	}
	for _, with := range p.practices {
		if level := with.members[u]; level != "" {
			add(level)
		}
	}
	for _, d := range m.deputies {
		if d.user == u && d.colleague == p.owner && now.Before(d.until) {
			add(d.level)
		}
	}
	return most
}

// restricted reports whether the patient is hidden from the user, or from a party for whom the user acts.
func (m *model) restricted(u *user, p *patient, now time.Time) bool {
	return slices.ContainsFunc(m.restrictions, func(r *restriction) bool {
		if r.patient != p {
			return false
		}
		standsIn := func(d *deputy) bool { return d.user == u && d.colleague == r.user && now.Before(d.until) }
		return r.doctor != nil && r.doctor == u.acts || r.user != nil && (r.user == u ||
			slices.ContainsFunc(m.deputies, standsIn))
	})
}

// granted reports whether the patient is granted to the user as the patient or a delegate.
func (m *model) granted(u *user, p *patient, now time.Time) bool {
	return slices.ContainsFunc(m.grants, func(g *grant) bool {
		return g.user == u && g.patient == p && g.shared == "" && (g.until.IsZero() || now.Before(g.until))
	})
}

// removeExpired removes the patient's grants that have expired, as an invitation and a claim do.
func (m *model) removeExpired(p *patient, now time.Time) {
	m.grants = slices.DeleteFunc(m.grants, func(g *grant) bool {
		return g.patient == p && !g.until.IsZero() && !now.Before(g.until)
	})
}

// represents reports whether the user sees the patient as the patient or a delegate.
func (m *model) represents(u *user, p *patient, now time.Time) bool {
	return m.granted(u, p, now) && !m.restricted(u, p, now)
}

// visible returns the patients whom the user sees, in an order as the API names it, such as "name" or "-name,id".
func (m *model) visible(u *user, now time.Time, ordering string) (all []*patient) {
	for _, p := range m.patients {
		if m.sees(u, p, now) != "" {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *patient) (order int) {
		descending := false
		for column := range strings.SplitSeq(ordering+",id", ",") {
			if column != "id" { // the order by id is that of the column before
				descending = strings.HasPrefix(column, "-")
			}
			if order = compare(a, b, strings.TrimPrefix(column, "-")); order != 0 {
				break
			}
		}
		if descending {
			return -order
		}
		return order
	})
	return all
}

func compare(a, b *patient, column string) int {
	switch column {
	case "created_at":
		return a.created.Compare(b.created)
	case "updated_at":
		return a.updated.Compare(b.updated)
	case "name":
		return strings.Compare(a.name, b.name)
	}
	return strings.Compare(a.id, b.id)
}

// assigned returns the assignments that the user finds without a filter, newest first: all those that the user can
// read, but as a doctor only those that let the user see the patient.
func (m *model) assigned(u *user, now time.Time) []*assignment {
	return m.newest(func(a *assignment) bool {
		return a.patient.owner == u || m.represents(u, a.patient, now) || u.acts != nil && a.doctor == u.acts &&
			a.access != assignments.None && !m.restricted(u, a.patient, now)
	})
}

// team returns the assignments of a patient, newest first.
func (m *model) team(p *patient) []*assignment {
	return m.newest(func(a *assignment) bool { return a.patient == p })
}

func (m *model) newest(found func(*assignment) bool) (all []*assignment) {
	for _, a := range m.assignments {
		if found(a) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *assignment) int {
		return cmp.Or(b.assigned.Compare(a.assigned), strings.Compare(b.id, a.id))
	})
	return all
}

// removePatients removes the patients for which gone returns true, and all that refers to them.
func (m *model) removePatients(gone func(*patient) bool) {
	for _, p := range m.patients {
		if gone(p) {
			m.removed = append(m.removed, p.id)
		}
	}
	m.patients = slices.DeleteFunc(m.patients, gone)
	m.assignments = slices.DeleteFunc(m.assignments, func(a *assignment) bool { return gone(a.patient) })
	m.grants = slices.DeleteFunc(m.grants, func(g *grant) bool { return gone(g.patient) })
	m.invitations = slices.DeleteFunc(m.invitations, func(i *invitation) bool { return gone(i.patient) })
	m.restrictions = slices.DeleteFunc(m.restrictions, func(r *restriction) bool { return gone(r.patient) })
	m.emergencies = slices.DeleteFunc(m.emergencies, func(e *emergency) bool { return gone(e.patient) })
}

// removeUser removes an account with its patients.
func (m *model) removeUser(u *user) {
	m.removePatients(func(p *patient) bool { return p.owner == u })
	m.grants = slices.DeleteFunc(m.grants, func(g *grant) bool { return g.user == u })
	m.restrictions = slices.DeleteFunc(m.restrictions, func(r *restriction) bool { return r.user == u })
	m.emergencies = slices.DeleteFunc(m.emergencies, func(e *emergency) bool { return e.user == u })
	m.deputies = slices.DeleteFunc(m.deputies, func(d *deputy) bool { return d.user == u || d.colleague == u })
	m.offers = slices.DeleteFunc(m.offers, func(o *offer) bool { return o.colleague == u })
	for _, p := range m.practices {
		delete(p.members, u)
	}
	m.users = slices.DeleteFunc(m.users, func(other *user) bool { return other == u })
}

// userOf returns the user who acts for the doctor, or nil.
func (m *model) userOf(d *doctor) *user {
	for _, u := range m.users {
		if u.acts == d {
			return u
		}
	}
	return nil
}

// unlink ends the link of the doctor's record, if any.
func (m *model) unlink(d *doctor) {
	if u := m.userOf(d); u != nil {
		u.acts = nil
		if u.role == "doctor" {
			u.role = "staff"
		}
	}
}

// removeDoctor removes a doctor, and moves the assignments to another doctor, if any. It returns the new assignments,
// which lack the id.
func (m *model) removeDoctor(d, to *doctor, now time.Time) (made []*assignment) {
	m.unlink(d)
	for _, a := range m.assignments {
		assigned := func(b *assignment) bool { return b.patient == a.patient && b.doctor == to }
		if a.doctor == d && to != nil && !slices.ContainsFunc(m.assignments, assigned) {
			made = append(made, &assignment{patient: a.patient, doctor: to, access: assignments.None, assigned: now})
		}
	}
	m.assignments = slices.DeleteFunc(m.assignments, func(a *assignment) bool { return a.doctor == d })
	m.assignments = append(m.assignments, made...)
	m.restrictions = slices.DeleteFunc(m.restrictions, func(r *restriction) bool { return r.doctor == d })
	m.doctors = slices.DeleteFunc(m.doctors, func(other *doctor) bool { return other == d })
	return made
}

// transfer moves up to limit patients to another user, oldest first. It returns the number of those that were moved and
// that could be moved next.
func (m *model) transfer(from, to *user, limit int, now time.Time) (moved, left int) {
	taken := map[string]bool{}
	var own []*patient
	for _, p := range m.patients {
		if p.owner == to && p.number != "" {
			taken[p.number] = true
		}
		if p.owner == from {
			own = append(own, p)
		}
	}
	slices.SortFunc(own, func(a, b *patient) int {
		return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
	})
	for _, p := range own {
		switch {
		case taken[p.number]:
		case moved == limit:
			left++
		default:
			p.owner, p.updated = to, now
			m.restrictions = slices.DeleteFunc(m.restrictions, func(r *restriction) bool {
				return r.patient == p && r.user == to
			})
			moved++
		}
	}
	return moved, left
}
