package api

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// zonedService is the whole program in a time zone, with a clock that the test controls.
type zonedService struct {
	*harness.Service
	clock *clock.Manual
}

// eachZone runs test against the whole program on both engines, in a time zone, at a moment in RFC 3339.
func eachZone(t *testing.T, zone, moment string, test func(t *testing.T, s zonedService)) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, moment)
	require.NoError(t, err)
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		manual := clock.At(at)
		test(
			t, zonedService{harness.StartWith(t, db, harness.WithClock(manual),
				func(cfg *config.Config) { cfg.TimeZone = zone }), manual})
	})
}

// eachMoment runs test on both engines with a stopped clock, so that no wait ends because the machine is slow.
func eachMoment(t *testing.T, test func(t *testing.T, s *harness.Service), adjust ...func(*config.Config)) {
	t.Helper()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		test(t, harness.StartWith(t, db, harness.WithClock(clock.At(time.Now())), adjust...))
	})
}

// advance moves the clock and signs the client in again, whose token may have expired.
func (s zonedService) advance(c *harness.Client, d time.Duration) {
	s.clock.Advance(d)
	c.Token = c.SignIn()
}

func addPatientBorn(c *harness.Client, birthDate string, more ...object) string {
	c.T.Helper()
	return c.AddPatient(append([]object{{"age": harness.OmitField, "birth_date": birthDate}}, more...)...)
}

// requireAge asserts the age of a patient in every response, and that the filters by age find the patient by that age
// only.
func requireAge(c *harness.Client, age int, patient string) {
	c.T.Helper()
	require.EqualValues(c.T, age, c.Do("GET", "/api/patients/"+patient, nil).Expect(200).Object()["age"])
	doctor := c.AddDoctor()
	require.EqualValues(c.T, age, c.Assign(patient, doctor).Expect(201).Object()["patient_details"].(object)["age"])
	for _, one := range c.Do("GET", "/api/mappings/?patient="+patient, nil).Expect(200).List() {
		require.EqualValues(c.T, age, one["patient_details"].(object)["age"])
	}
	c.Do("DELETE", "/api/doctors/"+doctor, nil).Expect(204)
	found := func(low, high int) (there bool) {
		for _, one := range c.Do("GET", fmt.Sprintf("/api/patients/?age_min=%d&age_max=%d", low, high),
			nil).Expect(200).List() {
			if one["id"] == patient {
				there = true
				require.EqualValues(c.T, age, one["age"])
			}
		}
		return there
	}
	require.True(c.T, found(age, age))
	require.False(c.T, age < 150 && found(age+1, 150))
	require.True(c.T, age == 0 || !found(0, age-1))
}

func TestCivilDates(t *testing.T) {
	t.Parallel()
	t.Run("at 04:51 in India", func(t *testing.T) {
		t.Parallel()
		eachZone(t, "Asia/Kolkata", "2026-11-27T23:21:00Z", func(t *testing.T, s zonedService) {
			c := s.NewUser(t, "Asha")
			requireAge(c, 0, addPatientBorn(c, "2026-11-28"))
			requireAge(c, 36, addPatientBorn(c, "1990-11-28", object{"age": 36}))
			requireAge(c, 36, addPatientBorn(c, "1990-11-28", object{"age": 35})) // the age in America
			requireAge(c, 35, addPatientBorn(c, "1990-11-29"))
			refused := c.Do("POST", "/api/patients/",
				object{"name": "A", "gender": "Other", "birth_date": "2026-11-29"})
			require.Equal(t, map[string][]string{"birth_date": {"Must not be in the future."}},
				refused.ExpectProblem(400, "validation_failed").Errors)
			refused = c.Do("POST", "/api/patients/",
				object{"name": "A", "gender": "Other", "birth_date": "1990-11-28", "age": 37})
			require.Equal(t, map[string][]string{"age": {"Must agree with birth_date."}},
				refused.ExpectProblem(400, "validation_failed").Errors)
		})
	})
	t.Run("the same moment for a service in UTC", func(t *testing.T) {
		t.Parallel()
		eachZone(t, "UTC", "2026-11-27T23:21:00Z", func(t *testing.T, s zonedService) {
			c := s.NewUser(t, "Asha")
			newborn := addPatientBorn(c, "2026-11-28")
			requireAge(c, 0, newborn) // born tomorrow
			requireAge(c, 35, addPatientBorn(c, "1990-11-28", object{"age": 36}))
			path := "/api/patients/" + newborn
			read := c.Do("GET", path, nil).Object()
			require.Equal(t, read, c.Do("PUT", path, read).Expect(200).Object(), "a read record can be sent back")
			require.Equal(t, read, c.Do("PATCH", path, object{"age": 0}).Expect(200).Object())
		})
	})
	for _, side := range []struct{ zone, before string }{ // a minute before midnight
		{"Asia/Kolkata", "2026-11-27T18:29:00Z"}, {"Asia/Kathmandu", "2026-11-27T18:14:00Z"},
		{"Pacific/Kiritimati", "2026-11-27T09:59:00Z"},
		{"Pacific/Pago_Pago", "2026-11-28T10:59:00Z"}, {"Etc/GMT+12", "2026-11-28T11:59:00Z"},
		{"Europe/Berlin", "2026-11-27T22:59:00Z"},
		{"America/New_York", "2026-11-28T04:59:00Z"},
	} {
		t.Run("a birthday begins at midnight in "+side.zone, func(t *testing.T) {
			t.Parallel()
			eachZone(t, side.zone, side.before, func(t *testing.T, s zonedService) {
				c := s.NewUser(t, "Asha")
				patient := addPatientBorn(c, "1990-11-28")
				path := "/api/patients/" + patient
				requireAge(c, 35, patient)
				tag := c.Do("GET", path, nil).Header.Get("ETag")
				s.advance(c, 59*time.Second)
				c.Do("GET", path, nil, "If-None-Match", tag).Expect(304)
				s.advance(c, time.Second)
				requireAge(c, 36, patient)
				aged := c.Do("GET", path, nil, "If-None-Match", tag).Expect(200).Header.Get("ETag")
				require.Equal(t, tag[:4], aged[:4], "the version is the same")
				require.NotEqual(t, tag, aged, "the tag differs")
				c.Do("PATCH", path, object{"notes": "Calm."}, "If-Match", tag).Expect(200)
			})
		})
	}
	t.Run("a person born on 29 February has the birthday on 1 March of a common year", func(t *testing.T) {
		t.Parallel()
		eachZone(t, "Europe/Berlin", "2027-02-28T22:59:59Z", func(t *testing.T, s zonedService) {
			c := s.NewUser(t, "Asha")
			patient := addPatientBorn(c, "2004-02-29")
			requireAge(c, 22, patient)
			s.advance(c, time.Second)
			requireAge(c, 23, patient)
		})
	})
	t.Run("a person aged 151 is shown, and can be stored again", func(t *testing.T) {
		t.Parallel()
		eachZone(t, "Asia/Kolkata", "2026-11-27T23:21:00Z", func(t *testing.T, s zonedService) {
			c := s.NewUser(t, "Asha")
			patient := addPatientBorn(c, "1876-11-28")
			requireAge(c, 150, patient)
			s.advance(c, 366*24*time.Hour)
			read := c.Do("GET", "/api/patients/"+patient, nil).Expect(200).Object()
			require.EqualValues(t, 151, read["age"])
			c.Undocumented = true // the contract bounds the ages that may be sent
			require.Equal(t, read, c.Do("PUT", "/api/patients/"+patient, read).Expect(200).Object())
			delete(read, "age")
			read["notes"] = "Remarkable."
			require.Equal(t, "Remarkable.", c.Do("PUT", "/api/patients/"+patient, read).Expect(200).Object()["notes"])
		})
	})
}

// TestEchoedAge tests clients that read a patient, change some members and send all of them.
func TestEchoedAge(t *testing.T) {
	t.Parallel()
	// 23:30 local time
	eachZone(t, "Europe/Berlin", "2026-11-27T22:30:00Z", func(t *testing.T, s zonedService) {
		c := s.NewUser(t, "Asha")
		const differs = "Must agree with birth_date."
		version := func(
			patient string) string {
			return c.Do("GET", "/api/patients/"+patient, nil).Header.Get("ETag")[:4]
		}
		for _, method := range []string{"PUT", "PATCH"} {
			change := func(patient string, read object, changes object) harness.Response {
				body := maps.Clone(read)
				maps.Copy(body, changes)
				return c.Do(method, "/api/patients/"+patient, body)
			}
			read := func(
				patient string) object {
				return c.Do("GET", "/api/patients/"+patient, nil).Expect(200).Object()
			}
			t.Run(method+" of all members, with another birth date", func(t *testing.T) {
				c.T = t
				patient := addPatientBorn(c, "1990-05-06")
				changed := change(patient, read(patient), object{"birth_date": "1980-05-06"}).Expect(200).Object()
				require.Equal(t, "1980-05-06", changed["birth_date"])
				require.EqualValues(t, 46, changed["age"])
			})
			t.Run(method+" of all members, with a first birth date", func(t *testing.T) {
				c.T = t
				patient := c.AddPatient(object{"age": 40})
				changed := change(patient, read(patient), object{"birth_date": "1980-05-06"}).Expect(200).Object()
				require.Equal(t, "1980-05-06", changed["birth_date"])
				require.EqualValues(t, 46, changed["age"])
			})
			t.Run(method+" of all members except the birth date stores the age", func(t *testing.T) {
				c.T = t
				patient := addPatientBorn(c, "1990-05-06")
				changed := change(patient, read(patient), object{"birth_date": nil}).Expect(200).Object()
				require.Nil(t, changed["birth_date"])
				require.EqualValues(t, 36, changed["age"])
			})
			t.Run(method+" of contradictory members is rejected", func(t *testing.T) {
				c.T = t
				for _, patient := range []string{addPatientBorn(c, "1990-05-06"), c.AddPatient(object{"age": 36})} {
					before := read(patient)
					refused := change(patient, before, object{"birth_date": "1980-05-06", "age": 37})
					require.Equal(t, map[string][]string{"age": {differs}},
						refused.ExpectProblem(400, "validation_failed").Errors)
					require.Equal(t, before, read(patient))
				}
			})
			t.Run(method+" of the members as read before the birthday", func(t *testing.T) {
				c.T = t
				patient, aged := addPatientBorn(c, "1990-11-28"), c.AddPatient(object{"age": 40})
				before, version0, unchanged := read(patient), version(patient), read(aged)
				require.EqualValues(t, 35, before["age"])
				s.advance(c, time.Hour)
				shown := read(patient)
				require.EqualValues(t, 36, shown["age"])
				require.Equal(t, shown, change(patient, before, nil).Expect(200).Object(), "an echo changes nothing")
				require.Equal(t, version0, version(patient))
				require.Equal(t, unchanged, change(aged, unchanged, nil).Expect(200).Object())
				require.EqualValues(
					t, 46, change(patient, before, object{"birth_date": "1980-05-06"}).Expect(200).Object()["age"])
				s.advance(c, -time.Hour)
			})
			t.Run(method+" of the members as read two days earlier is rejected with another birth date",
				func(t *testing.T) {
					c.T = t
					patient := addPatientBorn(c, "1990-11-28")
					before := read(patient)
					s.advance(c, 25*time.Hour)
					refused := change(patient, before, object{"birth_date": "1980-05-06"})
					require.Equal(t, map[string][]string{"age": {differs}},
						refused.ExpectProblem(400, "validation_failed").Errors)
					s.advance(c, -25*time.Hour)
				})
		}
		t.Run("POST does not ignore an age", func(t *testing.T) {
			c.T = t
			body := object{"name": "A", "gender": "Other", "age": 31, "birth_date": "1980-05-06"}
			require.Equal(t, map[string][]string{"age": {differs}},
				c.Do("POST", "/api/patients/", body).ExpectProblem(400, "validation_failed").Errors)
		})
	})
}
