package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatients(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		c.odd = true // the contract lists the genders in one letter case
		full := object{
			"name": "  Ravi Kumar ", "gender": "mALE", "birth_date": "1990-02-28", "email": "ravi@home.example", "phone": "+91 98 7654",
			"address": "12 Lake Road\nPune", "medical_record_number": "MRN-1", "notes": "allergic to <penicillin> & dust",
		}
		created := c.do("POST", "/api/patients", full).is(201) // without its slash
		patient := created.object()
		path := "/api/patients/" + created.id()

		t.Run("text is trimmed, gender canonical, the age counted from the birth date", func(t *testing.T) {
			require.Equal(t, "Ravi Kumar", patient["name"])
			require.Equal(t, "Male", patient["gender"])
			require.Equal(t, "1990-02-28", patient["birth_date"])
			require.EqualValues(t, yearsSince(1990, 2, 28), patient["age"])
			require.Equal(t, "allergic to <penicillin> & dust", patient["notes"])
		})
		t.Run("what was read can be put back, read-only fields included", func(t *testing.T) {
			c := c.in(t)
			require.Equal(t, patient, c.do("PUT", path, patient).is(200).object(), "nothing changed, so neither did updated_at")
		})
		t.Run("PATCH changes only the fields sent", func(t *testing.T) {
			c := c.in(t)
			changed := c.do("PATCH", path+"/", object{"phone": "1", "id": "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "created_by": "x", "nonsense": 1}).is(200).object()
			require.Greater(t, changed["updated_at"], patient["updated_at"])
			require.Equal(t, "1", changed["phone"])
			changed["phone"], changed["updated_at"] = patient["phone"], patient["updated_at"]
			require.Equal(t, patient, changed)
			require.Equal(t, "1", c.do("PATCH", path, object{}).is(200).object()["phone"])
		})
		t.Run("null clears what may be empty, and nothing else", func(t *testing.T) {
			c := c.in(t)
			require.Nil(t, c.do("PATCH", path, object{"medical_record_number": nil}).is(200).object()["medical_record_number"])
			require.Equal(t, "", c.do("PATCH", path, object{"phone": nil}).is(200).object()["phone"])
			require.Contains(t, c.do("PATCH", path, object{"name": nil}).problem(400, "validation_failed").Errors, "name")
			require.Contains(t, c.do("PATCH", path, object{"birth_date": nil}).problem(400, "validation_failed").Errors, "age")
			aged := c.do("PATCH", path, object{"birth_date": nil, "age": 0}).is(200).object()
			require.EqualValues(t, 0, aged["age"])
			require.Nil(t, aged["birth_date"])
		})
		t.Run("PUT clears the optional fields that are left out", func(t *testing.T) {
			c := c.in(t)
			replaced := c.do("PUT", path, object{"name": "Ravi", "gender": "Unknown", "age": 150}).is(200).object()
			require.Equal(t, "", replaced["notes"])
			require.Equal(t, "", replaced["phone"])
			require.EqualValues(t, 150, replaced["age"])
		})
		t.Run("a medical record number is unique per owner", func(t *testing.T) {
			c := c.in(t)
			first := c.addPatient(object{"medical_record_number": "MRN-7"})
			c.do("POST", "/api/patients/", object{"name": "B", "age": 1, "gender": "Other", "medical_record_number": " MRN-7 "}).
				problem(409, "medical_record_number_taken")
			second := c.addPatient()
			c.do("PATCH", "/api/patients/"+second, object{"medical_record_number": "MRN-7"}).problem(409, "medical_record_number_taken")
			c.do("PATCH", "/api/patients/"+first, object{"medical_record_number": "MRN-7"}).is(200)
			s.user(t, "Bela").addPatient(object{"medical_record_number": "MRN-7"})
		})
		t.Run("lists are newest first", func(t *testing.T) {
			own := s.user(t, "Chandra")
			var want []string
			for range 5 {
				want = append([]string{own.addPatient()}, want...)
			}
			var got []string
			for _, p := range own.do("GET", "/api/patients/", nil).is(200).list() {
				got = append(got, p["id"].(string))
			}
			require.Equal(t, want, got)
		})
	})
}

func yearsSince(year, month, day int) int {
	now := time.Now().UTC()
	years := now.Year() - year
	if now.Month() < time.Month(month) || now.Month() == time.Month(month) && now.Day() < day {
		years--
	}
	return years
}

func TestPatientsRefused(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().UTC().Add(48 * time.Hour).Format(time.DateOnly)
	cases := []struct {
		why    string
		change object
		field  string
	}{
		{"a blank name", object{"name": " \t"}, "name"},
		{"a long name", object{"name": strings.Repeat("é", 256)}, "name"},
		{"no name", object{"name": remove}, "name"},
		{"no gender", object{"gender": remove}, "gender"},
		{"an unknown gender", object{"gender": "F"}, "gender"},
		{"neither age nor birth date", object{"age": remove}, "age"},
		{"a negative age", object{"age": -1}, "age"},
		{"too high an age", object{"age": 151}, "age"},
		{"half a year", object{"age": 1.5}, "age"},
		{"age in words", object{"age": "thirty-one"}, "age"},
		{"a huge age", object{"age": 1e300}, "age"},
		{"an age beside another birth date", object{"birth_date": "1990-01-01", "age": 3}, "age"},
		{"a birth date in the future", object{"birth_date": tomorrow, "age": remove}, "birth_date"},
		{"a birth date long ago", object{"birth_date": "1850-01-01", "age": remove}, "birth_date"},
		{"a date that is none", object{"birth_date": "2001-02-29", "age": remove}, "birth_date"},
		{"a date in another form", object{"birth_date": "01/02/2003", "age": remove}, "birth_date"},
		{"a bad address", object{"email": "nobody"}, "email"},
		{"a long phone", object{"phone": strings.Repeat("1", 33)}, "phone"},
		{"long notes", object{"notes": strings.Repeat("n", 10001)}, "notes"},
		{"a long record number", object{"medical_record_number": strings.Repeat("n", 65)}, "medical_record_number"},
		{"notes as a list", object{"notes": []string{"a"}}, "notes"},
		{"name as an object", object{"name": object{}}, "name"},
	}
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		path := "/api/patients/" + c.addPatient()
		before := c.do("GET", path, nil).object()
		for _, refused := range cases {
			t.Run(refused.why, func(t *testing.T) {
				c := c.in(t)
				body := object{"name": "A", "age": 31, "gender": "Female"}
				for k, v := range refused.change {
					body[k] = v
					if v == remove {
						delete(body, k)
					}
				}
				for _, p := range []answer{c.do("POST", "/api/patients/", body), c.do("PUT", path, body)} {
					require.Contains(t, p.problem(400, "validation_failed").Errors, refused.field)
				}
			})
		}
		require.Equal(t, before, c.do("GET", path, nil).object(), "nothing of a refused request is kept")
		require.Len(t, c.do("GET", "/api/patients/", nil).list(), 1)

		for why, body := range map[string]string{
			"empty": "", "not JSON": "name=A", "a list": "[]", "text": `"a"`, "null": "null", "two values": "{}{}", "duplicate names": `{"name":"A","name":"B"}`,
			"NUL": `{"name":"A\u0000"}`, "invalid UTF-8": "{\"name\":\"\xff\"}", "a lone surrogate": `{"name":"\ud800"}`,
			"too deep": `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		} {
			t.Run(why, func(t *testing.T) {
				c := c.in(t)
				c.do("POST", "/api/patients/", body).problem(400, "malformed_json")
				c.do("PATCH", path, body).problem(400, "malformed_json")
			})
		}
		c.do("POST", "/api/patients/", `{"name":"`+strings.Repeat("x", 66000)+`"}`).problem(413, "body_too_large")
		c.do("POST", "/api/patients/", "{}", "Content-Encoding", "gzip").problem(415, "unsupported_media_type")
		c.do("POST", "/api/patients/", "a=b", "Content-Type", "application/x-www-form-urlencoded").problem(415, "unsupported_media_type")
		allow := c.do("PUT", "/api/patients/", object{}).is(405).header.Get("Allow")
		require.Equal(t, "GET, HEAD, POST, OPTIONS", allow)
	})
}

// remove in a change takes the field out.
const remove = "\x00remove"

// A patient of somebody else is answered, on every verb and to the byte, like one that never existed.
func TestR07_AForeignPatientIsNotThere(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		owner, stranger := s.user(t, "Asha"), s.user(t, "Mallory")
		patient, doctor := owner.addPatient(), owner.addDoctor()
		assignment := owner.assign(patient, doctor).is(201).id()
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
		valid := object{"name": "Stolen", "age": 1, "gender": "Other"}

		requests := []struct {
			method, path string
			body         func(id string) any
			foreign      string
		}{
			{"GET", "/api/patients/%s/", nil, patient},
			{"HEAD", "/api/patients/%s/", nil, patient},
			{"PUT", "/api/patients/%s/", func(string) any { return valid }, patient},
			{"PATCH", "/api/patients/%s/", func(string) any { return valid }, patient},
			{"PATCH", "/api/patients/%s/", func(string) any { return object{} }, patient},
			{"DELETE", "/api/patients/%s/", nil, patient},
			{"GET", "/api/mappings/%s/", nil, patient},
			{"GET", "/api/mappings/patient/%s/", nil, patient},
			{"GET", "/api/mappings/detail/%s/", nil, assignment},
			{"DELETE", "/api/mappings/%s/", nil, assignment},
			{"POST", "/api/mappings/", func(id string) any { return object{"patient": id, "doctor": doctor} }, patient},
			{"POST", "/api/mappings/", func(id string) any { return object{"patient": id, "doctor": missing} }, patient},
		}
		for _, r := range requests {
			t.Run(r.method+" "+r.path, func(t *testing.T) {
				stranger := stranger.in(t)
				ask := func(id string) string {
					var body any
					if r.body != nil {
						body = r.body(id)
					}
					path := r.path
					if strings.Contains(path, "%s") {
						path = fmt.Sprintf(path, id)
					}
					a := stranger.do(r.method, path, body).is(404)
					return a.withoutRequestID()
				}
				require.Equal(t, ask(missing), ask(r.foreign))
				if !strings.HasPrefix(r.method, "POST") {
					ask("nonsense")
				}
			})
		}
		require.Empty(t, stranger.do("GET", "/api/patients/", nil).list())
		require.Empty(t, stranger.do("GET", "/api/mappings/", nil).list())
		require.Equal(t, "Ananya Verma", owner.do("GET", "/api/patients/"+patient, nil).is(200).object()["name"], "untouched")
		require.Len(t, owner.do("GET", "/api/mappings/", nil).list(), 1)
	})
}
