package security

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// hiddenWorld has a patient who is hidden from users, each of whom would see the patient in another capacity, as they
// see another patient of the same owner, practice and doctor.
type hiddenWorld struct {
	users        map[string]*harness.Client
	hidden, seen string
	doctor       string           // assigned to both with write
	ids          []string         // of the hidden patient and its assignment
	others       map[string][]any // other patients whom the users see
	hide         func(t *testing.T)
}

func newHiddenWorld(t *testing.T, s *harness.Service) *hiddenWorld {
	owner, admin := s.NewUser(t, "Owner"), s.NewUserWithRole(t, auth.Admin, "Admin")
	w := &hiddenWorld{users: map[string]*harness.Client{}, others: map[string][]any{}}
	practice := owner.AddPractice()
	w.hidden = owner.AddPatient(object{
		"name": "Zyxcanary A", "phone": "7391648", "notes": "zyxcanary", "email": "zyxcanary@home.example",
		"medical_record_number": "zyxcanary", "practice": practice,
	})
	w.seen = owner.AddPatient(object{"name": "Quetzal", "practice": practice})
	w.doctor = owner.AddDoctor()
	w.ids = append(w.ids, w.hidden)
	both := []string{w.hidden, w.seen}
	for _, patient := range both {
		assigned := object{"patient": patient, "doctor": w.doctor, "access": "write"}
		made := owner.Do("POST", "/api/mappings/", assigned).Expect(201).ID()
		if patient == w.hidden {
			w.ids = append(w.ids, made)
		}
	}
	user := func(name string) *harness.Client {
		c := s.NewUser(t, name)
		w.users[name], w.others[name] = c, []any{c.AddPatient(object{"name": "Own"})}
		return c
	}
	link := func(c *harness.Client, doctor string) {
		c.Do("POST", "/api/doctors/claims/", object{"code": admin.InviteDoctor(doctor)["code"]}).Expect(201)
	}
	join := func(c *harness.Client) {
		code := owner.InviteMember(practice, "keep")["code"]
		c.Do("POST", "/api/practices/claims/", object{"code": code}).Expect(201)
	}
	standIn := func(c, colleague *harness.Client) {
		code := colleague.InviteDeputy("write")["code"]
		c.Do("POST", "/api/auth/deputies/claims/", object{"code": code}).Expect(201)
	}
	share := func(c *harness.Client) {
		for _, patient := range both {
			as := object{"as": "colleague", "level": "write"}
			invited := owner.Do("POST", "/api/patients/"+patient+"/invitations/", as).Expect(201)
			c.Do("POST", "/api/patients/claims/", object{"code": invited.Object()["code"]}).Expect(201)
		}
	}
	treating, member, deputy := user("Treating"), user("Member"), user("Deputy")
	colleague, second, all := user("Colleague"), user("Second"), user("All")
	link(treating, w.doctor)
	record, other := owner.AddDoctor(), owner.AddDoctor()
	link(member, record)
	link(all, other)
	join(member)
	standIn(deputy, owner)
	share(colleague)
	standIn(second, colleague) // from whom it is hidden
	w.others["Second"] = append(w.others["Second"], w.others["Colleague"]...)
	join(second)
	join(all)
	standIn(all, owner)
	share(all)
	parties := []object{
		{"user": treating.UserID()}, {"doctor": record}, {"user": deputy.UserID()}, {"user": colleague.UserID()},
		{"user": all.UserID()},
	}
	w.hide = func(t *testing.T) {
		for _, party := range parties {
			owner.ForTest(t).Do("POST", "/api/patients/"+w.hidden+"/restrictions/", party).Expect(201)
		}
	}
	return w
}

// The queries of the lists that have patients, with each parameter. DOCTOR and PATIENT stand for ids.
var hiddenQueries = map[string][]string{
	"/api/patients/": {
		"", "search=zyxcanary", "search=7391648", "search=zyxcanary+home", "gender=Female", "age_min=1", "age_max=150",
		"doctor=DOCTOR", "doctor=DOCTOR&search=zyxcanary", "doctor=DOCTOR&gender=Female&ordering=name",
		"created_after=2020-01-01T00:00:00Z", "created_before=2099-01-01T00:00:00Z", "ordering=name", "ordering=-name",
		"ordering=created_at", "ordering=updated_at", "ordering=-updated_at",
	},
	"/api/mappings/": {
		"", "patient=PATIENT", "doctor=DOCTOR", "doctor=DOCTOR&patient=PATIENT", "created_after=2020-01-01T00:00:00Z",
		"created_before=2099-01-01T00:00:00Z", "ordering=assigned_at", "doctor=DOCTOR&ordering=-assigned_at",
	},
	"/api/emergency-access/": {"", "reviewed=false", "ordering=opened_at"},
}

// A patient who is hidden from a user is in none of the lists of the user, and in no number of them.
func TestAHiddenPatientIsInNoList(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newHiddenWorld(t, s)
		for _, r := range s.Routes() {
			if hiddenQueries[r.Path] == nil || r.Method != "GET" {
				continue
			}
			for _, name := range r.ParameterNames("query") {
				covered := slices.ContainsFunc(hiddenQueries[r.Path], func(query string) bool {
					return strings.Contains(query, name+"=")
				})
				require.True(t, covered || name == "cursor" || name == "limit", "%s?%s=", r.Path, name)
			}
		}
		for name, c := range w.users {
			want := append([]any{w.seen, w.hidden}, w.others[name]...)
			require.ElementsMatch(t, want, idsOf(c.Do("GET", "/api/patients/", nil)), name)
		}
		w.hide(t)
		for name := range w.users {
			t.Run(name, func(t *testing.T) {
				c := w.users[name].ForTest(t)
				want := append([]any{w.seen}, w.others[name]...)
				require.ElementsMatch(t, want, idsOf(c.Do("GET", "/api/patients/", nil)))
				require.Equal(t, []any{w.seen}, idsOf(c.Do("GET", "/api/patients/?doctor="+w.doctor, nil)))
				ids := strings.NewReplacer("DOCTOR", w.doctor, "PATIENT", w.hidden)
				for path, queries := range hiddenQueries {
					for _, query := range queries {
						w.list(t, c, path+"?limit=", ids.Replace(query))
					}
				}
				w.walk(t, s, c)
			})
		}
	})
}

func idsOf(a harness.Response) (ids []any) {
	for _, item := range a.Expect(200).List() {
		ids = append(ids, item["id"])
	}
	return ids
}

// list requires that a list, its number, and each of its pages of one record have nothing of the hidden patient.
func (w *hiddenWorld) list(t *testing.T, c *harness.Client, at, query string) {
	counted := c.Do("GET", strings.TrimSuffix(at+"50&"+query, "&"), nil, "Prefer", "count=exact").Expect(200)
	w.requireNothing(t, at+query, counted)
	require.Equal(t, fmt.Sprint(len(counted.List())), counted.Header.Get("X-Total-Count"), query)
	length := 0
	for next := strings.TrimSuffix(at+"1&"+query, "&"); next != ""; {
		page := c.Do("GET", next, nil).Expect(200)
		next = page.NextPage()
		w.requireNothing(t, at+query, page)
		length += len(page.List())
	}
	require.Equal(t, len(counted.List()), length, at+query)
}

func (w *hiddenWorld) requireNothing(t *testing.T, at string, a harness.Response) {
	t.Helper()
	a.Header.Del("Link") // it repeats the query
	response := strings.ToLower(fmt.Sprint(a.Header, string(a.Body)))
	for _, canary := range canaries {
		require.NotContains(t, response, canary, at)
	}
	for _, id := range w.ids {
		if !strings.Contains(at, id) {
			require.NotContains(t, response, id, at)
		}
	}
}

// walk requires the same of every other GET, about the patient whom the user sees and about the hidden one.
func (w *hiddenWorld) walk(t *testing.T, s *harness.Service, c *harness.Client) {
	for _, r := range s.Routes() {
		if r.Method != "GET" {
			continue
		}
		for _, id := range append([]string{w.seen, w.doctor, c.UserID()}, w.ids...) {
			at := r.PathWith(id)
			a := c.Do("GET", at, nil)
			require.Less(t, a.Status, 500, at)
			w.requireNothing(t, at, a)
			if slices.Contains(w.ids, id) && r.TakesID() {
				require.GreaterOrEqual(t, a.Status, 400, at)
			}
		}
	}
}
