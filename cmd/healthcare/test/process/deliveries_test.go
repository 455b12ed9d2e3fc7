package process

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestDeliveriesCommand(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		r := p.Start()
		harness.NewHTTPClient(t, r.WaitReady()).SignUp()
		require.Equal(t, 0, r.Terminate().ExitCode)
		harness.Exec(t, db, `UPDATE deliveries SET state = 'dead', due_at = NULL, ended_at = created_at,
			last_error = '451', kind = 'account.password-changed'`)
		listed := p.Run("deliveries", "list", "--state", "dead").ExpectSuccess()
		require.Regexp(t, `^\S+Z  dead  \d  451  account\.password-changed  [0-9a-f-]{36}\n$`, listed)
		require.Equal(t, "No deliveries match.\n", p.Run("deliveries", "list", "--state", "pending").ExpectSuccess())
		require.Equal(t, "Deliveries that are sent again: 1\n",
			p.Run("deliveries", "resend", "--since", "2026-01-01T00:00:00Z").ExpectSuccess())
		require.Contains(t, p.Run("deliveries", "list").ExpectSuccess(), "  pending  0  -")
		p.Run("deliveries", "resend", "--since", "yesterday").ExpectFailure(1, "--since: Enter a time")
		p.Run("deliveries", "list", "--state", "lost").ExpectFailure(1, "a state is pending, sent, dead or cancelled")
	})
}
