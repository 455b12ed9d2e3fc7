package main

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var demonstrates = regexp.MustCompile(`^demonstration: sign in as (\S+) with the password (\S+), which is shown this once\n`)

// demoReady waits for the line that says where the program listens, and returns the base of its API, and how to sign in.
func (r *program) demoReady() (base string, account object) {
	r.t.Helper()
	listening := regexp.MustCompile(`(?m)^healthcare \S+ listens on (http://\S+),`)
	require.Eventually(r.t, func() bool { return listening.MatchString(r.stdout.String()) }, patience, 5*time.Millisecond, "%s", r.stderr.String())
	said := demonstrates.FindStringSubmatch(r.stdout.String())
	require.NotNil(r.t, said, "the credentials come first: %s", r.stdout.String())
	return listening.FindStringSubmatch(r.stdout.String())[1], object{"email": said[1], "password": said[2]}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p := patient(t)
	r := p.start("serve", "--demo")
	base, account := r.demoReady()
	require.NotContains(t, r.stderr.String(), account["password"])
	c := newCaller(t, base)
	c.token = c.call("POST", "/api/auth/login/", account, 200)["access"].(string)
	require.Len(t, c.list("/api/doctors/?limit=500"), 5)
	require.Len(t, c.list("/api/mappings/?limit=500"), 22)
	patients := c.list("/api/patients/?limit=500")
	require.Len(t, patients, 20)
	names := map[string]bool{}
	for _, patient := range patients {
		require.NotEmpty(t, patient["birth_date"])
		names[patient["name"].(string)] = true
	}
	require.Len(t, names, 20)
	require.Equal(t, 0, r.terminate().code)
	require.Contains(t, p.run("audit", "verify").succeeded(), "sound: ")
	p.run("serve", "--demo").failed(exitFailure, "--demo is for an empty store", "set DATA_DIR to a new folder")

	t.Run("fills a store that was only migrated", func(t *testing.T) {
		t.Parallel()
		p := patient(t)
		p.run("migrate", "up").succeeded()
		r := p.start("serve", "--demo")
		r.demoReady()
		require.Equal(t, 0, r.terminate().code)
	})
	t.Run("needs no name of its own host", func(t *testing.T) {
		t.Parallel()
		r := patient(t).with("ALLOWED_HOSTS=.clinic.example", "HTTP_PROXY=http://127.0.0.1:1", "REQUIRE_IF_MATCH=true", "PASSWORD_POLICY=strict").start("serve", "--demo")
		base, _ := r.demoReady()
		require.Contains(t, base, "http://clinic.example:")
		require.Equal(t, 0, r.terminate().code)
	})
	t.Run("is not doubled after it was killed half-way", func(t *testing.T) {
		t.Parallel()
		p := patient(t)
		r := p.start("serve", "--demo")
		require.Eventually(t, func() bool { return demonstrates.MatchString(r.stdout.String()) }, patience, time.Millisecond)
		_ = r.cmd.Process.Kill()
		<-r.ended
		p.run("serve", "--demo").failed(exitFailure, "--demo is for an empty store")
	})
	t.Run("is refused where it has no place, and makes nothing", func(t *testing.T) {
		t.Parallel()
		for variable, why := range map[string]string{
			"APP_ENV=production": "--demo is not for production", "DATABASE_URL=postgres://clinic@127.0.0.1:1/clinic": "--demo is for the embedded database",
			"REGISTRATION=closed": "--demo registers a user",
		} {
			p := bare(t).with("SECRET_KEY="+testSecret, "AUDIT_KEY="+testAuditKey, variable)
			p.run("serve", "--demo").failed(exitFailure, why)
			require.Len(t, p.content(), 1)
		}
	})
}
