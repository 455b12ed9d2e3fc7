package process

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// The trail that the previous release wrote stays readable and verifies, is closed, and goes on. The previous release
// then fails closed.
func TestTrailOfThePreviousReleaseGoesOn(t *testing.T) {
	t.Parallel()
	previous := previousRelease(t)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		older := p.Command(previous)
		before := harness.NewHTTPClient(t, older.WaitReady())
		before.SignUp()
		patient := before.Call("POST", "/api/patients/",
			object{"name": "Ananya Verma", "age": 31, "gender": "Female"}, 201)["id"].(string)
		before.Call("GET", "/api/patients/"+patient+"/", nil, 200)
		require.Equal(t, 0, older.Terminate().ExitCode)

		server := p.Start()
		after := harness.NewHTTPClient(t, server.WaitReady())
		after.Token = before.Token
		log := "/api/patients/" + patient + "/access-log/"
		actions := func(path string) (all []string) {
			for _, entry := range after.List(path) {
				all = append(all, entry["action"].(string))
			}
			return all
		}
		after.Call("GET", "/api/patients/"+patient+"/", nil, 200)
		require.Equal(t, []string{"read", "read", "create"}, actions(log))
		require.Equal(t, []string{"create", "read", "read", "trail_read"}, actions(log+"?ordering=created_at"))
		p.Run("audit", "verify").ExpectSuccess()
		require.Equal(t, "closed: the chains of earlier releases\n", p.Run("audit", "close").ExpectSuccess())
		p.Run("audit", "verify").ExpectSuccess()
		after.Call("GET", "/api/patients/"+patient+"/", nil, 200)
		require.Equal(t, 0, server.Terminate().ExitCode)

		older = p.Command(previous)
		before.URL = older.WaitReady()
		before.Call("GET", "/api/patients/"+patient+"/", nil, 503)
		require.Equal(t, 0, older.Terminate().ExitCode)
		require.Regexp(t, `(?m)^sound: \d+ entries$`, p.Run("audit", "verify").ExpectSuccess())
	})
}
