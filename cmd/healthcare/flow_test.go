package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test flow of the original service's README, in its order and with its bodies.
func TestTheOriginalsFlow(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.client(t)
		registered := c.do("POST", "/api/auth/register/", object{"name": "Test User", "email": "test@example.com", "password": "testpass123"}).is(201).object()
		require.Equal(t, "User registered successfully", registered["message"])
		user := registered["user"].(object)
		require.Equal(t, object{"id": user["id"], "name": "Test User", "email": "test@example.com", "username": "test"}, user)

		signedIn := c.do("POST", "/api/auth/login/", object{"email": "test@example.com", "password": "testpass123"}).is(200).object()
		require.Equal(t, "Bearer", signedIn["token_type"])
		require.EqualValues(t, 3600, signedIn["expires_in"])
		c.token = signedIn["access"].(string)

		created := c.do("POST", "/api/patients/", object{"name": "Ananya Verma", "age": 31, "gender": "Female"}).is(201)
		patient := created.object()
		require.Equal(t, "/api/patients/"+created.id()+"/", created.header.Get("Location"))
		require.Equal(t, object{
			"id": patient["id"], "name": "Ananya Verma", "age": 31.0, "gender": "Female", "created_by": user["id"],
			"created_at": patient["created_at"], "updated_at": patient["created_at"], "birth_date": nil, "email": "", "phone": "",
			"address": "", "medical_record_number": nil, "notes": "",
		}, patient)
		_, err := time.Parse("2006-01-02T15:04:05.000000Z", patient["created_at"].(string))
		require.NoError(t, err)
		patientPath := "/api/patients/" + created.id() + "/"
		require.Equal(t, patient, c.do("GET", patientPath, nil).is(200).object(), "what POST answers is what GET answers")
		require.Equal(t, []object{patient}, c.do("GET", "/api/patients/", nil).is(200).list())

		replaced := c.do("PUT", patientPath, object{"name": "Ananya V.", "age": 32, "gender": "Female"}).is(200).object()
		require.Equal(t, "Ananya V.", replaced["name"])
		require.EqualValues(t, 32, replaced["age"])

		doctor := c.do("POST", "/api/doctors/", object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}).is(201).object()
		require.Equal(t, object{
			"id": doctor["id"], "name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9.0,
			"created_at": doctor["created_at"], "updated_at": doctor["created_at"], "email": "", "phone": "", "license_number": nil,
		}, doctor)
		doctorPath := "/api/doctors/" + doctor["id"].(string) + "/"
		require.Equal(t, []object{doctor}, c.do("GET", "/api/doctors/", nil).is(200).list())
		require.EqualValues(t, 10, c.do("PUT", doctorPath, object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 10}).is(200).object()["experience"])

		assigned := c.assign(created.id(), doctor["id"].(string)).is(201)
		assignment := assigned.object()
		require.Equal(t, object{
			"id": assignment["id"], "patient": created.id(), "doctor": doctor["id"], "assigned_at": assignment["assigned_at"],
			"patient_details": object{"id": created.id(), "name": "Ananya V.", "age": 32.0, "gender": "Female"},
			"doctor_details":  object{"id": doctor["id"], "name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 10.0},
		}, assignment)
		for _, path := range []string{"/api/mappings/", "/api/mappings/" + created.id() + "/", "/api/mappings/patient/" + created.id() + "/"} {
			require.Equal(t, []object{assignment}, c.do("GET", path, nil).is(200).list(), path)
		}
		require.Equal(t, assignment, c.do("GET", assigned.header.Get("Location"), nil).is(200).object())
		c.do("DELETE", "/api/mappings/"+assigned.id()+"/", nil).is(204)
		require.Empty(t, c.do("GET", "/api/mappings/", nil).is(200).list())

		c.do("DELETE", doctorPath, nil).is(204)
		c.do("GET", doctorPath, nil).problem(404, "not_found")
		c.do("DELETE", patientPath, nil).is(204)
		c.do("GET", patientPath, nil).problem(404, "not_found")

		renewed := c.do("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}).is(200).object()
		require.NotEqual(t, signedIn["refresh"], renewed["refresh"], "refresh tokens rotate")
		c.token = renewed["access"].(string)
		c.do("GET", "/api/patients/", nil).is(200)
	})
}
