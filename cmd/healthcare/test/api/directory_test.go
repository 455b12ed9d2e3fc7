package api

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

var khanna = object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}

func TestCuratedDirectory(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		staff, admin := s.NewUserWithRole(t, auth.Staff, "Staff"), s.NewUserWithRole(t, auth.Admin, "Admin")
		doctor := "/api/doctors/" + admin.AddDoctor() + "/"
		before := s.StoredRows(t)
		refused := []struct {
			method, at string
			body       any
		}{
			{"POST", "/api/doctors/", khanna}, {"PUT", doctor, khanna},
			{"PATCH", doctor, object{"experience": 10}}, {"DELETE", doctor, nil},
		}
		for _, r := range refused {
			a := staff.Do(r.method, r.at, r.body, "Idempotency-Key", "once")
			a.ExpectProblem(403, "directory_is_curated")
			entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
			require.Len(t, entries, 1, "the refusal is recorded")
			require.Equal(t, "refused", entries[0]["outcome"])
		}
		staff.Do("PATCH", "/api/doctors/"+harness.MissingID+"/", object{}).Expect(404)
		staff.Do("DELETE", "/api/doctors/"+harness.MissingID+"/", nil).Expect(404)
		require.Equal(t, before, s.StoredRows(t))
		staff.Do("GET", doctor, nil).Expect(200)
		staff.Do("HEAD", doctor, nil).Expect(200)
		staff.Assign(staff.AddPatient(), strings.Split(doctor, "/")[3]).Expect(201)
		admin.Do("PATCH", doctor, object{"experience": 10}).Expect(200)
		admin.Do("PUT", doctor, khanna).Expect(200)
		admin.Do("DELETE", doctor, nil).ExpectProblem(409, "doctor_in_use")
		admin.Do("DELETE", "/api/doctors/"+admin.AddDoctor(), nil).Expect(204)
	}, func(c *config.Config) { c.DoctorDirectory = "curated" })
}

func TestGuardedDirectory(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, bela := s.NewUserWithRole(t, auth.Staff, "Asha"), s.NewUserWithRole(t, auth.Staff, "Bela")
		doctor := asha.AddDoctor()
		at := "/api/doctors/" + doctor + "/"

		t.Run("every user can edit, and the trail names the fields", func(t *testing.T) {
			a := bela.ForTest(t).Do("PATCH", at, object{"experience": 10, "phone": "5"}).Expect(200)
			entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
			require.Len(t, entries, 1)
			require.Equal(t, "experience,phone", entries[0]["fields"])
		})
		t.Run("a doctor of another user's patient cannot be deleted", func(t *testing.T) {
			asha, bela := asha.ForTest(t), bela.ForTest(t)
			mapping := bela.Assign(bela.AddPatient(), doctor).Expect(201).ID()
			asha.Do("DELETE", at, nil).ExpectProblem(409, "doctor_in_use")
			asha.Do("DELETE", at, nil, "If-Match", `"v1"`).ExpectProblem(412, "stale_version")
			bela.Do("DELETE", "/api/mappings/"+mapping, nil).Expect(204)
		})
		t.Run("a doctor of the user's own patients can be deleted, and an entry names them", func(t *testing.T) {
			asha := asha.ForTest(t)
			patient := asha.AddPatient()
			asha.Assign(patient, doctor).Expect(201)
			a := asha.Do("DELETE", at, nil).Expect(204)
			require.Equal(
				t,
				[]string{"Assignment delete", "Patient update", "Patient withdrawn", "Doctor delete"},
				entryKinds(s.AuditEntries(t, a.Header.Get("X-Request-Id"))),
			)
			log := asha.Do("GET", "/api/patients/"+patient+"/access-log/", nil).Expect(200).List()
			require.Equal(t, "withdrawn", log[0]["action"])
			require.Equal(t, "update", log[1]["action"])
			require.Equal(t, []any{"assignments"}, log[1]["fields"])
			require.Equal(t, asha.UserID(), log[1]["actor"])
		})
	})
}

// TestDeletionsInEachModeOfTheDirectory deletes doctors by the number of the caller's own patients, and of other users'
// patients, who are assigned.
func TestDeletionsInEachModeOfTheDirectory(t *testing.T) {
	t.Parallel()
	type assigned struct{ own, others int }
	small := []assigned{{0, 0}, {1, 0}, {0, 1}, {1, 1}}
	ownOnly := map[assigned]bool{{0, 0}: true, {1, 0}: true, {1000, 0}: true}
	upTo1000 := map[assigned]bool{
		{0, 0}: true, {1, 0}: true, {0, 1}: true, {1, 1}: true, {1000, 0}: true, {999, 1}: true, {0, 1000}: true,
	}
	for mode, deletable := range map[doctors.Mode]map[assigned]bool{
		doctors.Guarded: ownOnly, doctors.Open: upTo1000, doctors.Curated: ownOnly,
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
				owner, admin := s.NewUserWithRole(t, auth.Staff, "Owner"), s.NewUserWithRole(t, auth.Admin, "Admin")
				for _, role := range []auth.Role{auth.Staff, auth.Admin} {
					caller, cases := s.NewUserWithRole(t, role, "Caller"+string(role)), small
					if role == auth.Admin || mode != doctors.Curated {
						cases = append(slices.Clone(small), assigned{1000, 0}, assigned{1001, 0},
							assigned{999, 1}, assigned{0, 1000}, assigned{0, 1001})
					}
					for _, c := range cases {
						t.Run(fmt.Sprintf("%s with %d own, %d others", role, c.own, c.others), func(t *testing.T) {
							owner, caller := owner.ForTest(t), caller.ForTest(t)
							doctor := admin.ForTest(t).AddDoctor()
							own := s.AddAssignedPatients(t, caller.UserID(), doctor, c.own)
							others := s.AddAssignedPatients(t, owner.UserID(), doctor, c.others)
							a := caller.Do("DELETE", "/api/doctors/"+doctor, nil)
							switch {
							case mode == doctors.Curated && role == auth.Staff:
								a.ExpectProblem(403, "directory_is_curated")
							case !deletable[c]:
								a.ExpectProblem(409, "doctor_in_use")
							default:
								a.Expect(204)
								requireReleaseRecorded(t, s, a, slices.Concat(own, others))
								requireReleaseInAccessLog(caller, caller.UserID(), own)
								requireReleaseInAccessLog(owner, caller.UserID(), others)
								return
							}
							caller.Do("GET", "/api/doctors/"+doctor, nil).Expect(200)
							var left int
							require.NoError(t, s.DB.Read(t.Context()).Raw(
								`SELECT count(*) FROM assignments WHERE doctor_id = ?`, doctor,
							).Scan(&left).Error)
							require.Equal(t, c.own+c.others, left)
						})
					}
				}
			}, func(c *config.Config) { c.DoctorDirectory = string(mode) })
		})
	}
}

// requireReleaseRecorded requires that the entries of the request name each patient once, at most 200 in an entry.
func requireReleaseRecorded(t *testing.T, s *harness.Service, deleted harness.Response, patients []string) {
	t.Helper()
	var named []string
	for _, e := range s.AuditEntries(t, deleted.Header.Get("X-Request-Id")) {
		if e["resource_type"] == string(audit.Patient) {
			ids := strings.Split(e["ids"].(string), ",")
			require.LessOrEqual(t, len(ids), audit.MaxIDs)
			named = append(named, ids...)
		}
	}
	require.ElementsMatch(t, patients, named)
}

// requireReleaseInAccessLog requires that the access logs of the first and the last patient end with the release by
// actor.
func requireReleaseInAccessLog(owner *harness.Client, actor string, patients []string) {
	owner.T.Helper()
	if len(patients) == 0 {
		return
	}
	for _, patient := range slices.Compact([]string{patients[0], patients[len(patients)-1]}) { // one is both
		log := owner.Do("GET", "/api/patients/"+patient+"/access-log/", nil).Expect(200).List()
		require.Equal(owner.T, "update", log[0]["action"])
		require.Equal(owner.T, []any{"assignments"}, log[0]["fields"])
		require.Equal(owner.T, actor, log[0]["actor"])
	}
}

// TestDeletionsBesideForeignAssignments lets one user delete a doctor while another user assigns the doctor.
func TestDeletionsBesideForeignAssignments(t *testing.T) {
	t.Parallel()
	const rounds = 200
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, bela := s.NewUserWithRole(t, auth.Staff, "Asha"), s.NewUserWithRole(t, auth.Staff, "Bela")
		patient := bela.AddPatient()
		for range rounds {
			doctor := asha.AddDoctor()
			statuses := harness.Concurrently(2, func(i int) harness.Response {
				if i == 0 {
					return asha.Do("DELETE", "/api/doctors/"+doctor, nil)
				}
				return bela.Assign(patient, doctor)
			})
			require.Contains(t, []map[int]int{{204: 1, 404: 1}, {409: 1, 201: 1}}, statuses,
				"either the deletion or the assignment succeeds")
		}
	})
}

// entryKinds returns the actions and resources of entries.
func entryKinds(entries []object) (all []string) {
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s %s", e["resource_type"], e["action"]))
	}
	return all
}

// TestEveryDeletionOfPatientDataIsRecorded deletes patients and assignments in every possible way, and requires an
// entry that names the patient.
func TestEveryDeletionOfPatientDataIsRecorded(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := harness.StartWith(t, db, fx.Populate(&released))
		admin := s.NewUserWithRole(t, auth.Admin, "Admin")
		for way, remove := range map[string]func(c *harness.Client, patient, mapping, doctor string){
			"the patient is removed": func(c *harness.Client, patient, _, _ string) {
				c.Do("DELETE", "/api/patients/"+patient, nil).Expect(204)
			},
			"the assignment ends": func(c *harness.Client, _, mapping, _ string) {
				c.Do("DELETE", "/api/mappings/"+mapping, nil).Expect(204)
			},
			"the doctor is removed": func(c *harness.Client, _, _, doctor string) {
				c.Do("DELETE", "/api/doctors/"+doctor, nil).Expect(204)
			},
			"the account is deleted": func(c *harness.Client, _, _, _ string) {
				c.Do("DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password}).Expect(204)
			},
			"a job ends the doctor's assignments": func(c *harness.Client, _, _, doctor string) {
				s.ReleaseDoctor(c.T, released, doctor, "")
			},
			"a job moves the doctor's assignments": func(c *harness.Client, _, _, doctor string) {
				s.ReleaseDoctor(c.T, released, doctor, admin.AddDoctor())
			},
		} {
			t.Run(way, func(t *testing.T) {
				c := s.NewUser(t, "U"+strings.NewReplacer(" ", "", "'", "").Replace(way))
				patient, doctor := c.AddPatient(), c.AddDoctor()
				mapping := c.Assign(patient, doctor).Expect(201).ID()
				entries := func() []object {
					return s.FindAuditEntries(t, func(e object) bool {
						return e["outcome"] == "success" && (e["action"] == "delete" || e["action"] == "update") &&
							strings.Contains(fmt.Sprint(e["patient_id"], e["ids"]), patient)
					})
				}
				require.Empty(t, entries())
				remove(c.ForTest(t), patient, mapping, doctor)
				var left int
				require.NoError(
					t,
					s.DB.Read(t.Context()).Raw(`SELECT count(*) FROM assignments WHERE id = ?`,
						mapping).Scan(&left).Error,
				)
				require.Zero(t, left)
				require.NotEmpty(t, entries())
			})
		}
	})
}

func TestReleasingADoctor(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := harness.StartWith(t, db, fx.Populate(&released))
		c := s.NewUser(t, "Asha")
		from, to := c.AddDoctor(), c.AddDoctor()
		patients := s.AddAssignedPatients(t, c.UserID(), from, 501)
		both := c.Assign(patients[0], to).Expect(201).ID()
		require.Equal(t, 500, s.ReleaseDoctor(t, released, from, to), "a batch")
		require.Equal(t, 1, s.ReleaseDoctor(t, released, from, to))
		require.Zero(t, s.ReleaseDoctor(t, released, from, to))

		var doctorsOf []struct{ PatientID, DoctorID string }
		require.NoError(
			t,
			s.DB.Read(t.Context()).Table("assignments").Select("patient_id", "doctor_id").Find(&doctorsOf).Error,
		)
		require.Len(t, doctorsOf, 501, "each once")
		for _, one := range doctorsOf {
			require.Equal(t, to, one.DoctorID)
		}
		c.Do("GET", "/api/mappings/detail/"+both+"/", nil).Expect(200)

		total := 0
		for _, e := range s.FindAuditEntries(t, func(e object) bool {
			return e["action"] == "update" && e["resource_type"] == string(audit.Patient)
		}) {
			ids := strings.Split(e["ids"].(string), ",")
			require.LessOrEqual(t, len(ids), audit.MaxIDs)
			total += len(ids)
		}
		require.Equal(t, 501, total, "each patient is named")
	})
}

func TestRowsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 5
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, bela, admin := s.NewUser(t, "Asha"), s.NewUser(t, "Bela"), s.NewUserWithRole(t, auth.Admin, "Admin")
		adds := map[string]func(c *harness.Client) harness.Response{
			"patients": func(c *harness.Client) harness.Response {
				return c.Do("POST", "/api/patients/", object{"name": "P", "age": 1, "gender": "Other"})
			},
			"doctors": func(c *harness.Client) harness.Response { return c.Do("POST", "/api/doctors/", khanna) },
		}
		for what, add := range adds {
			t.Run(what+" are limited for each user, also with concurrent requests", func(t *testing.T) {
				asha, bela := asha.ForTest(t), bela.ForTest(t)
				made := createConcurrently(4*limit, func() harness.Response { return add(asha) })
				require.InDelta(t, limit, len(made), limit, "plus at most the concurrent requests")
				require.GreaterOrEqual(t, len(made), limit)
				require.Eventually(t, func() bool { return add(asha).Status == 409 }, time.Minute,
					10*time.Millisecond)
				add(asha).ExpectProblem(409, "limit_reached")
				add(bela).Expect(201)
				for _, one := range made {
					asha.Do("DELETE", "/api/"+what+"/"+one, nil).Expect(204)
				}
				made = []string{add(asha).Expect(201).ID()}
				for len(made) < limit {
					made = append(made, add(asha).Expect(201).ID())
				}
				add(asha).ExpectProblem(409, "limit_reached")
				asha.Do("DELETE", "/api/"+what+"/"+made[0], nil).Expect(204)
				add(asha).Expect(201)
				add(asha).ExpectProblem(409, "limit_reached")
			})
		}
		t.Run("administrators can add more doctors", func(t *testing.T) {
			for range limit + 1 {
				adds["doctors"](admin.ForTest(t)).Expect(201)
			}
		})
		t.Run("assignments are limited, and every deletion lowers their count", func(t *testing.T) {
			c := s.NewUser(t, "Chen").ForTest(t)
			patients := []string{c.AddPatient(), c.AddPatient()}
			var mappings, names []string
			fill := func() {
				for _, patient := range patients {
					for len(names) < limit {
						names = append(names, c.AddDoctor())
					}
					for _, doctor := range names {
						if a := c.Assign(patient, doctor); a.Status == 201 {
							mappings = append(mappings, a.ID())
						} else {
							require.Equal(t, 409, a.Status)
						}
					}
				}
				c.Assign(patients[len(patients)-1], names[0]).Expect(409)
			}
			count := func() int { return len(c.Do("GET", "/api/mappings/", nil).Expect(200).List()) }
			fill()
			require.Equal(t, limit, count())
			c.Do("DELETE", "/api/mappings/"+mappings[0], nil).Expect(204)
			fill()
			require.Equal(t, limit, count())
			c.Do("DELETE", "/api/doctors/"+names[0], nil).Expect(204)
			names = names[1:]
			fill()
			require.Equal(t, limit, count())
			c.Do("DELETE", "/api/patients/"+patients[0], nil).Expect(204)
			patients = []string{c.AddPatient(), c.AddPatient()}
			fill()
			require.Equal(t, limit, count())
		})
		t.Run("rows that another program wrote count", func(t *testing.T) {
			c := s.NewUser(t, "Dev").ForTest(t)
			s.AddAssignedPatients(t, c.UserID(),
				bela.ForTest(t).Do("GET", "/api/doctors/?limit=1", nil).List()[0]["id"].(string), limit)
			adds["patients"](c).ExpectProblem(409, "limit_reached")
			c.Assign(harness.MissingID, harness.MissingID).ExpectProblem(409, "limit_reached")
		})
	}, func(c *config.Config) {
		c.MaxPatientsPerUser, c.MaxDoctorsPerUser, c.MaxAssignmentsPerUser = limit, limit, limit
	})
}

// createConcurrently sends concurrent requests, and returns the ids of the created records.
func createConcurrently(count int, ask func() harness.Response) (made []string) {
	answers := make([]harness.Response, count)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = ask() })
	}
	all.Wait()
	for _, a := range answers {
		if a.Status == 201 {
			made = append(made, a.ID())
		}
	}
	return made
}

func TestCreatorsAreDeletedWithDoctorAndAccount(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		creators := func() (all []string) {
			require.NoError(t, s.DB.Read(t.Context()).Raw(`SELECT user_id FROM doctor_creators`).Scan(&all).Error)
			return all
		}
		asha, bela, admin := s.NewUser(t, "Asha"), s.NewUser(t, "Bela"), s.NewUserWithRole(t, auth.Admin, "Admin")
		doctor, kept := asha.AddDoctor(), asha.AddDoctor()
		admin.AddDoctor()
		require.Equal(t, []string{asha.UserID(), asha.UserID()}, creators(), "administrators have no limit")
		bela.Do("DELETE", "/api/doctors/"+doctor, nil).Expect(204)
		require.Equal(t, []string{asha.UserID()}, creators())
		asha.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
		require.Empty(t, creators())
		bela.Do("GET", "/api/doctors/"+kept, nil).Expect(200)
		require.NoError(
			t,
			s.DB.Write(t.Context()).Exec(`DELETE FROM doctors WHERE id = ?`, kept).Error,
			"as an earlier release does",
		)
	})
}
