package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStartWithoutConfiguration(t *testing.T) {
	t.Parallel()
	p := bare(t)
	first := p.start()
	base := first.ready()
	c := newCaller(t, base)
	c.signUp()
	id := c.addPatient()

	t.Run("says in one line where it listens, where the data is and where the API is described", func(t *testing.T) {
		said := listens.FindStringSubmatch(first.stdout.String())
		require.Equal(t, testVersion, said[1])
		require.Equal(t, "SQLite (data/healthcare.db)", said[3])
		require.Equal(t, base+"/docs/", said[4])
		require.NotEmpty(t, newCaller(t, "").call("GET", base+"/openapi.json", nil, 200)["paths"])
		require.Equal(t, http.StatusOK, under(t, base, "127.0.0.1", "/docs/"))
	})
	t.Run("makes a folder that is the owner's alone", func(t *testing.T) {
		folder, err := os.Stat(filepath.Join(p.folder, "data"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
		files, err := os.ReadDir(filepath.Join(p.folder, "data"))
		require.NoError(t, err)
		for _, file := range files {
			info, err := file.Info()
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode(), file.Name())
			require.Contains(t, []string{"healthcare.db", "healthcare.db-wal", "healthcare.db-shm", "secret_key", "audit_key"}, file.Name())
		}
		elsewhere, err := os.ReadDir(p.folder)
		require.NoError(t, err)
		require.Len(t, elsewhere, 1, "nothing is made beside it")
	})
	t.Run("writes what it was told to the log, and no secret", func(t *testing.T) {
		secret, err := os.ReadFile(filepath.Join(p.folder, "data", "secret_key"))
		require.NoError(t, err)
		require.Contains(t, first.stderr.String(), `"keys":{"http_address":"127.0.0.1:0"}`, "only what differs from the defaults")
		require.NotContains(t, first.stderr.String(), strings.TrimSpace(string(secret)))
	})

	ended := first.terminate()
	require.Equal(t, 0, ended.code)
	require.Equal(t, 1, strings.Count(ended.stdout, "\n"), "standard output is that one line to the end")

	t.Run("finds everything again, so that nobody has to sign in twice", func(t *testing.T) {
		second := p.start("serve")
		again := newCaller(t, second.ready())
		again.token = c.token
		require.Equal(t, "Ananya Verma", again.call("GET", "/api/patients/"+id+"/", nil, 200)["name"])
		require.Equal(t, 0, second.terminate().code)
	})
}

// Two processes that make the secret at once agree on it: a token of one is good at the other.
func TestTwoFirstStartsOnOneFolder(t *testing.T) {
	t.Parallel()
	p := patient(t)
	require.Equal(t, 0, p.run("migrate", "up").code, "SQLite's migrations have no lock; the secret is what this is about")
	require.NoError(t, os.Remove(filepath.Join(p.folder, "data", "secret_key")))
	one, other := p.start(), p.start()
	c, d := newCaller(t, one.ready()), newCaller(t, other.ready())
	c.signUp()
	d.token = c.token
	d.call("GET", "/api/patients/"+c.addPatient()+"/", nil, 200)
	require.Equal(t, 0, one.terminate().code)
	require.Equal(t, 0, other.terminate().code)
}

// Killed at whatever moment of its first start, the program starts the next time.
func TestKilledFirstStart(t *testing.T) {
	t.Parallel()
	for _, delay := range []int{10, 20, 30, 40, 60} { // milliseconds
		p := patient(t)
		killed := p.start()
		time.Sleep(time.Duration(delay) * time.Millisecond)
		_ = killed.cmd.Process.Kill()
		<-killed.ended
		again := p.start()
		newCaller(t, again.ready()).signUp()
		require.Equal(t, 0, again.terminate().code, "after %d ms", delay)
	}
}
