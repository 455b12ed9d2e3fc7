package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDoctors(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		asha, bela := s.user(t, "Asha"), s.user(t, "Bela")
		created := asha.do("POST", "/api/doctors/", object{
			"name": " Dr. Meera ", "specialization": "Cardiology", "experience": 0, "email": "meera@clinic.example", "phone": "5", "license_number": "L-1",
		}).is(201)
		doctor, path := created.object(), "/api/doctors/"+created.id()
		require.Equal(t, path+"/", created.header.Get("Location"))
		require.Equal(t, "Dr. Meera", doctor["name"])
		require.EqualValues(t, 0, doctor["experience"])

		t.Run("the directory is shared by all users", func(t *testing.T) {
			bela := bela.in(t)
			require.Equal(t, []object{doctor}, bela.do("GET", "/api/doctors", nil).is(200).list())
			require.Equal(t, doctor, bela.do("GET", path, nil).is(200).object())
			require.EqualValues(t, 80, bela.do("PATCH", path, object{"experience": 80}).is(200).object()["experience"])
			require.EqualValues(t, 0, bela.do("PATCH", path, object{"experience": 0}).is(200).object()["experience"], "zero is a value")
		})
		t.Run("a license number is unique when given", func(t *testing.T) {
			asha, bela := asha.in(t), bela.in(t)
			other := bela.addDoctor()
			bela.addDoctor() // two doctors without one
			bela.do("POST", "/api/doctors/", object{"name": "B", "specialization": "C", "experience": 1, "license_number": "L-1"}).problem(409, "license_number_taken")
			bela.do("PATCH", "/api/doctors/"+other, object{"license_number": "L-1"}).problem(409, "license_number_taken")
			bela.do("PUT", "/api/doctors/"+other, object{"name": "B", "specialization": "C", "experience": 1, "license_number": "L-1"}).problem(409, "license_number_taken")
			asha.do("PATCH", path, object{"license_number": nil}).is(200)
			bela.do("PATCH", "/api/doctors/"+other, object{"license_number": "L-1"}).is(200)
		})
		t.Run("what is not valid names its field", func(t *testing.T) {
			asha := asha.in(t)
			for field, value := range map[string]any{
				"name": "", "specialization": strings.Repeat("s", 256), "experience": -1, "email": "x", "phone": strings.Repeat("1", 33),
				"license_number": strings.Repeat("1", 65),
			} {
				body := object{"name": "A", "specialization": "B", "experience": 1}
				body[field] = value
				require.Contains(t, asha.do("POST", "/api/doctors/", body).problem(400, "validation_failed").Errors, field)
				require.Contains(t, asha.do("PATCH", path, object{field: value}).problem(400, "validation_failed").Errors, field)
			}
			require.Contains(t, asha.do("PATCH", path, object{"experience": 81}).problem(400, "validation_failed").Errors, "experience")
			require.Equal(t, map[string][]string{
				"name": {"This field is required."}, "specialization": {"This field is required."}, "experience": {"This field is required."},
			}, asha.do("PUT", path, object{}).problem(400, "validation_failed").Errors)
		})
		t.Run("who is not there is a 404 on every verb", func(t *testing.T) {
			asha := asha.in(t)
			for _, id := range []string{"0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "abc", "1", "{" + created.id() + "}"} {
				at := "/api/doctors/" + id + "/"
				asha.do("GET", at, nil).problem(404, "not_found")
				asha.do("PUT", at, object{"name": "A", "specialization": "B", "experience": 1}).problem(404, "not_found")
				asha.do("PATCH", at, object{}).problem(404, "not_found")
				asha.do("DELETE", at, nil).problem(404, "not_found")
			}
		})
	})
}
