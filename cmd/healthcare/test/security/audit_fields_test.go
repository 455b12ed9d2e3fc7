package security

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// A disabled user with the right password is recorded like a wrong password.
func TestSignInOfADisabledUserIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, admin := s.NewUser(t, "Asha"), s.NewUserWithRole(t, auth.Admin, "Ravi")
		id := c.UserID()
		admin.Do("PATCH", "/api/users/"+id+"/", object{"active": false}).Expect(200)
		a := s.Anonymous(t).Do("POST", "/api/auth/login/", object{"email": c.Email(), "password": harness.Password})
		a.ExpectProblem(401, "invalid_credentials")
		entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
		require.Len(t, entries, 1)
		require.Equal(t, "login_failed", entries[0]["action"])
		require.Equal(t, id, harness.ValueText(entries[0]["resource_id"]))
	})
}

// A read of the entries about a patient by an auditor is in the access log of the patient's owner.
func TestAuditorsAppearInThePatientsAccessLog(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, auditor := s.NewUser(t, "Asha"), s.NewUserWithRole(t, "auditor", "Auditor")
		patient, unrelated := owner.AddPatient(), owner.AddPatient()
		auditor.Do("GET", "/api/audit/?patient="+patient, nil).Expect(200)
		auditor.Do("GET", "/api/audit/", nil).Expect(200)
		readBy := func(patient string) (actors []any) {
			for _, entry := range owner.Do("GET", "/api/patients/"+patient+"/access-log/", nil).Expect(200).List() {
				if entry["action"] == "trail_read" {
					actors = append(actors, entry["actor"])
				}
			}
			return actors
		}
		require.Equal(t, []any{auditor.UserID()}, readBy(patient))
		require.Empty(t, readBy(unrelated))
	})
}
