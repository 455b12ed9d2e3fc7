package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

var khanna = object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}

func TestDirectoryIsCurated(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		staff, admin := s.as(t, auth.Staff, "Staff"), s.as(t, auth.Admin, "Admin")
		doctor := "/api/doctors/" + admin.addDoctor() + "/"
		before := s.stored(t)
		refused := []struct {
			method, at string
			body       any
		}{
			{"POST", "/api/doctors/", khanna}, {"PUT", doctor, khanna},
			{"PATCH", doctor, object{"experience": 10}}, {"DELETE", doctor, nil},
			{"PATCH", "/api/doctors/" + missing + "/", object{}}, {"DELETE", "/api/doctors/" + missing + "/", nil},
		}
		for _, r := range refused {
			a := staff.do(r.method, r.at, r.body, "Idempotency-Key", "once")
			a.problem(403, "directory_is_curated")
			entries := s.trail(t, a.header.Get("X-Request-Id"))
			require.Len(t, entries, 1, "the refusal is recorded")
			require.Equal(t, "refused", entries[0]["outcome"])
		}
		require.Equal(t, before, s.stored(t))
		staff.do("GET", doctor, nil).is(200)
		staff.do("HEAD", doctor, nil).is(200)
		staff.assign(staff.addPatient(), strings.Split(doctor, "/")[3]).is(201)
		admin.do("PATCH", doctor, object{"experience": 10}).is(200)
		admin.do("PUT", doctor, khanna).is(200)
		admin.do("DELETE", doctor, nil).problem(409, "doctor_in_use")
		admin.do("DELETE", "/api/doctors/"+admin.addDoctor(), nil).is(204)
	}, func(c *config.Config) { c.DoctorDirectory = "curated" })
}

func TestDirectoryIsGuarded(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		asha, bela := s.as(t, auth.Staff, "Asha"), s.as(t, auth.Staff, "Bela")
		doctor := asha.addDoctor()
		at := "/api/doctors/" + doctor + "/"

		t.Run("every user edits, and the trail names the fields", func(t *testing.T) {
			a := bela.in(t).do("PATCH", at, object{"experience": 10, "phone": "5"}).is(200)
			entries := s.trail(t, a.header.Get("X-Request-Id"))
			require.Len(t, entries, 1)
			require.Equal(t, "experience,phone", entries[0]["fields"])
		})
		t.Run("a doctor of another user's patient is not deleted", func(t *testing.T) {
			asha, bela := asha.in(t), bela.in(t)
			mapping := bela.assign(bela.addPatient(), doctor).is(201).id()
			asha.do("DELETE", at, nil).problem(409, "doctor_in_use")
			asha.do("DELETE", at, nil, "If-Match", `"v1"`).problem(412, "stale_version")
			bela.do("DELETE", "/api/mappings/"+mapping, nil).is(204)
		})
		t.Run("one of the user's own patients is, and an entry names them", func(t *testing.T) {
			asha := asha.in(t)
			patient := asha.addPatient()
			asha.assign(patient, doctor).is(201)
			a := asha.do("DELETE", at, nil).is(204)
			require.Equal(
				t,
				[]string{"Assignment delete", "Patient update", "Doctor delete"},
				kinds(s.trail(t, a.header.Get("X-Request-Id"))),
			)
			log := asha.do("GET", "/api/patients/"+patient+"/access-log/", nil).is(200).list()
			require.Equal(t, "update", log[0]["action"])
			require.Equal(t, []any{"assignments"}, log[0]["fields"])
			require.Equal(t, asha.id(), log[0]["actor"])
		})
		t.Run("one with more than 1,000 assignments is not", func(t *testing.T) {
			asha := asha.in(t)
			doctor := asha.addDoctor()
			s.crowd(t, asha.id(), doctor, 1001)
			asha.do("DELETE", "/api/doctors/"+doctor, nil).problem(409, "doctor_in_use")
			one := asha.do("GET", "/api/mappings/?limit=1&doctor="+doctor, nil).is(200).list()[0]["id"].(string)
			asha.do("DELETE", "/api/mappings/"+one, nil).is(204)
			asha.do("DELETE", "/api/doctors/"+doctor, nil).is(204)
		})
	})
}

func TestDirectoryIsOpen(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		asha, bela := s.as(t, auth.Staff, "Asha"), s.as(t, auth.Staff, "Bela")
		patient, doctor, crowded := asha.addPatient(), asha.addDoctor(), asha.addDoctor()
		asha.assign(patient, doctor).is(201)
		bela.do("DELETE", "/api/doctors/"+doctor, nil).is(204)
		log := asha.do("GET", "/api/patients/"+patient+"/access-log/", nil).is(200).list()
		require.Equal(t, bela.id(), log[0]["actor"], "the owner sees who did it")
		s.crowd(t, asha.id(), crowded, 1001)
		bela.do("DELETE", "/api/doctors/"+crowded, nil).problem(409, "doctor_in_use")
	}, func(c *config.Config) { c.DoctorDirectory = "open" })
}

// kinds returns what entries are about.
func kinds(entries []object) (all []string) {
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s %s", e["resource_type"], e["action"]))
	}
	return all
}

// crowd gives the user so many patients, all assigned to the doctor.
func (s *service) crowd(t testing.TB, owner, doctor string, count int) (patients []string) {
	t.Helper()
	at, people, assigned := database.At(time.Now()), []object{}, []object{}
	for range count {
		patient := uuid.Must(uuid.NewV7()).String()
		patients = append(patients, patient)
		people = append(people, object{
			"id": patient, "owner_id": owner, "name": "P", "gender": "Other", "age": 1,
			"email": "", "phone": "", "address": "", "notes": "", "version": 1,
			"created_at": at, "updated_at": at,
		})
		assigned = append(
			assigned,
			object{
				"id":          uuid.Must(uuid.NewV7()).String(),
				"owner_id":    owner,
				"patient_id":  patient,
				"doctor_id":   doctor,
				"assigned_at": at,
			},
		)
	}
	require.NoError(t, s.db.Do(t.Context(), func(ctx context.Context) error {
		require.NoError(t, s.db.Write(ctx).Table("patients").CreateInBatches(people, 500).Error)
		return s.db.Write(ctx).Table("assignments").CreateInBatches(assigned, 500).Error
	}))
	return patients
}

// TestWhatDisappearsFromAPatientsDataIsRecorded has patients and assignments disappear in every way there is, and looks
// for an entry that names the patient.
func TestWhatDisappearsFromAPatientsDataIsRecorded(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := startWith(t, db, fx.Populate(&released))
		admin := s.as(t, auth.Admin, "Admin")
		for way, remove := range map[string]func(c *client, patient, mapping, doctor string){
			"the patient is removed": func(c *client, patient, _, _ string) {
				c.do("DELETE", "/api/patients/"+patient, nil).is(204)
			},
			"the assignment ends": func(c *client, _, mapping, _ string) {
				c.do("DELETE", "/api/mappings/"+mapping, nil).is(204)
			},
			"the doctor is removed": func(c *client, _, _, doctor string) {
				c.do("DELETE", "/api/doctors/"+doctor, nil).is(204)
			},
			"the account is deleted": func(c *client, _, _, _ string) {
				c.do("DELETE", "/api/auth/me/?patients=delete", object{"password": password}).is(204)
			},
			"a job ends the doctor's assignments": func(c *client, _, _, doctor string) {
				s.release(c.t, released, doctor, "")
			},
			"a job moves the doctor's assignments": func(c *client, _, _, doctor string) {
				s.release(c.t, released, doctor, admin.addDoctor())
			},
		} {
			t.Run(way, func(t *testing.T) {
				c := s.user(t, "U"+strings.NewReplacer(" ", "", "'", "").Replace(way))
				patient, doctor := c.addPatient(), c.addDoctor()
				mapping := c.assign(patient, doctor).is(201).id()
				entries := func() (count int) {
					require.NoError(t, s.db.Read(t.Context()).Raw(`SELECT count(*)
						FROM audit_subjects s JOIN audit_entries e ON e.id = s.id
						WHERE s.patient_id = ? AND e.action IN ('delete', 'update') AND e.outcome = 'success'`,
						patient).Scan(&count).Error)
					return count
				}
				require.Zero(t, entries())
				remove(c.in(t), patient, mapping, doctor)
				var left int
				require.NoError(
					t,
					s.db.Read(t.Context()).Raw(`SELECT count(*) FROM assignments WHERE id = ?`, mapping).Scan(&left).Error,
				)
				require.Zero(t, left)
				require.Positive(t, entries())
			})
		}
	})
}

// release ends or moves a batch of the doctor's assignments, as a job does, and returns how many.
func (s *service) release(t testing.TB, released doctors.Assignments, doctor, to string) (ended int) {
	t.Helper()
	who := auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Admin}
	id, err := doctors.ParseID(doctor)
	require.NoError(t, err)
	var other *doctors.ID
	if to != "" {
		id, err := doctors.ParseID(to)
		require.NoError(t, err)
		other = &id
	}
	require.NoError(t, s.db.Do(t.Context(), func(ctx context.Context) error {
		ended, err = released.Release(ctx, who, id, other, 500)
		return err
	}))
	return ended
}

func TestReleasingADoctor(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := startWith(t, db, fx.Populate(&released))
		c := s.user(t, "Asha")
		from, to := c.addDoctor(), c.addDoctor()
		patients := s.crowd(t, c.id(), from, 501)
		both := c.assign(patients[0], to).is(201).id()
		require.Equal(t, 500, s.release(t, released, from, to), "a batch")
		require.Equal(t, 1, s.release(t, released, from, to))
		require.Zero(t, s.release(t, released, from, to))

		var doctorsOf []struct{ PatientID, DoctorID string }
		require.NoError(
			t,
			s.db.Read(t.Context()).Table("assignments").Select("patient_id", "doctor_id").Find(&doctorsOf).Error,
		)
		require.Len(t, doctorsOf, 501, "each once")
		for _, one := range doctorsOf {
			require.Equal(t, to, one.DoctorID)
		}
		c.do("GET", "/api/mappings/detail/"+both+"/", nil).is(200)

		var sizes []struct{ Subjects int }
		require.NoError(t, s.db.Read(t.Context()).Raw(`SELECT count(*) AS subjects
			FROM audit_subjects s JOIN audit_entries e ON e.id = s.id
			WHERE e.action = 'update' AND e.resource_type = ? GROUP BY e.id`, audit.Patient).Scan(&sizes).Error)
		total := 0
		for _, size := range sizes {
			require.LessOrEqual(t, size.Subjects, audit.MaxIDs)
			total += size.Subjects
		}
		require.Equal(t, 501, total, "each patient is named")
	})
}

func TestRowsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 5
	eachEngine(t, func(t *testing.T, s *service) {
		asha, bela, admin := s.user(t, "Asha"), s.user(t, "Bela"), s.as(t, auth.Admin, "Admin")
		adds := map[string]func(c *client) answer{
			"patients": func(c *client) answer {
				return c.do("POST", "/api/patients/", object{"name": "P", "age": 1, "gender": "Other"})
			},
			"doctors": func(c *client) answer { return c.do("POST", "/api/doctors/", khanna) },
		}
		for what, add := range adds {
			t.Run(what+" are, with many requests at once, for that user only", func(t *testing.T) {
				asha, bela := asha.in(t), bela.in(t)
				made := inACrowd(4*limit, func() answer { return add(asha) })
				require.InDelta(t, limit, len(made), limit, "to within the requests at once")
				require.GreaterOrEqual(t, len(made), limit)
				require.Eventually(t, func() bool { return add(asha).status == 409 }, 5*time.Second, 10*time.Millisecond)
				add(asha).problem(409, "limit_reached")
				add(bela).is(201)
				for _, one := range made {
					asha.do("DELETE", "/api/"+what+"/"+one, nil).is(204)
				}
				made = []string{add(asha).is(201).id()}
				for len(made) < limit {
					made = append(made, add(asha).is(201).id())
				}
				add(asha).problem(409, "limit_reached")
				asha.do("DELETE", "/api/"+what+"/"+made[0], nil).is(204)
				add(asha).is(201)
				add(asha).problem(409, "limit_reached")
			})
		}
		t.Run("administrators add more doctors", func(t *testing.T) {
			for range limit + 1 {
				adds["doctors"](admin.in(t)).is(201)
			}
		})
		t.Run("assignments are, and end in every way", func(t *testing.T) {
			c := s.user(t, "Chen").in(t)
			patients := []string{c.addPatient(), c.addPatient()}
			var mappings, doctors []string
			fill := func() {
				for _, patient := range patients {
					for len(doctors) < limit {
						doctors = append(doctors, c.addDoctor())
					}
					for _, doctor := range doctors {
						if a := c.assign(patient, doctor); a.status == 201 {
							mappings = append(mappings, a.id())
						} else {
							require.Equal(t, 409, a.status)
						}
					}
				}
				c.assign(patients[len(patients)-1], doctors[0]).is(409)
			}
			count := func() int { return len(c.do("GET", "/api/mappings/", nil).is(200).list()) }
			fill()
			require.Equal(t, limit, count())
			c.do("DELETE", "/api/mappings/"+mappings[0], nil).is(204)
			fill()
			require.Equal(t, limit, count())
			c.do("DELETE", "/api/doctors/"+doctors[0], nil).is(204)
			doctors = doctors[1:]
			fill()
			require.Equal(t, limit, count())
			c.do("DELETE", "/api/patients/"+patients[0], nil).is(204)
			patients = []string{c.addPatient(), c.addPatient()}
			fill()
			require.Equal(t, limit, count())
		})
		t.Run("rows that something else has written count", func(t *testing.T) {
			c := s.user(t, "Dev").in(t)
			s.crowd(t, c.id(), bela.in(t).do("GET", "/api/doctors/?limit=1", nil).list()[0]["id"].(string), limit)
			adds["patients"](c).problem(409, "limit_reached")
			c.assign(missing, missing).problem(409, "limit_reached")
		})
	}, func(c *config.Config) {
		c.MaxPatientsPerUser, c.MaxDoctorsPerUser, c.MaxAssignmentsPerUser = limit, limit, limit
	})
}

// inACrowd asks at once, and returns the ids of what was made.
func inACrowd(count int, ask func() answer) (made []string) {
	answers := make([]answer, count)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = ask() })
	}
	all.Wait()
	for _, a := range answers {
		if a.status == 201 {
			made = append(made, a.id())
		}
	}
	return made
}

func TestCreatorsGoWithDoctorAndAccount(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		creators := func() (all []string) {
			require.NoError(t, s.db.Read(t.Context()).Raw(`SELECT user_id FROM doctor_creators`).Scan(&all).Error)
			return all
		}
		asha, bela, admin := s.user(t, "Asha"), s.user(t, "Bela"), s.as(t, auth.Admin, "Admin")
		doctor, kept := asha.addDoctor(), asha.addDoctor()
		admin.addDoctor()
		require.Equal(t, []string{asha.id(), asha.id()}, creators(), "administrators have no limit")
		bela.do("DELETE", "/api/doctors/"+doctor, nil).is(204)
		require.Equal(t, []string{asha.id()}, creators())
		asha.do("DELETE", "/api/auth/me/", object{"password": password}).is(204)
		require.Empty(t, creators())
		bela.do("GET", "/api/doctors/"+kept, nil).is(200)
		require.NoError(
			t,
			s.db.Write(t.Context()).Exec(`DELETE FROM doctors WHERE id = ?`, kept).Error,
			"as an earlier release does",
		)
	})
}

// TestReleaseOfMany logs how long a batch takes.
func TestReleaseOfMany(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("it measures a removal of many assignments, for minutes: it runs with SOAK=1")
	}
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := startWith(t, db, fx.Populate(&released))
		c := s.user(t, "Asha")
		from, to := c.addDoctor(), c.addDoctor()
		for range 160 {
			s.crowd(t, c.id(), from, 500)
		}
		for _, step := range []struct{ from, to string }{{from, to}, {to, ""}} {
			var took []time.Duration
			for begun := time.Now(); s.release(t, released, step.from, step.to) > 0; begun = time.Now() {
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			t.Logf(
				"%d batches to %q: p50 %v, p99 %v, max %v",
				len(took),
				step.to,
				took[len(took)/2],
				took[len(took)*99/100],
				took[len(took)-1],
			)
		}
	})
}

// TestAdministratorsDissolveADoctor removes doctors of other users' patients by jobs.
func TestAdministratorsDissolveADoctor(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		asha, admin := s.as(t, auth.Staff, "Asha"), s.as(t, auth.Admin, "Admin")
		ended := func(t *testing.T, a answer) {
			t.Helper()
			at := a.is(202).header.Get("Location")
			require.Eventually(t, func() bool {
				return asha.in(t).do("GET", at, nil).is(200).object()["state"] == "done"
			}, 20*time.Second, 20*time.Millisecond)
		}
		doctor, other := asha.addDoctor(), asha.addDoctor()
		patients := s.crowd(t, asha.id(), doctor, 120)
		asha.assign(patients[0], other).is(201)
		at := "/api/doctors/" + doctor
		admin.do("DELETE", at, nil).problem(409, "doctor_in_use")
		refused := asha.do("DELETE", at+"?force=true", nil)
		refused.problem(403, "forbidden")
		entries := s.trail(t, refused.header.Get("X-Request-Id"))
		require.Len(t, entries, 1)
		require.Equal(t, "refused", entries[0]["action"])
		require.EqualValues(t, 403, entries[0]["status"])
		require.Equal(t, doctor, fmt.Sprint(entries[0]["resource_id"]))
		admin.do("DELETE", at+"?force=true&reassign_to="+other, nil).problem(400, "validation_failed")
		admin.do("DELETE", at+"?reassign_to="+doctor, nil).problem(400, "validation_failed")
		admin.do("DELETE", at+"?reassign_to="+missing, nil).problem(400, "validation_failed")
		admin.do("DELETE", at+"?force=true", nil, "If-Match", `"v9"`).problem(412, "stale_version")
		ended(t, admin.do("DELETE", at+"?reassign_to="+other, nil))
		admin.do("GET", at, nil).problem(404, "not_found")
		require.Len(t, asha.do("GET", "/api/mappings/?limit=500&doctor="+other, nil).is(200).list(), 120)
		ended(t, admin.do("DELETE", "/api/doctors/"+other+"?force=true", nil))
		require.Empty(t, asha.do("GET", "/api/mappings/", nil).is(200).list())
		log := asha.do("GET", "/api/patients/"+patients[5]+"/access-log/", nil).is(200).list()
		require.Equal(t, admin.id(), log[0]["actor"])
		require.Equal(t, []any{"assignments"}, log[0]["fields"])
	})
}
