package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// A name without a visible character counts as blank.
func TestNamesHaveAVisibleCharacter(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient, doctor := c.AddPatient(), c.AddDoctor()
		for _, name := range []string{
			"", " ", "\u00a0", "\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u00ad\u034f", "\u202e", "\t\n", "\ufe0f",
		} {
			for _, r := range []struct{ method, path, field string }{
				{"POST", "/api/patients/", "name"}, {"PATCH", "/api/patients/" + patient, "name"},
				{"POST", "/api/doctors/", "name"}, {"PATCH", "/api/doctors/" + doctor, "name"},
				{"POST", "/api/doctors/", "specialization"}, {"PATCH", "/api/doctors/" + doctor, "specialization"},
				{"POST", "/api/auth/register/", "name"}, {"PATCH", "/api/auth/me/", "name"},
			} {
				refused := c.Do(r.method, r.path, object{r.field: name}).ExpectProblem(400, "validation_failed")
				require.Equal(
					t, []string{"This field may not be blank."}, refused.Errors[r.field], "%s %s %+q", r.method, r.path,
					name,
				)
			}
		}
		c.Do("PATCH", "/api/patients/"+patient, object{"name": "\u200bA\u200d"}).Expect(200)
	})
}
