package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// officeHours is an availability on Mondays, with these minutes between the starts.
func officeHours(step int) object {
	return object{
		"step_minutes": step, "windows": []object{{"weekday": "monday", "from": "09:00", "to": "17:00"}},
	}
}

// reachOpeningHours requests the responses about appointment types, opening hours, exceptions and holidays.
func reachOpeningHours(t *testing.T, s *harness.Service) {
	t.Helper()
	admin := s.NewUserWithRole(t, auth.Admin, "Opening")
	doctor, none := admin.AddDoctor(), harness.MissingID
	at := "/api/doctors/" + doctor + "/"

	named := object{"name": "Reached", "minutes": 30}
	kind := admin.Do("POST", "/api/appointment-types/", named).Expect(201).ID()
	admin.Do("POST", "/api/appointment-types/", named).ExpectProblem(409, "type_name_taken")
	admin.Do("POST", "/api/appointment-types/", object{}).Expect(400)
	admin.Do("GET", "/api/appointment-types/", nil).Expect(200)
	other := admin.Do("POST", "/api/appointment-types/", object{"name": "Other", "minutes": 5}).Expect(201).ID()
	for id, status := range map[string]int{other: 409, none: 404} {
		admin.Do("PATCH", "/api/appointment-types/"+id+"/", object{"name": "Reached"}).Expect(status)
	}
	admin.Do("GET", "/api/appointment-types/"+none+"/", nil).Expect(404)
	admin.Do("GET", "/api/appointment-types/"+kind+"/", nil).Expect(200)
	admin.Do("GET", "/api/appointment-types/"+kind+"/", nil, "If-None-Match", "*").Expect(304)
	for _, method := range []string{"PATCH", "DELETE"} {
		admin.Do(method, "/api/appointment-types/"+kind+"/", object{"minutes": 45}, "If-Match", `"v9"`).Expect(412)
	}
	admin.Do("PATCH", "/api/appointment-types/"+kind+"/", object{"minutes": 45}).Expect(200)
	admin.Do("PATCH", "/api/appointment-types/"+kind+"/", object{"minutes": 0}).Expect(400)

	admin.Do("GET", at+"availability/", nil).Expect(200)
	admin.Do("GET", at+"availability/", nil, "If-None-Match", `"v0"`).Expect(304)
	used := officeHours(15)
	used["windows"].([]object)[0]["type"] = kind
	admin.Do("PUT", at+"availability/", used).Expect(200)
	admin.Do("PUT", at+"availability/", used, "If-Match", `"v9"`).Expect(412)
	admin.Do("PUT", at+"availability/", object{}).Expect(400)
	for _, method := range []string{"GET", "PUT"} {
		admin.Do(method, "/api/doctors/"+none+"/availability/", used).Expect(404)
	}
	admin.Do("DELETE", "/api/appointment-types/"+kind+"/", nil).ExpectProblem(409, "type_in_use")
	admin.Do("DELETE", "/api/appointment-types/"+other+"/", nil).Expect(204)
	admin.Do("DELETE", "/api/appointment-types/"+other+"/", nil).Expect(404)

	day := object{"starts_on": "2099-12-24", "kind": "closed"}
	for _, collection := range []string{at + "exceptions/", "/api/holidays/", "/api/appointment-types/"} {
		created := day
		if collection == "/api/appointment-types/" {
			created = object{"name": "Repeated", "minutes": 30}
		}
		admin.Do("GET", collection, nil).Expect(200)
		admin.Do("POST", collection, object{}).Expect(400)
		id := admin.Do("POST", collection, created, "Idempotency-Key", "k").Expect(201).ID()
		repeated := admin.Do("POST", collection, created, "Idempotency-Key", "k").Expect(201)
		require.Equal(t, id, repeated.ID())
		admin.Do("POST", collection, object{}, "Idempotency-Key", "k").Expect(422)
		admin.Do("GET", collection+id+"/", nil).Expect(200)
		admin.Do("DELETE", collection+id+"/", nil).Expect(204)
		admin.Do("GET", collection+id+"/", nil).Expect(404)
		admin.Do("DELETE", collection+id+"/", nil).Expect(404)
		admin.Do("POST", collection, created, "Idempotency-Key", "k").Expect(410)
	}
	for _, method := range []string{"GET", "POST"} {
		admin.Do(method, "/api/doctors/"+none+"/exceptions/", day).Expect(404)
	}
	for _, path := range []string{at + "exceptions/", "/api/holidays/"} {
		admin.Do("GET", path+"?from=tomorrow", nil).Expect(400)
	}
	fillWithExceptions(t, s, nil)
	fillWithExceptions(t, s, doctor)
	for _, collection := range []string{at + "exceptions/", "/api/holidays/"} {
		admin.Do("POST", collection, day).ExpectProblem(409, "too_many_exceptions")
	}
	require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM availability_exceptions").Error)
}

// fillWithExceptions stores the maximum number of exceptions of a doctor, or of holidays if doctor is nil.
func fillWithExceptions(t *testing.T, s *harness.Service, doctor any) {
	t.Helper()
	rows := make([]map[string]any, 400)
	for i := range rows {
		rows[i] = map[string]any{
			"id": uuid.NewString(), "doctor_id": doctor, "starts_on": "2099-12-24", "ends_on": "2099-12-24",
			"kind": "closed", "note": "", "created_by": harness.MissingID, "created_at": "2026-11-29T00:00:00.000000Z",
		}
	}
	require.NoError(t, s.DB.Write(t.Context()).Table("availability_exceptions").Create(rows).Error)
}

func TestOpeningHours(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, staff := s.NewUserWithRole(t, auth.Admin, "Chief"), s.NewUser(t, "Ravi")
		doctor := staff.AddDoctor()
		staff.Undocumented = true // weekdays in any letter case
		at := "/api/doctors/" + doctor + "/availability/"
		t.Run("are empty at first, and stored as a whole", func(t *testing.T) {
			first := staff.Do("GET", at, nil).Expect(200)
			require.Equal(t, `"v0"`, first.Header.Get("ETag"))
			require.Equal(t, object{
				"time_zone": nil, "step_minutes": 15.0, "lead_minutes": 0.0, "horizon_days": 365.0, "windows": []any{},
			}, first.Object())
			kind := admin.Do("POST", "/api/appointment-types/", object{"name": "Night", "minutes": 5}).Expect(201).ID()
			sent := object{
				"time_zone": "Europe/Berlin", "step_minutes": 20, "lead_minutes": 60, "horizon_days": 30,
				"windows": []object{
					{"weekday": "SUNDAY", "from": "22:00", "to": "06:00", "valid_from": "2027-01-01",
						"valid_to": "2027-12-31", "type": kind},
					{"weekday": "monday", "from": "09:00", "to": "24:00"},
				},
			}
			second := staff.Do("PUT", at, sent, "If-Match", `"v0"`).Expect(200)
			require.Equal(t, `"v1"`, second.Header.Get("ETag"))
			require.Equal(t, object{
				"time_zone": "Europe/Berlin", "step_minutes": 20.0, "lead_minutes": 60.0, "horizon_days": 30.0,
				"windows": []any{
					map[string]any{"weekday": "monday", "from": "09:00", "to": "24:00", "valid_from": nil,
						"valid_to": nil, "type": nil},
					map[string]any{"weekday": "sunday", "from": "22:00", "to": "06:00", "valid_from": "2027-01-01",
						"valid_to": "2027-12-31", "type": kind},
				},
			}, second.Object())
			again := staff.Do("PUT", at, second.Object(), "If-Match", `"v1"`).Expect(200)
			require.Equal(t, `"v1"`, again.Header.Get("ETag"), "the response can be sent back")
		})
		t.Run("are rejected with the names of the fields of windows", func(t *testing.T) {
			sent := object{"time_zone": "Europe/Atlantis", "windows": []object{
				{"weekday": "monday", "from": "09:00", "to": "17:00"},
				{"weekday": "someday", "from": "9", "to": nil, "type": "x"},
			}}
			problem := staff.Do("PUT", at, sent).ExpectProblem(400, "validation_failed")
			for _, field := range []string{
				"time_zone", "windows[1].weekday", "windows[1].from", "windows[1].to", "windows[1].type",
			} {
				require.Contains(t, problem.Errors, field)
			}
			require.Len(t, problem.Errors, 5)
			sent = object{"windows": []object{
				{"weekday": "monday", "from": "09:00", "to": "17:00", "type": harness.MissingID},
			}}
			require.Contains(t, staff.Do("PUT", at, sent).ExpectProblem(400, "validation_failed").Errors,
				"windows[0].type")
			for _, wrong := range []any{"x", 1, object{}, []any{1}, []any{nil, "x"}, []object{{"weekday": 1}}} {
				staff.Do("PUT", at, object{"windows": wrong}).ExpectProblem(400, "validation_failed")
			}
		})
		t.Run("are changed by one of two users at once", func(t *testing.T) {
			for version := 1; version <= 5; version++ {
				tag := fmt.Sprintf(`"v%d"`, version)
				counts := harness.Concurrently(2, func(i int) harness.Response {
					return staff.Do("PUT", at, officeHours(5+2*version+i), "If-Match", tag)
				})
				require.Equal(t, map[int]int{200: 1, 412: 1}, counts)
			}
			fresh := "/api/doctors/" + staff.AddDoctor() + "/availability/"
			counts := harness.Concurrently(10, func(i int) harness.Response {
				return staff.Do("PUT", fresh, officeHours(5+i), "If-Match", `"v0"`)
			})
			require.Equal(t, map[int]int{200: 1, 412: 9}, counts, "also the first version")
		})
		t.Run("are changed by their doctor, but not by another", func(t *testing.T) {
			own := staff.AddDoctor()
			vikram := s.NewUser(t, "Vikram")
			actsFor(t, vikram, own)
			vikram.SetRole(doctors.Role)
			day := object{"starts_on": "2099-12-24", "kind": "closed"}
			for id, status := range map[string][]int{own: {200, 201, 204}, doctor: {403, 403, 403}} {
				path := "/api/doctors/" + id + "/"
				made := staff.Do("POST", path+"exceptions/", day).Expect(201).ID()
				vikram.Do("GET", path+"availability/", nil).Expect(200)
				vikram.Do("GET", path+"exceptions/", nil).Expect(200)
				vikram.Do("PUT", path+"availability/", officeHours(30)).Expect(status[0])
				vikram.Do("POST", path+"exceptions/", day).Expect(status[1])
				vikram.Do("DELETE", path+"exceptions/"+made+"/", nil).Expect(status[2])
			}
		})
	})
}

func TestAppointmentTypes(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, asking := s.NewUserWithRole(t, auth.Admin, "Chief"), s.NewUserWithRole(t, patients.Role, "Ananya")
		whole := object{
			"name": "Group", "minutes": 60, "buffer_before": 5, "buffer_after": 10, "capacity": 8,
			"needs_confirmation": true, "for_patients": true, "active": false,
		}
		made := admin.Do("POST", "/api/appointment-types/", whole).Expect(201)
		require.Equal(t, "/api/appointment-types/"+made.ID()+"/", made.Header.Get("Location"))
		for member, value := range whole {
			require.EqualValues(t, value, made.Object()[member], member)
		}
		least := admin.Do("POST", "/api/appointment-types/", object{
			"name": "Least", "minutes": 5, "buffer_before": nil, "capacity": nil, "active": nil,
		}).Expect(201).Object()
		for member, value := range (object{
			"buffer_before": 0, "buffer_after": 0, "capacity": 1, "needs_confirmation": false, "for_patients": false,
			"active": true,
		}) {
			require.EqualValues(t, value, least[member], member)
		}
		names := func(c *harness.Client, query string) (all []string) {
			for _, one := range c.Do("GET", "/api/appointment-types/"+query, nil).Expect(200).List() {
				all = append(all, one["name"].(string))
			}
			return all
		}
		require.Equal(t, []string{"Least", "Group"}, names(admin, ""))
		require.Equal(t, []string{"Group", "Least"}, names(admin, "?ordering=name"))
		require.Equal(t, []string{"Least"}, names(admin, "?active=true"))
		require.Equal(t, []string{"Group"}, names(admin, "?active=false"))
		require.Empty(t, names(asking, ""), "it is for patients, but not active")
		require.Empty(t, names(asking, "?active=false"))
		asking.Do("GET", "/api/appointment-types/"+made.ID()+"/", nil).Expect(404)
		admin.Do("PATCH", "/api/appointment-types/"+made.ID()+"/", object{"active": true},
			"If-Match", `"v1"`).Expect(200)
		require.Equal(t, []string{"Group"}, names(asking, ""))
		asking.Do("GET", "/api/appointment-types/"+made.ID()+"/", nil).Expect(200)
	})
}

func TestExceptionsAndHolidays(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, asking := s.NewUserWithRole(t, auth.Admin, "Chief"), s.NewUserWithRole(t, patients.Role, "Ananya")
		at := "/api/doctors/" + admin.AddDoctor() + "/exceptions/"
		admin.Undocumented = true // the kind in any letter case
		year := time.Now().Year() + 1
		date := func(day string) string { return fmt.Sprintf("%d-%s", year, day) }
		made := admin.Do("POST", at, object{
			"starts_on": date("12-24"), "ends_on": date("12-31"), "from": "22:00", "to": "06:00", "kind": "HOURS",
			"note": " Nights ",
		}).Expect(201)
		require.Equal(t, at+made.ID()+"/", made.Header.Get("Location"))
		want := made.Object()
		require.Equal(t, []any{date("12-24"), date("12-31"), "22:00", "06:00", "hours", "Nights", 0.0}, []any{
			want["starts_on"], want["ends_on"], want["from"], want["to"], want["kind"], want["note"], want["affected"],
		})
		require.Equal(t, want, admin.Do("GET", at+made.ID()+"/", nil).Expect(200).Object())
		delete(want, "affected")
		require.Equal(t, []object{want}, admin.Do("GET", at, nil).Expect(200).List())
		require.Len(t, admin.Do("GET", at+"?from="+date("12-31"), nil).Expect(200).List(), 1)
		require.Empty(t, admin.Do("GET", at+"?from="+fmt.Sprint(year+1)+"-01-01", nil).Expect(200).List())

		newYear := object{"starts_on": date("01-01"), "note": "New year"}
		holiday := admin.Do("POST", "/api/holidays/", newYear).Expect(201)
		shown := holiday.Object()
		require.Equal(t, []any{date("01-01"), date("01-01"), nil, nil}, []any{
			shown["starts_on"], shown["ends_on"], shown["from"], shown["to"],
		})
		require.Len(t, asking.Do("GET", "/api/holidays/", nil).Expect(200).List(), 1)
		require.Len(t, admin.Do("GET", at, nil).Expect(200).List(), 1, "a holiday is not an exception of the doctor")
		admin.Do("DELETE", at+holiday.ID()+"/", nil).Expect(404)
		admin.Do("DELETE", "/api/holidays/"+holiday.ID()+"/", nil).Expect(204)
		past := object{"starts_on": "2020-01-01"}
		require.Contains(t, admin.Do("POST", "/api/holidays/", past).ExpectProblem(400, "validation_failed").Errors,
			"starts_on")
	})
}
