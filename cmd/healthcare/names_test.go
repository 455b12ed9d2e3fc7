package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A name that shows nothing is none, whatever it is made of.
func TestNamesShowSomething(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient, doctor := c.addPatient(), c.addDoctor()
		for _, name := range []string{
			"", " ", "\u00a0", "\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u00ad\u034f", "\u202e", "\t\n", "\ufe0f",
		} {
			for _, r := range []struct{ method, path, field string }{
				{"POST", "/api/patients/", "name"}, {"PATCH", "/api/patients/" + patient, "name"},
				{"POST", "/api/doctors/", "name"}, {"PATCH", "/api/doctors/" + doctor, "name"},
				{"POST", "/api/doctors/", "specialization"}, {"PATCH", "/api/doctors/" + doctor, "specialization"},
				{"POST", "/api/auth/register/", "name"}, {"PATCH", "/api/auth/me/", "name"},
			} {
				refused := c.do(r.method, r.path, object{r.field: name}).problem(400, "validation_failed")
				require.Equal(
					t, []string{"This field may not be blank."}, refused.Errors[r.field], "%s %s %+q", r.method, r.path, name,
				)
			}
		}
		c.do("PATCH", "/api/patients/"+patient, object{"name": "\u200bA\u200d"}).is(200)
	})
}
