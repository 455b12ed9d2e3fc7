package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestPatients(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		c.Undocumented = true // the contract lists the genders in one letter case
		full := object{
			"name": "  Ravi Kumar ", "gender": "mALE", "birth_date": "1990-02-28", "email": "ravi@home.example",
			"phone":   "+91 98 7654",
			"address": "12 Lake Road\nPune", "medical_record_number": "MRN-1",
			"notes": "allergic to <penicillin> & dust",
		}
		created := c.Do("POST", "/api/patients", full).Expect(201) // without its slash
		patient := created.Object()
		path := "/api/patients/" + created.ID()

		t.Run("text is trimmed, the gender canonical, the age computed from the birth date", func(t *testing.T) {
			require.Equal(t, "Ravi Kumar", patient["name"])
			require.Equal(t, "Male", patient["gender"])
			require.Equal(t, "1990-02-28", patient["birth_date"])
			require.EqualValues(t, yearsSince(1990, 2, 28), patient["age"])
			require.Equal(t, "allergic to <penicillin> & dust", patient["notes"])
		})
		t.Run("a read patient can be sent back, with its read-only fields", func(t *testing.T) {
			c := c.ForTest(t)
			require.Equal(t, patient, c.Do("PUT", path, patient).Expect(200).Object(),
				"nothing changed, so neither did updated_at")
		})
		t.Run("PATCH changes only the fields sent", func(t *testing.T) {
			c := c.ForTest(t)
			changed := c.Do("PATCH", path+"/",
				object{"phone": "1", "id": "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "created_by": "x",
					"nonsense": 1}).Expect(200).Object()
			require.Greater(t, changed["updated_at"], patient["updated_at"])
			require.Equal(t, "1", changed["phone"])
			changed["phone"], changed["updated_at"] = patient["phone"], patient["updated_at"]
			require.Equal(t, patient, changed)
			require.Equal(t, "1", c.Do("PATCH", path, object{}).Expect(200).Object()["phone"])
		})
		t.Run("null clears optional fields only", func(t *testing.T) {
			c := c.ForTest(t)
			require.Nil(
				t, c.Do("PATCH", path, object{"medical_record_number": nil}).Expect(
					200).Object()["medical_record_number"])
			require.Equal(t, "", c.Do("PATCH", path, object{"phone": nil}).Expect(200).Object()["phone"])
			require.Contains(t, c.Do("PATCH", path, object{"name": nil}).ExpectProblem(400, "validation_failed").Errors,
				"name")
			require.Contains(
				t, c.Do("PATCH", path, object{"birth_date": nil}).ExpectProblem(400, "validation_failed").Errors, "age")
			aged := c.Do("PATCH", path, object{"birth_date": nil, "age": 0}).Expect(200).Object()
			require.EqualValues(t, 0, aged["age"])
			require.Nil(t, aged["birth_date"])
		})
		t.Run("PUT clears omitted optional fields", func(t *testing.T) {
			c := c.ForTest(t)
			replaced := c.Do("PUT", path, object{"name": "Ravi", "gender": "Unknown", "age": 150}).Expect(200).Object()
			require.Equal(t, "", replaced["notes"])
			require.Equal(t, "", replaced["phone"])
			require.EqualValues(t, 150, replaced["age"])
		})
		t.Run("a medical record number is unique per owner", func(t *testing.T) {
			c := c.ForTest(t)
			first := c.AddPatient(object{"medical_record_number": "MRN-7"})
			c.Do(
				"POST", "/api/patients/", object{"name": "B", "age": 1, "gender": "Other",
					"medical_record_number": " MRN-7 "}).
				ExpectProblem(409, "medical_record_number_taken")
			second := c.AddPatient()
			c.Do("PATCH", "/api/patients/"+second, object{"medical_record_number": "MRN-7"}).ExpectProblem(409,
				"medical_record_number_taken")
			c.Do("PATCH", "/api/patients/"+first, object{"medical_record_number": "MRN-7"}).Expect(200)
			s.NewUser(t, "Bela").AddPatient(object{"medical_record_number": "MRN-7"})
		})
		t.Run("lists are newest first", func(t *testing.T) {
			own := s.NewUser(t, "Chandra")
			var want []string
			for range 5 {
				want = append([]string{own.AddPatient()}, want...)
			}
			var got []string
			for _, p := range own.Do("GET", "/api/patients/", nil).Expect(200).List() {
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

func TestRejectedPatients(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().UTC().Add(48 * time.Hour).Format(time.DateOnly)
	cases := []struct {
		why    string
		change object
		field  string
	}{
		{"a blank name", object{"name": " \t"}, "name"},
		{"a long name", object{"name": strings.Repeat("é", 256)}, "name"},
		{"no name", object{"name": harness.OmitField}, "name"},
		{"no gender", object{"gender": harness.OmitField}, "gender"},
		{"an unknown gender", object{"gender": "F"}, "gender"},
		{"neither age nor birth date", object{"age": harness.OmitField}, "age"},
		{"a negative age", object{"age": -1}, "age"},
		{"too high an age", object{"age": 151}, "age"},
		{"half a year", object{"age": 1.5}, "age"},
		{"age in words", object{"age": "thirty-one"}, "age"},
		{"a huge age", object{"age": 1e300}, "age"},
		{"an age beside another birth date", object{"birth_date": "1990-01-01", "age": 3}, "age"},
		{"a birth date in the future", object{"birth_date": tomorrow, "age": harness.OmitField}, "birth_date"},
		{"a birth date long ago", object{"birth_date": "1850-01-01", "age": harness.OmitField}, "birth_date"},
		{"an invalid date", object{"birth_date": "2001-02-29", "age": harness.OmitField}, "birth_date"},
		{"a date in another form", object{"birth_date": "01/02/2003", "age": harness.OmitField}, "birth_date"},
		{"a bad address", object{"email": "nobody"}, "email"},
		{"a long phone", object{"phone": strings.Repeat("1", 33)}, "phone"},
		{"long notes", object{"notes": strings.Repeat("n", 10001)}, "notes"},
		{"a long record number", object{"medical_record_number": strings.Repeat("n", 65)}, "medical_record_number"},
		{"notes as a list", object{"notes": []string{"a"}}, "notes"},
		{"name as an object", object{"name": object{}}, "name"},
	}
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		path := "/api/patients/" + c.AddPatient()
		before := c.Do("GET", path, nil).Object()
		for _, refused := range cases {
			t.Run(refused.why, func(t *testing.T) {
				c := c.ForTest(t)
				body := object{"name": "A", "age": 31, "gender": "Female"}
				for k, v := range refused.change {
					body[k] = v
					if v == harness.OmitField {
						delete(body, k)
					}
				}
				for _, p := range []harness.Response{c.Do("POST", "/api/patients/", body), c.Do("PUT", path, body)} {
					require.Contains(t, p.ExpectProblem(400, "validation_failed").Errors, refused.field)
				}
			})
		}
		require.Equal(t, before, c.Do("GET", path, nil).Object(), "a rejected request stores nothing")
		require.Len(t, c.Do("GET", "/api/patients/", nil).List(), 1)

		for why, body := range map[string]string{
			"empty": "", "not JSON": "name=A", "a list": "[]", "text": `"a"`, "null": "null", "two values": "{}{}",
			"duplicate names": `{"name":"A","name":"B"}`,
			"NUL":             `{"name":"A\u0000"}`, "invalid UTF-8": "{\"name\":\"\xff\"}",
			"a lone surrogate": `{"name":"\ud800"}`,
			"too deep":         `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		} {
			t.Run(why, func(t *testing.T) {
				c := c.ForTest(t)
				c.Do("POST", "/api/patients/", body).ExpectProblem(400, "malformed_json")
				c.Do("PATCH", path, body).ExpectProblem(400, "malformed_json")
			})
		}
		c.Do("POST", "/api/patients/", `{"name":"`+strings.Repeat("x", 66000)+`"}`).ExpectProblem(413, "body_too_large")
		c.Do("POST", "/api/patients/", "{}", "Content-Encoding", "gzip").ExpectProblem(415, "unsupported_media_type")
		c.Do("POST", "/api/patients/", "a=b", "Content-Type", "application/x-www-form-urlencoded").ExpectProblem(415,
			"unsupported_media_type")
		allow := c.Do("PUT", "/api/patients/", object{}).Expect(405).Header.Get("Allow")
		require.Equal(t, "GET, HEAD, POST, OPTIONS", allow)
	})
}
