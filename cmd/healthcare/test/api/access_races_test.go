package api

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// accessRace is two or three requests about the same records, which are sent at once.
type accessRace struct {
	name string
	// start creates the records of one round and returns the requests, and how they may end together: "201 404".
	start    func(w *raceWorld) []func() harness.Response
	outcomes []string
}

// raceWorld is what the races share.
type raceWorld struct {
	*harness.Service
	t            *testing.T
	users        int
	admin, owner *harness.Client
	shared       *sharing                 // of sharingRaces
	then         func([]harness.Response) // checks the state after a round
}

// user returns a new user who has registered.
func (w *raceWorld) user() *harness.Client {
	w.users++
	return w.NewUser(w.t, fmt.Sprint("User", w.users))
}

func (w *raceWorld) invite(patient string) object {
	return object{"code": w.owner.Invite(patient)["code"], "birth_date": "1900-01-01"}
}

// inviteDoctor returns a new doctor's record, and the body of its claim.
func (w *raceWorld) inviteDoctor() (doctor string, claim object) {
	doctor = w.owner.AddDoctor()
	invited := w.admin.Do("POST", doctorAt(doctor)+"invitations/", nil).Expect(201).Object()
	return doctor, object{"code": invited["code"]}
}

// linked returns a new doctor's record, and its user.
func (w *raceWorld) linked() (doctor string, user *harness.Client) {
	doctor, claim := w.inviteDoctor()
	user = w.user()
	user.Do("POST", doctorClaims, claim).Expect(201)
	return doctor, user
}

func request(c *harness.Client, method, path string, body any) func() harness.Response {
	return func() harness.Response { return c.Do(method, path, body) }
}

func patientAt(id string) string { return "/api/patients/" + id + "/" }
func mappingAt(id string) string { return "/api/mappings/" + id + "/" }

// transfer gives patients of one user to another.
func (w *raceWorld) transfer(from, to string) func() harness.Response {
	return request(w.admin, "POST", "/api/users/"+from+"/transfer/", object{"to": to, "limit": 1000})
}

// remove removes the user's account, with all patients.
func remove(c *harness.Client) func() harness.Response {
	return request(c, "DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password})
}

// assigned returns a patient of the owner with an assignment that grants access.
func (w *raceWorld) assigned() (patient, assignment string) {
	patient = w.owner.AddPatient()
	return patient, w.owner.Assign(patient, w.owner.AddDoctor()).Expect(201).ID()
}

var accessRaces = []accessRace{
	{"assign, transfer", func(w *raceWorld) []func() harness.Response {
		from, to := w.user(), w.user()
		patient, doctor, id := from.AddPatient(), w.owner.AddDoctor(), from.UserID()
		return []func() harness.Response{
			func() harness.Response { return from.Assign(patient, doctor) }, w.transfer(id, to.UserID()),
		}
	}, []string{"201 200", "404 200"}},
	{"claim a patient, claim it as another user", func(w *raceWorld) []func() harness.Response {
		body := w.invite(w.owner.AddPatient())
		return []func() harness.Response{
			request(w.user(), "POST", claims, body), request(w.user(), "POST", claims, body),
		}
	}, []string{"201 404", "404 201"}},
	{"claim a patient as the patient, claim another such invitation", func(w *raceWorld) []func() harness.Response {
		patient := w.owner.AddPatient()
		one, other := invite(w.owner, patient, "self"), invite(w.owner, patient, "self")
		return []func() harness.Response{
			func() harness.Response { return claim(w.user(), one, nil) },
			func() harness.Response { return claim(w.user(), other, nil) },
		}
	}, []string{"201 409", "409 201"}},
	{"claim a child as a delegate, correct the birth date to that of an adult", func(
		w *raceWorld,
	) []func() harness.Response {
		child := w.owner.AddPatient(object{"age": 10})
		body := object{"code": w.owner.Invite(child)["code"], "birth_date": "2006-01-01"}
		return []func() harness.Response{
			request(w.user(), "POST", claims, body),
			request(w.owner, "PATCH", patientAt(child), object{"birth_date": "2006-01-01"}),
		}
	}, []string{"201 200"}},
	{"claim a doctor, claim it as another user", func(w *raceWorld) []func() harness.Response {
		_, body := w.inviteDoctor()
		return []func() harness.Response{
			request(w.user(), "POST", doctorClaims, body), request(w.user(), "POST", doctorClaims, body),
		}
	}, []string{"201 404", "404 201"}},
	{"claim a doctor, claim another doctor as the same user", func(w *raceWorld) []func() harness.Response {
		_, one := w.inviteDoctor()
		_, other := w.inviteDoctor()
		user := w.user()
		return []func() harness.Response{
			request(user, "POST", doctorClaims, one), request(user, "POST", doctorClaims, other),
		}
	}, []string{"201 409", "409 201"}},
	{"claim a doctor, claim a patient as the same user", func(w *raceWorld) []func() harness.Response {
		_, one := w.inviteDoctor()
		other, user := w.invite(w.owner.AddPatient()), w.user()
		return []func() harness.Response{
			request(user, "POST", doctorClaims, one), request(user, "POST", claims, other),
		}
	}, []string{"201 201", "409 201"}},
	{"claim two patients as the same user", func(w *raceWorld) []func() harness.Response {
		one, other, user := w.invite(w.owner.AddPatient()), w.invite(w.owner.AddPatient()), w.user()
		return []func() harness.Response{
			request(user, "POST", claims, one), request(user, "POST", claims, other),
		}
	}, []string{"201 201"}},
	{"remove a doctor, claim it", func(w *raceWorld) []func() harness.Response {
		doctor, body := w.inviteDoctor()
		return []func() harness.Response{
			request(w.admin, "DELETE", doctorAt(doctor), nil), request(w.user(), "POST", doctorClaims, body),
		}
	}, []string{"204 201", "204 404"}},
	{"unlink a doctor, assign it, read the patient as its user", func(w *raceWorld) []func() harness.Response {
		doctor, user := w.linked()
		patient := w.owner.AddPatient()
		return []func() harness.Response{
			request(w.admin, "DELETE", doctorAt(doctor)+"link/", nil),
			func() harness.Response { return w.owner.Assign(patient, doctor) },
			request(user, "GET", patientAt(patient), nil),
		}
	}, []string{"204 201 404", "204 201 200"}},
	{"unlink a doctor, remove the account", func(w *raceWorld) []func() harness.Response {
		doctor, user := w.linked()
		return []func() harness.Response{
			request(w.admin, "DELETE", doctorAt(doctor)+"link/", nil), remove(user),
		}
	}, []string{"204 204", "404 204"}},
	{"remove a doctor, remove the account of its user", func(w *raceWorld) []func() harness.Response {
		doctor, user := w.linked()
		return []func() harness.Response{request(w.admin, "DELETE", doctorAt(doctor), nil), remove(user)}
	}, []string{"204 204"}},
	{"discharge, change the access", func(w *raceWorld) []func() harness.Response {
		_, assignment := w.assigned()
		return []func() harness.Response{
			request(w.owner, "DELETE", mappingAt(assignment), nil),
			request(w.owner, "PATCH", mappingAt(assignment), object{"access": "write"}),
		}
	}, []string{"204 200", "204 404"}},
	{"delete a patient, change the access of an assignment", func(w *raceWorld) []func() harness.Response {
		patient, assignment := w.assigned()
		return []func() harness.Response{
			request(w.owner, "DELETE", patientAt(patient), nil),
			request(w.owner, "PATCH", mappingAt(assignment), object{"access": "write"}),
		}
	}, []string{"204 200", "204 404"}},
	{"transfer, change the access of an assignment", func(w *raceWorld) []func() harness.Response {
		from, to := w.user(), w.user()
		assignment := from.Assign(from.AddPatient(), w.owner.AddDoctor()).Expect(201).ID()
		return []func() harness.Response{
			w.transfer(from.UserID(), to.UserID()),
			request(from, "PATCH", mappingAt(assignment), object{"access": "write"}),
		}
	}, []string{"200 200", "200 404"}},
	{"change a patient, change the access of an assignment, discharge", func(w *raceWorld) []func() harness.Response {
		patient, assignment := w.assigned()
		other := w.owner.Assign(patient, w.owner.AddDoctor()).Expect(201).ID()
		return []func() harness.Response{
			request(w.owner, "PATCH", patientAt(patient), object{"name": "Changed"}),
			request(w.owner, "PATCH", mappingAt(assignment), object{"access": "write"}),
			request(w.owner, "DELETE", mappingAt(other), nil),
		}
	}, []string{"200 200 204"}},
	{"remove a doctor, assign it", func(w *raceWorld) []func() harness.Response {
		doctor, patient := w.owner.AddDoctor(), w.owner.AddPatient()
		return []func() harness.Response{
			request(w.owner, "DELETE", doctorAt(doctor), nil),
			func() harness.Response { return w.owner.Assign(patient, doctor) },
		}
	}, []string{"204 404", "204 201"}},
	{"remove a doctor, remove the account whose patients it treats", func(w *raceWorld) []func() harness.Response {
		user, doctor := w.user(), w.owner.AddDoctor()
		for range 3 {
			user.Assign(user.AddPatient(), doctor).Expect(201)
		}
		return []func() harness.Response{request(user, "DELETE", doctorAt(doctor), nil), remove(user)}
	}, []string{"204 204", "401 204"}},
	{"transfer to a user, who claims a patient", func(w *raceWorld) []func() harness.Response {
		from, to, body := w.user(), w.user(), w.invite(w.owner.AddPatient())
		from.AddPatient()
		return []func() harness.Response{
			w.transfer(from.UserID(), to.UserID()), request(to, "POST", claims, body),
		}
	}, []string{"200 201", "409 201"}},
	{"remove an account, which claims a patient", func(w *raceWorld) []func() harness.Response {
		user, body := w.user(), w.invite(w.owner.AddPatient())
		return []func() harness.Response{remove(user), request(user, "POST", claims, body)}
	}, []string{"204 201", "204 401"}},
	{"remove an account, which claims a doctor", func(w *raceWorld) []func() harness.Response {
		_, body := w.inviteDoctor()
		user := w.user()
		return []func() harness.Response{remove(user), request(user, "POST", doctorClaims, body)}
	}, []string{"204 201", "204 401"}},
	{"remove an account, claim its patient", func(w *raceWorld) []func() harness.Response {
		keeper := w.user()
		body := object{"code": keeper.Invite(keeper.AddPatient())["code"], "birth_date": "1900-01-01"}
		return []func() harness.Response{remove(keeper), request(w.user(), "POST", claims, body)}
	}, []string{"204 201", "204 404"}},
	{"remove an account, transfer to it", func(w *raceWorld) []func() harness.Response {
		from, to := w.user(), w.user()
		from.AddPatient()
		return []func() harness.Response{
			request(to, "DELETE", "/api/auth/me/", object{"password": harness.Password}),
			w.transfer(from.UserID(), to.UserID()),
		}
	}, []string{"204 404", "409 200"}},
	{"remove an account, transfer from it", func(w *raceWorld) []func() harness.Response {
		from, to := w.user(), w.user()
		from.AddPatient()
		return []func() harness.Response{remove(from), w.transfer(from.UserID(), to.UserID())}
	}, []string{"204 200", "204 404"}},
	{"transfer, transfer back", func(w *raceWorld) []func() harness.Response {
		one, other := w.user(), w.user()
		for i, c := range []*harness.Client{one, other, one, other} {
			numbered := object{"medical_record_number": fmt.Sprint("M-", i)}
			c.Assign(c.AddPatient(numbered), w.owner.AddDoctor()).Expect(201)
		}
		a, b := one.UserID(), other.UserID()
		return []func() harness.Response{w.transfer(a, b), w.transfer(b, a)}
	}, []string{"200 200"}},
	{"delete a patient, claim it", func(w *raceWorld) []func() harness.Response {
		patient := w.owner.AddPatient()
		return []func() harness.Response{
			request(w.owner, "DELETE", patientAt(patient), nil), request(w.user(), "POST", claims, w.invite(patient)),
		}
	}, []string{"204 201", "204 404"}},
	{"transfer a patient, claim it", func(w *raceWorld) []func() harness.Response {
		from, to := w.user(), w.user()
		body := object{"code": from.Invite(from.AddPatient())["code"], "birth_date": "1900-01-01"}
		return []func() harness.Response{
			w.transfer(from.UserID(), to.UserID()), request(w.user(), "POST", claims, body),
		}
	}, []string{"200 201", "200 404"}},
	{"withdraw an invitation, claim it", func(w *raceWorld) []func() harness.Response {
		patient := w.owner.AddPatient()
		invited := w.owner.Invite(patient)
		return []func() harness.Response{
			request(w.owner, "DELETE", patientAt(patient)+"invitations/"+invited["id"].(string)+"/", nil),
			request(w.user(), "POST", claims, object{
				"code": invited["code"], "birth_date": "1900-01-01",
			}),
		}
	}, []string{"204 404", "404 201"}},
	{"withdraw a grant, end it as its user", func(w *raceWorld) []func() harness.Response {
		patient, user := w.owner.AddPatient(), w.user()
		grant := user.Do("POST", claims, w.invite(patient)).Expect(201).ID()
		end := patientAt(patient) + "grants/" + grant + "/"
		return []func() harness.Response{request(w.owner, "DELETE", end, nil), request(user, "DELETE", end, nil)}
	}, []string{"204 404", "404 204"}},
}

// staleAccess are queries of rows that contradict others: each must find none.
var staleAccess = map[string]string{
	"assignments of a former owner": `SELECT count(*) FROM assignments a LEFT JOIN patients p ON p.id = a.patient_id
		WHERE p.id IS NULL OR p.owner_id <> a.owner_id`,
	"assignments of a missing doctor": `SELECT count(*) FROM assignments WHERE doctor_id NOT IN
		(SELECT id FROM doctors)`,
	"grants of an assignment that has ended, or grants less": `SELECT count(*) FROM patient_grants g
		LEFT JOIN assignments a ON a.id = g.source_id AND a.patient_id = g.patient_id AND a.doctor_id = g.grantee_id
			AND a.access = g.level
		WHERE g.basis = 'care' AND a.id IS NULL`,
	"assignments without their grant": `SELECT count(*) FROM assignments a
		LEFT JOIN patient_grants g ON a.id = g.source_id WHERE a.access <> 'none' AND g.source_id IS NULL`,
	"grants of users without an account": `SELECT count(*) FROM patient_grants
		WHERE basis NOT IN ('care', 'practice') AND grantee_id NOT IN (SELECT id FROM users)`,
	"grants of users who do not act for themselves": `SELECT count(*) FROM patient_grants g
		LEFT JOIN acting a ON a.user_id = g.grantee_id AND a.principal_id = g.grantee_id AND a.kind = 'self'
		WHERE g.basis NOT IN ('care', 'practice') AND a.user_id IS NULL`,
	"restrictions for the owner": `SELECT count(*) FROM patient_restrictions r
		JOIN patients p ON p.id = r.patient_id WHERE p.owner_id = r.grantee_id`,
	"users with too many open emergency accesses": `SELECT count(*) FROM (SELECT user_id FROM emergency_accesses
		WHERE ended_at IS NULL GROUP BY user_id HAVING count(*) > 5) AS too_many`,
	"copies of a patient's name or time": `SELECT count(*) FROM patient_grants g
		LEFT JOIN patients p ON p.id = g.patient_id
		WHERE p.id IS NULL OR p.name <> g.patient_name OR p.updated_at <> g.patient_updated_at`,
	"users who act for a doctor without a link": `SELECT count(*) FROM acting a
		LEFT JOIN doctor_links l ON l.user_id = a.user_id AND l.doctor_id = a.principal_id
		WHERE a.kind = 'doctor' AND l.user_id IS NULL`,
	"links whose users do not act": `SELECT count(*) FROM doctor_links l
		LEFT JOIN acting a ON l.user_id = a.user_id AND l.doctor_id = a.principal_id AND a.kind = 'doctor'
		WHERE a.user_id IS NULL`,
	"users with the role of a doctor without a link": `SELECT count(*) FROM users u
		LEFT JOIN doctor_links l ON l.user_id = u.id WHERE u.role = 'doctor' AND l.user_id IS NULL`,
	"links of users with another role": `SELECT count(*) FROM doctor_links l
		LEFT JOIN users u ON u.id = l.user_id WHERE u.id IS NULL OR u.role NOT IN ('doctor', 'admin')`,
	"users with the role of a patient who keep patients": `SELECT count(*) FROM patients p
		JOIN users u ON u.id = p.owner_id WHERE u.role = 'patient'`,
	"delegates of a child who is an adult": `SELECT count(*) FROM patient_grants g JOIN patients p
		ON p.id = g.patient_id WHERE p.birth_date = '2006-01-01' AND g.basis = 'delegate' AND g.expires_at IS NOT NULL`,
	"invitations of a doctor who is linked": `SELECT count(*) FROM doctor_invitations i
		JOIN doctor_links l ON l.doctor_id = i.doctor_id`,
	"accepted invitations without a grant, and open ones with a grant": `SELECT count(*) FROM patient_invitations i
		LEFT JOIN patient_grants g ON g.source_id = i.id AND g.grantee_id = i.accepted_by
		WHERE (i.accepted_by IS NULL) <> (g.source_id IS NULL)`,
}

// Every pair of requests that begin or end an access has the outcome of one after the other, without a deadlock.
func TestRacesOfAccess(t *testing.T) {
	t.Parallel()
	testRaces(t, accessRaces, 40, requireEachEndOfLinksOnce)
}

// testRaces runs each race that many times on PostgreSQL, and a quarter of it on SQLite.
func testRaces(t *testing.T, races []accessRace, rounds int, finally ...func(*testing.T, *harness.Service)) {
	if os.Getenv("CORPORA") == "all" {
		rounds = 200
	}
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		rounds, deadlocks := rounds, func() int { return 0 }
		if db.URL == "" {
			rounds /= 4
		} else {
			db, deadlocks = loggedPostgres(t, db)
		}
		verify := patientsfx.Command(func(ctx context.Context, sync any, work func(context.Context) error) error {
			s := harness.StartWith(t, db, fx.Populate(sync))
			w := &raceWorld{Service: s, t: t}
			w.admin, w.owner = s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Owner")
			w.owner.AddPatient()
			for _, race := range races {
				t.Run(race.name, func(t *testing.T) {
					w.t = t
					w.admin, w.owner = w.admin.ForTest(t), w.owner.ForTest(t)
					race.run(t, w, rounds)
					for name, query := range staleAccess {
						var found int64
						require.NoError(t, s.DB.Read(t.Context()).Raw(query).Scan(&found).Error)
						require.Zero(t, found, name)
					}
					require.Zero(t, deadlocks())
				})
			}
			for _, check := range finally {
				check(t, s)
			}
			return work(ctx)
		})
		var out bytes.Buffer
		verify.SetArgs([]string{"verify"})
		verify.SetOut(&out)
		verify.SetErr(&out)
		require.NoError(t, verify.ExecuteContext(t.Context()), out.String())
	})
}

// requireEachEndOfLinksOnce requires that the trail has one end for each beginning of a link that has ended.
func requireEachEndOfLinksOnce(t *testing.T, s *harness.Service) {
	t.Helper()
	open, ends := map[any]int{}, 0
	for _, e := range s.FindAuditEntries(t, func(e object) bool { return e["resource_type"] == "Doctor" }) {
		switch e["action"] {
		case "linked":
			open[e["resource_id"]]++
		case "unlinked":
			open[e["resource_id"]]--
			ends++
		}
	}
	var linked []string
	require.NoError(t, s.DB.Read(t.Context()).Raw(`SELECT doctor_id FROM doctor_links`).Scan(&linked).Error)
	for _, doctor := range linked {
		open[doctor]--
	}
	for doctor, count := range open {
		require.Zero(t, count, doctor)
	}
	require.NotZero(t, ends)
}

// run runs the race that many times. One of the requests starts later, by another time in each round.
func (r accessRace) run(t *testing.T, w *raceWorld, rounds int) {
	seen := map[string]int{}
	for round := range rounds {
		w.then = func([]harness.Response) {}
		steps := r.start(w)
		answers := make([]harness.Response, len(steps))
		var all sync.WaitGroup
		for i, step := range steps {
			all.Go(func() {
				if i == round%len(steps) {
					time.Sleep(time.Duration(round%9) * 500 * time.Microsecond)
				}
				answers[i] = step()
			})
		}
		all.Wait()
		w.then(answers)
		var statuses []string
		for _, a := range answers {
			statuses = append(statuses, fmt.Sprint(a.Status))
		}
		seen[strings.Join(statuses, " ")]++
	}
	t.Log(seen)
	for outcome := range seen {
		require.Contains(t, r.outcomes, outcome)
	}
}

// loggedPostgres returns a PostgreSQL server of the test, and how many deadlocks its log has.
func loggedPostgres(t *testing.T, like database.Config) (database.Config, func() int) {
	server := databasetest.OwnPostgres(t)
	like.URL = server.URL()
	db, err := database.Open(like, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, db.Write(t.Context()).Exec("ALTER DATABASE postgres SET log_min_messages = error").Error)
	require.NoError(t, db.Close())
	return like, func() int {
		log, err := os.ReadFile(server.Folder() + "/log")
		require.NoError(t, err)
		return strings.Count(string(log), "deadlock detected")
	}
}
