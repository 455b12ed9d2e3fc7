package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// The test flow of the original service's README, in its order and with its bodies.
func TestFlowOfTheOriginal(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		registered := c.Do("POST", "/api/auth/register/",
			object{"name": "Test User", "email": "test@example.com", "password": "testpass123"}).Expect(201).Object()
		require.Equal(t, "User registered successfully", registered["message"])
		user := registered["user"].(object)
		require.Equal(t, object{"id": user["id"], "name": "Test User", "email": "test@example.com", "username": "test"},
			user)

		signedIn := c.Do("POST", "/api/auth/login/",
			object{"email": "test@example.com", "password": "testpass123"}).Expect(200).Object()
		require.Equal(t, "Bearer", signedIn["token_type"])
		require.EqualValues(t, 3600, signedIn["expires_in"])
		c.Token = signedIn["access"].(string)

		created := c.Do("POST", "/api/patients/",
			object{"name": "Ananya Verma", "age": 31, "gender": "Female"}).Expect(201)
		patient := created.Object()
		require.Equal(t, "/api/patients/"+created.ID()+"/", created.Header.Get("Location"))
		require.Equal(t, object{
			"id": patient["id"], "name": "Ananya Verma", "age": 31.0, "gender": "Female", "created_by": user["id"],
			"created_at": patient["created_at"], "updated_at": patient["created_at"], "birth_date": nil, "email": "",
			"phone":   "",
			"address": "", "medical_record_number": nil, "notes": "",
		}, patient)
		_, err := time.Parse("2006-01-02T15:04:05.000000Z", patient["created_at"].(string))
		require.NoError(t, err)
		patientPath := "/api/patients/" + created.ID() + "/"
		require.Equal(t, patient, c.Do("GET", patientPath, nil).Expect(200).Object(),
			"POST and GET respond with the same body")
		require.Equal(t, []object{patient}, c.Do("GET", "/api/patients/", nil).Expect(200).List())

		replaced := c.Do("PUT", patientPath, object{"name": "Ananya V.", "age": 32, "gender": "Female"}).Expect(
			200).Object()
		require.Equal(t, "Ananya V.", replaced["name"])
		require.EqualValues(t, 32, replaced["age"])

		doctor := c.Do("POST", "/api/doctors/",
			object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}).Expect(201).Object()
		require.Equal(t, object{
			"id": doctor["id"], "name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9.0,
			"created_at": doctor["created_at"], "updated_at": doctor["created_at"], "email": "", "phone": "",
			"license_number": nil,
		}, doctor)
		doctorPath := "/api/doctors/" + doctor["id"].(string) + "/"
		require.Equal(t, []object{doctor}, c.Do("GET", "/api/doctors/", nil).Expect(200).List())
		require.EqualValues(
			t, 10,
			c.Do(
				"PUT", doctorPath, object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology",
					"experience": 10}).Expect(200).Object()["experience"])

		assigned := c.Assign(created.ID(), doctor["id"].(string)).Expect(201)
		assignment := assigned.Object()
		require.Equal(t, object{
			"id": assignment["id"], "patient": created.ID(), "doctor": doctor["id"],
			"assigned_at":     assignment["assigned_at"],
			"access":          "read",
			"patient_details": object{"id": created.ID(), "name": "Ananya V.", "age": 32.0, "gender": "Female"},
			"doctor_details": object{"id": doctor["id"], "name": "Dr. Vikram Khanna", "specialization": "Dermatology",
				"experience": 10.0},
		}, assignment)
		for _, path := range []string{"/api/mappings/", "/api/mappings/" + created.ID() + "/",
			"/api/mappings/patient/" + created.ID() + "/"} {
			require.Equal(t, []object{assignment}, c.Do("GET", path, nil).Expect(200).List(), path)
		}
		require.Equal(t, assignment, c.Do("GET", assigned.Header.Get("Location"), nil).Expect(200).Object())
		c.Do("DELETE", "/api/mappings/"+assigned.ID()+"/", nil).Expect(204)
		require.Empty(t, c.Do("GET", "/api/mappings/", nil).Expect(200).List())

		c.Do("DELETE", doctorPath, nil).Expect(204)
		c.Do("GET", doctorPath, nil).ExpectProblem(404, "not_found")
		c.Do("DELETE", patientPath, nil).Expect(204)
		c.Do("GET", patientPath, nil).ExpectProblem(404, "not_found")

		renewed := c.Do("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}).Expect(200).Object()
		require.NotEqual(t, signedIn["refresh"], renewed["refresh"], "refresh tokens rotate")
		c.Token = renewed["access"].(string)
		c.Do("GET", "/api/patients/", nil).Expect(200)
	})
}
