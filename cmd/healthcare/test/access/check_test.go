package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
)

// orders are the orders of the list of patients.
var orders = []string{"-created_at", "created_at", "-updated_at", "updated_at", "name", "-name"}

// check compares all that the users see with the model. The users send their requests at the same time. Patients are
// also listed in the order by two columns.
func (m *machine) check(byTwo string) error {
	errs := make([]error, len(m.users))
	var wg sync.WaitGroup
	for i, u := range m.users {
		wg.Go(func() {
			for _, compare := range []func() error{
				func() error { return m.checkLists(u, append(slices.Clone(orders), byTwo)) },
				func() error { return m.checkPatients(u) },
				func() error { return m.checkAssignments(u) },
			} {
				if errs[i] = compare(); errs[i] != nil {
					errs[i] = fmt.Errorf("user %d (%s): %w", i, u.role, errs[i])
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), m.checkExplanations())
}

// checkLists compares the list of patients in each order on pages of two; in one order on a page of fifty, with the
// count; and the list of each doctor's patients.
func (m *machine) checkLists(u *user, orders []string) error {
	for _, order := range orders {
		path := "/api/patients/?limit=2&ordering=" + order
		if err := m.comparePatients(u, path, m.visible(u, m.now(), order)); err != nil {
			return err
		}
	}
	last := orders[len(orders)-1]
	counted := "/api/patients/?limit=50&ordering=" + last
	if err := m.comparePatients(u, counted, m.visible(u, m.now(), last), countExactly...); err != nil {
		return err
	}
	for _, d := range m.doctors {
		treated := slices.DeleteFunc(m.visible(u, m.now(), orders[0]), func(p *patient) bool {
			return !slices.ContainsFunc(m.team(p), func(a *assignment) bool { return a.doctor == d })
		})
		if err := m.comparePatients(u, "/api/patients/?limit=2&doctor="+d.id, treated, countExactly...); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) comparePatients(u *user, path string, want []*patient, headers ...string) error {
	items, err := u.client.list(path, headers...)
	if err != nil {
		return err
	}
	var wanted, got []string
	for _, p := range want {
		wanted = append(wanted, m.shown(u, p))
	}
	for _, item := range items {
		shown, err := shownPatient(item)
		if err != nil {
			return err
		}
		got = append(got, shown)
	}
	return differs(path, wanted, got)
}

// shown returns the patient as the user should see it. The notes are hidden from patients and delegates.
func (m *machine) shown(u *user, p *patient) string {
	notes := notesOfAll
	if p.owner != u && m.represents(u, p, m.now()) && m.treats(u, p, m.now()) == "" {
		notes = ""
	}
	return fmt.Sprint(p.id, " ", p.name, " ", p.number, " ", p.owner.id, " ", p.created.Format(time.RFC3339Nano), " ",
		p.updated.Format(time.RFC3339Nano), " ", notes)
}

// shownPatient returns the same of a response.
func shownPatient(body []byte) (string, error) {
	var p struct {
		ID        string    `json:"id"`
		Name      string    `json:"name"`
		Number    *string   `json:"medical_record_number"`
		CreatedBy string    `json:"created_by"`
		CreatedAt time.Time `json:"created_at"`
		UpdatedAt time.Time `json:"updated_at"`
		Notes     string    `json:"notes"`
	}
	err := json.Unmarshal(body, &p)
	number := ""
	if p.Number != nil {
		number = *p.Number
	}
	return fmt.Sprint(p.ID, " ", p.Name, " ", number, " ", p.CreatedBy, " ", p.CreatedAt.Format(time.RFC3339Nano), " ",
		p.UpdatedAt.Format(time.RFC3339Nano), " ", p.Notes), err
}

// checkPatients compares the access to each patient by id, for reading and for changing, and to the care teams. The
// responses about a patient whom the user does not see are those about one who does not exist.
func (m *machine) checkPatients(u *user) error {
	missing := map[string]string{}
	for _, r := range requests(harness.MissingID) {
		got, err := u.client.send(r.method, r.path, r.body)
		if err != nil {
			return err
		}
		missing[r.name] = fmt.Sprint(got.status, " ", got.body)
	}
	absent := slices.Clone(m.removed[max(0, len(m.removed)-1):])
	for _, p := range m.patients {
		level := m.seesByID(u, p, m.now())
		if level == "" {
			absent = append(absent, p.id)
			continue
		}
		for _, r := range requests(p.id) {
			if r.name == "team" {
				if err := m.compareAssignments(u, r.path+"?limit=50", m.team(p)); err != nil {
					return err
				}
				continue
			}
			got, err := u.client.send(r.method, r.path, r.body)
			if err != nil {
				return err
			}
			want := 200
			if r.name == "change" {
				want = m.changing(u, p, patients.Write, 200)
			}
			if got.status != want {
				return fmt.Errorf("%s %s: %d instead of %d: %s", r.method, r.path, got.status, want, got.body)
			}
			if want != 200 {
				continue
			}
			shown, err := shownPatient([]byte(got.body))
			if err != nil || shown != m.shown(u, p) {
				return errors.Join(err, differs(r.method+" "+r.path, []string{m.shown(u, p)}, []string{shown}))
			}
		}
	}
	for i, id := range absent {
		for _, r := range requests(id) {
			if r.name != "read" && i != m.turn%len(absent) { // one patient after each event is enough
				continue
			}
			got, err := u.client.send(r.method, r.path, r.body)
			if err != nil {
				return err
			}
			if text := fmt.Sprint(got.status, " ", got.body); text != missing[r.name] {
				return differs(r.method+" "+r.path, []string{missing[r.name]}, []string{text})
			}
		}
	}
	return nil
}

type request struct {
	name, method, path string
	body               any
}

// requests are those about one patient. The change changes nothing.
func requests(id string) []request {
	return []request{
		{"read", "GET", "/api/patients/" + id + "/", nil},
		{"change", "PATCH", "/api/patients/" + id + "/", object{}},
		{"team", "GET", "/api/mappings/patient/" + id + "/", nil},
	}
}

// checkAssignments compares the list of assignments and its count, on pages of two in both orders, on one of fifty, and
// of each doctor. One assignment after each event is read by its id.
func (m *machine) checkAssignments(u *user) error {
	all := m.assigned(u, m.now())
	oldest := slices.Clone(all)
	slices.Reverse(oldest)
	lists := map[string][]*assignment{"limit=2": all, "limit=50": all, "limit=2&ordering=assigned_at": oldest}
	for _, d := range m.doctors {
		lists["limit=2&doctor="+d.id] = slices.DeleteFunc(slices.Clone(all), func(a *assignment) bool {
			return a.doctor != d
		})
	}
	for query, want := range lists {
		if err := m.compareAssignments(u, "/api/mappings/?"+query, want, countExactly...); err != nil {
			return err
		}
	}
	if len(m.assignments) == 0 {
		return nil
	}
	one, want := m.assignments[m.turn%len(m.assignments)], 404
	if m.seesByID(u, one.patient, m.now()) != "" {
		want = 200
	}
	got, err := u.client.send("GET", "/api/mappings/detail/"+one.id+"/", nil)
	if err == nil && got.status != want {
		err = fmt.Errorf("assignment %s: %d instead of %d: %s", one.id, got.status, want, got.body)
	}
	return err
}

func (m *machine) compareAssignments(u *user, path string, want []*assignment, headers ...string) error {
	items, err := u.client.list(path, headers...)
	if err != nil {
		return err
	}
	var wanted, got []string
	for _, a := range want {
		line := fmt.Sprint(a.id, " ", a.patient.id, " ", a.doctor.id, " ", a.access, " ", a.patient.name)
		wanted = append(wanted, line)
	}
	for _, item := range items {
		var a struct {
			ID      string `json:"id"`
			Patient string `json:"patient"`
			Doctor  string `json:"doctor"`
			Access  string `json:"access"`
			Details struct {
				Name string `json:"name"`
			} `json:"patient_details"`
		}
		if err := json.Unmarshal(item, &a); err != nil {
			return err
		}
		got = append(got, fmt.Sprint(a.ID, " ", a.Patient, " ", a.Doctor, " ", a.Access, " ", a.Details.Name))
	}
	return differs(path, wanted, got)
}

func differs(what string, want, got []string) error {
	if slices.Equal(want, got) {
		return nil
	}
	return fmt.Errorf("%s\nwant %q\ngot  %q", what, want, got)
}
