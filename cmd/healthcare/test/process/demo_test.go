package process

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

var demoCredentials = regexp.MustCompile(
	`^demo: sign in as (\S+) with the password (\S+), which is shown only once\n`)

// waitDemoReady waits until the program listens, and returns the base of its API and the demo user's credentials.
func waitDemoReady(r *harness.Process) (base string, account object) {
	r.T.Helper()
	listening := regexp.MustCompile(`(?m)^healthcare \S+ listens on (http://\S+),`)
	require.Eventually(r.T, func() bool { return listening.MatchString(r.Stdout.String()) }, harness.Timeout,
		5*time.Millisecond, "%s", r.Stderr.String())
	credentials := demoCredentials.FindStringSubmatch(r.Stdout.String())
	require.NotNil(r.T, credentials, "the credentials come first: %s", r.Stdout.String())
	base = listening.FindStringSubmatch(r.Stdout.String())[1]
	return base, object{"email": credentials[1], "password": credentials[2]}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	r := p.Start("serve", "--demo")
	base, account := waitDemoReady(r)
	require.NotContains(t, r.Stderr.String(), account["password"])
	c := harness.NewHTTPClient(t, base)
	c.Token = c.Call("POST", "/api/auth/login/", account, 200)["access"].(string)
	require.Len(t, c.List("/api/doctors/?limit=500"), 5)
	require.Len(t, c.List("/api/mappings/?limit=500"), 22)
	patients := c.List("/api/patients/?limit=500")
	require.Len(t, patients, 20)
	names := map[string]bool{}
	for _, patient := range patients {
		require.NotEmpty(t, patient["birth_date"])
		names[patient["name"].(string)] = true
	}
	require.Len(t, names, 20)

	signIn := func(email, role string) *harness.HTTPClient {
		c := harness.NewHTTPClient(t, base)
		login := object{"email": email, "password": account["password"]}
		c.Token = c.Call("POST", "/api/auth/login/", login, 200)["access"].(string)
		require.Equal(t, role, c.Call("GET", "/api/auth/me/", nil, 200)["role"])
		require.Contains(t, r.Stdout.String(), email)
		return c
	}
	signIn("demo@clinic.example", "admin")
	doctor := signIn("doctor@clinic.example", "doctor")
	assigned := map[any]int{}
	for _, assignment := range doctor.List("/api/mappings/?limit=500") {
		status := map[any]int{"read": 403, "write": 200}[assignment["access"]]
		doctor.Call("PATCH", "/api/patients/"+assignment["patient"].(string)+"/", object{"phone": "1"}, status)
		assigned[assignment["access"]]++
	}
	require.Equal(t, map[any]int{"read": 5, "write": 2}, assigned)
	require.Len(t, doctor.List("/api/patients/?limit=500"), 7)
	patient := signIn("patient@clinic.example", "patient").List("/api/patients/?limit=500")
	require.Len(t, patient, 1)
	require.Equal(t, "Siân O’Carrollan", patient[0]["name"])

	require.Equal(t, 0, r.Terminate().ExitCode)
	require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
	p.Run("serve", "--demo").ExpectFailure(harness.ExitFailure, "--demo requires an empty store",
		"set DATA_DIR to a new folder")

	t.Run("fills a store that was only migrated", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		p.Run("migrate", "up").ExpectSuccess()
		r := p.Start("serve", "--demo")
		waitDemoReady(r)
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
	t.Run("works without an allowed host that resolves", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).With("ALLOWED_HOSTS=.clinic.example", "HTTP_PROXY=http://127.0.0.1:1",
			"REQUIRE_IF_MATCH=true", "PASSWORD_POLICY=strict", "REQUIRE_VERIFIED_EMAIL=true").Start("serve", "--demo")
		base, _ := waitDemoReady(r)
		require.Contains(t, base, "http://clinic.example:")
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
	t.Run("is rejected after an interrupted one", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		r := p.Start("serve", "--demo")
		require.Eventually(t, func() bool { return demoCredentials.MatchString(r.Stdout.String()) }, harness.Timeout,
			time.Millisecond)
		_ = r.Cmd.Process.Kill()
		<-r.Done
		p.Run("serve", "--demo").ExpectFailure(harness.ExitFailure, "--demo requires an empty store")
	})
	t.Run("is rejected in other configurations, and creates no files", func(t *testing.T) {
		t.Parallel()
		for variable, message := range map[string]string{
			"APP_ENV=production": "--demo is not available in production",
			"DATABASE_URL=postgres://clinic@127.0.0.1:1/clinic": "--demo requires the embedded database",
			"REGISTRATION=closed":                               "--demo registers a user",
		} {
			p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, "AUDIT_KEY="+harness.AuditKey, variable)
			p.Run("serve", "--demo").ExpectFailure(harness.ExitFailure, message)
			require.Len(t, p.ListFolder(), 1)
		}
	})
}
