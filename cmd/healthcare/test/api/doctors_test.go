package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestDoctors(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, bela := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
		created := asha.Do("POST", "/api/doctors/", object{
			"name": " Dr. Meera ", "specialization": "Cardiology", "experience": 0, "email": "meera@clinic.example",
			"phone": "5", "license_number": "L-1",
		}).Expect(201)
		doctor, path := created.Object(), "/api/doctors/"+created.ID()
		require.Equal(t, path+"/", created.Header.Get("Location"))
		require.Equal(t, "Dr. Meera", doctor["name"])
		require.EqualValues(t, 0, doctor["experience"])

		t.Run("the directory is shared by all users", func(t *testing.T) {
			bela := bela.ForTest(t)
			require.Equal(t, []object{doctor}, bela.Do("GET", "/api/doctors", nil).Expect(200).List())
			require.Equal(t, doctor, bela.Do("GET", path, nil).Expect(200).Object())
			require.EqualValues(
				t, 80, bela.Do("PATCH", path, object{"experience": 80}).Expect(200).Object()["experience"])
			require.EqualValues(
				t, 0, bela.Do("PATCH", path, object{"experience": 0}).Expect(200).Object()["experience"],
				"zero is a value")
		})
		t.Run("a license number is unique when given", func(t *testing.T) {
			asha, bela := asha.ForTest(t), bela.ForTest(t)
			other := bela.AddDoctor()
			bela.AddDoctor() // two doctors without one
			bela.Do(
				"POST", "/api/doctors/", object{"name": "B", "specialization": "C", "experience": 1,
					"license_number": "L-1"}).ExpectProblem(409, "license_number_taken")
			bela.Do("PATCH", "/api/doctors/"+other, object{"license_number": "L-1"}).ExpectProblem(409,
				"license_number_taken")
			bela.Do("PUT", "/api/doctors/"+other,
				object{"name": "B", "specialization": "C", "experience": 1, "license_number": "L-1"}).ExpectProblem(409,
				"license_number_taken")
			asha.Do("PATCH", path, object{"license_number": nil}).Expect(200)
			bela.Do("PATCH", "/api/doctors/"+other, object{"license_number": "L-1"}).Expect(200)
		})
		t.Run("an invalid value is reported with its field", func(t *testing.T) {
			asha := asha.ForTest(t)
			for field, value := range map[string]any{
				"name": "", "specialization": strings.Repeat("s", 256), "experience": -1, "email": "x",
				"phone":          strings.Repeat("1", 33),
				"license_number": strings.Repeat("1", 65),
			} {
				body := object{"name": "A", "specialization": "B", "experience": 1}
				body[field] = value
				require.Contains(
					t, asha.Do("POST", "/api/doctors/", body).ExpectProblem(400, "validation_failed").Errors, field)
				require.Contains(
					t, asha.Do("PATCH", path, object{field: value}).ExpectProblem(400, "validation_failed").Errors,
					field)
			}
			require.Contains(
				t, asha.Do("PATCH", path, object{"experience": 81}).ExpectProblem(400, "validation_failed").Errors,
				"experience")
			require.Equal(t, map[string][]string{
				"name": {"This field is required."}, "specialization": {"This field is required."},
				"experience": {"This field is required."},
			}, asha.Do("PUT", path, object{}).ExpectProblem(400, "validation_failed").Errors)
		})
		t.Run("a missing doctor is a 404 with every method", func(t *testing.T) {
			asha := asha.ForTest(t)
			for _, id := range []string{"0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "abc", "1", "{" + created.ID() + "}"} {
				at := "/api/doctors/" + id + "/"
				asha.Do("GET", at, nil).ExpectProblem(404, "not_found")
				asha.Do("PUT", at, object{"name": "A", "specialization": "B", "experience": 1}).ExpectProblem(404,
					"not_found")
				asha.Do("PATCH", at, object{}).ExpectProblem(404, "not_found")
				asha.Do("DELETE", at, nil).ExpectProblem(404, "not_found")
			}
		})
	})
}
