package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestAssignments(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		asha, bela := s.user(t, "Asha"), s.user(t, "Bela")
		patient, other, doctor := asha.addPatient(), asha.addPatient(), asha.addDoctor()
		foreign := bela.addPatient()
		bela.assign(foreign, doctor).is(201)
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"

		t.Run("the same doctor for the same patient is a conflict", func(t *testing.T) {
			asha := asha.in(t)
			asha.assign(patient, doctor).is(201)
			asha.assign(patient, doctor).problem(409, "already_assigned")
			asha.assign(other, doctor).is(201)
		})
		t.Run("ownership is checked first", func(t *testing.T) {
			asha := asha.in(t)
			require.Equal(t, "No such patient.", asha.assign(foreign, doctor).problem(404, "not_found").Detail)
			require.Equal(t, "No such patient.", asha.assign(missing, missing).problem(404, "not_found").Detail)
			require.Equal(t, "No such doctor.", asha.assign(patient, missing).problem(404, "not_found").Detail)
		})
		t.Run("ids that are none are the body's fault", func(t *testing.T) {
			asha := asha.in(t)
			require.Equal(t, map[string][]string{"patient": {"Must be a UUID."}, "doctor": {"Must be a UUID."}},
				asha.assign("1", "abc").problem(400, "validation_failed").Errors)
			require.Len(t, asha.do("POST", "/api/mappings/", object{"patient": 1}).problem(400, "validation_failed").Errors, 2)
		})
		t.Run("the caller sees the assignments of their own patients, newest first", func(t *testing.T) {
			asha := asha.in(t)
			all := asha.do("GET", "/api/mappings/", nil).is(200).list()
			require.Len(t, all, 2)
			require.Equal(t, other, all[0]["patient"])
			require.Len(t, asha.do("GET", "/api/mappings/"+patient, nil).is(200).list(), 1)
			require.Empty(t, asha.do("GET", "/api/mappings/patient/"+asha.addPatient(), nil).is(200).list(), "none is an empty list")
			asha.do("GET", "/api/mappings/patient/abc/", nil).problem(404, "not_found")
			asha.do("GET", "/api/mappings/detail/abc/", nil).problem(404, "not_found")
			asha.do("DELETE", "/api/mappings/"+missing, nil).problem(404, "not_found")
		})
		t.Run("they end with their patient", func(t *testing.T) {
			asha := asha.in(t)
			asha.do("DELETE", "/api/patients/"+patient, nil).is(204)
			require.Len(t, asha.do("GET", "/api/mappings/", nil).is(200).list(), 1)
			asha.do("GET", "/api/mappings/"+patient, nil).problem(404, "not_found")
		})
		t.Run("and with their doctor, whoever removes them", func(t *testing.T) {
			asha, bela := asha.in(t), bela.in(t)
			bela.do("DELETE", "/api/doctors/"+doctor, nil).is(204)
			require.Empty(t, asha.do("GET", "/api/mappings/", nil).is(200).list())
			require.Empty(t, bela.do("GET", "/api/mappings/", nil).is(200).list())
			asha.do("GET", "/api/patients/"+other, nil).is(200)
		})
	}, func(c *config.Config) { c.DoctorDirectory = "open" })
}
