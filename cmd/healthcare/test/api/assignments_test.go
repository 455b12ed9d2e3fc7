package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

func TestAssignments(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, bela := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
		patient, other, doctor := asha.AddPatient(), asha.AddPatient(), asha.AddDoctor()
		foreign := bela.AddPatient()
		bela.Assign(foreign, doctor).Expect(201)
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"

		t.Run("a second assignment of the same pair is a conflict", func(t *testing.T) {
			asha := asha.ForTest(t)
			asha.Assign(patient, doctor).Expect(201)
			asha.Assign(patient, doctor).ExpectProblem(409, "already_assigned")
			asha.Assign(other, doctor).Expect(201)
		})
		t.Run("ownership is checked first", func(t *testing.T) {
			asha := asha.ForTest(t)
			require.Equal(t, "No such patient.", asha.Assign(foreign, doctor).ExpectProblem(404, "not_found").Detail)
			require.Equal(t, "No such patient.", asha.Assign(missing, missing).ExpectProblem(404, "not_found").Detail)
			require.Equal(t, "No such doctor.", asha.Assign(patient, missing).ExpectProblem(404, "not_found").Detail)
		})
		t.Run("malformed ids are errors of the body", func(t *testing.T) {
			asha := asha.ForTest(t)
			require.Equal(t, map[string][]string{"patient": {"Must be a UUID."}, "doctor": {"Must be a UUID."}},
				asha.Assign("1", "abc").ExpectProblem(400, "validation_failed").Errors)
			require.Len(
				t, asha.Do("POST", "/api/mappings/", object{"patient": 1}).ExpectProblem(400,
					"validation_failed").Errors, 2)
		})
		t.Run("the caller sees the assignments of their own patients, newest first", func(t *testing.T) {
			asha := asha.ForTest(t)
			all := asha.Do("GET", "/api/mappings/", nil).Expect(200).List()
			require.Len(t, all, 2)
			require.Equal(t, other, all[0]["patient"])
			require.Len(t, asha.Do("GET", "/api/mappings/"+patient, nil).Expect(200).List(), 1)
			require.Empty(t, asha.Do("GET", "/api/mappings/patient/"+asha.AddPatient(), nil).Expect(200).List(),
				"none is an empty list")
			asha.Do("GET", "/api/mappings/patient/abc/", nil).ExpectProblem(404, "not_found")
			asha.Do("GET", "/api/mappings/detail/abc/", nil).ExpectProblem(404, "not_found")
			asha.Do("DELETE", "/api/mappings/"+missing, nil).ExpectProblem(404, "not_found")
		})
		t.Run("assignments are deleted with their patient", func(t *testing.T) {
			asha := asha.ForTest(t)
			asha.Do("DELETE", "/api/patients/"+patient, nil).Expect(204)
			require.Len(t, asha.Do("GET", "/api/mappings/", nil).Expect(200).List(), 1)
			asha.Do("GET", "/api/mappings/"+patient, nil).ExpectProblem(404, "not_found")
		})
		t.Run("assignments are deleted with their doctor, by any remover", func(t *testing.T) {
			asha, bela := asha.ForTest(t), bela.ForTest(t)
			bela.Do("DELETE", "/api/doctors/"+doctor, nil).Expect(204)
			require.Empty(t, asha.Do("GET", "/api/mappings/", nil).Expect(200).List())
			require.Empty(t, bela.Do("GET", "/api/mappings/", nil).Expect(200).List())
			asha.Do("GET", "/api/patients/"+other, nil).Expect(200)
		})
	}, func(c *config.Config) { c.DoctorDirectory = "open" })
}
