package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

const newerSecret = "Zq8Wn3Vt6Rb1Yc5Xk9Df2Gh7Jm4Lp0Ts-of-the-tests"

// kid is the id of the key that signed a token.
func kid(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &header))
	return header.Kid
}

// signIn is a new token for Asha.
func (c *caller) signIn() string {
	c.t.Helper()
	return c.call("POST", "/api/auth/login/", ashaLogin, 200)["access"].(string)
}

// secondPage is where the first page of one patient leads, for which there are two.
func (c *caller) secondPage() string {
	c.t.Helper()
	c.addPatient()
	c.addPatient()
	request, err := http.NewRequest(http.MethodGet, c.base+"/api/patients/?limit=1", nil)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	link := regexp.MustCompile(`<([^>]+)>; rel="next"`).FindStringSubmatch(response.Header.Get("Link"))
	require.NotNil(c.t, link, "%v", response.Header)
	return link[1]
}

// serving runs test against the program, and ends it.
func (p place) serving(test func(c *caller)) {
	p.t.Helper()
	r := p.start()
	test(newCaller(p.t, r.ready()))
	require.Equal(p.t, 0, r.terminate().code)
}

// kept is what DATA_DIR/secret_key holds.
func (p place) kept() string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.folder, "data", "secret_key"))
	require.NoError(p.t, err)
	return string(content)
}

// secretless asserts that a command's output shows no secret that is or was in DATA_DIR/secret_key.
func secretless(t *testing.T, said string, files ...string) string {
	t.Helper()
	for secret := range strings.FieldsSeq(strings.Join(files, "\n")) {
		if !strings.HasPrefix(secret, "retired=") {
			require.NotContains(t, said, secret[:8])
		}
	}
	return said
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	p := patient(t)
	running := p.start()
	c := newCaller(t, running.ready())
	c.signUp()
	page, former, first := c.secondPage(), kid(t, c.token), p.kept()
	require.Equal(t, former+"  signs\n", secretless(t, p.run("keys", "list").succeeded(), first))

	said := secretless(t, p.run("keys", "rotate").succeeded(), first, p.kept())
	rotated := regexp.MustCompile(`^made     (\S{11})  signs once.*\nkept     ` + former + `  still verifies, retired (\S+Z)\nRestart the server.*nobody is signed out\.\n$`).
		FindStringSubmatch(said)
	require.NotNil(t, rotated, said)
	newest := rotated[1]

	t.Run("leaves the running server as it is", func(t *testing.T) {
		c.call("GET", "/api/patients/?limit=2", nil, 200)
		require.Equal(t, former, kid(t, c.signIn()))
	})
	require.Equal(t, 0, running.terminate().code)
	t.Run("signs nobody out, and has the next start sign with the new key", func(t *testing.T) {
		p.serving(func(again *caller) {
			again.token = c.token
			require.Len(t, again.list(page), 1, "a link to a page survives too")
			c.token = again.signIn()
			require.Equal(t, newest, kid(t, c.token))
		})
	})
	t.Run("is told by keys list, without a secret", func(t *testing.T) {
		said := secretless(t, p.run("keys", "list").succeeded(), first, p.kept())
		require.Equal(t, newest+"  signs\n"+former+"  verifies, retired "+rotated[2]+"\n", said)
	})
	t.Run("with --drop-previous signs everybody out at the next start, and says so", func(t *testing.T) {
		second := p.kept()
		said := secretless(t, p.run("keys", "rotate", "--drop-previous").succeeded(), second, p.kept())
		for _, text := range []string{"dropped  " + newest, "dropped  " + former, "everybody is signed out"} {
			require.Contains(t, said, text)
		}
		require.NotContains(t, said, "kept ")
		p.serving(func(again *caller) {
			again.token = c.token
			again.call("GET", "/api/patients/", nil, 401)
			again.token = again.signIn()
			again.call("GET", page, nil, 400)
		})
	})
}

func TestKeysAreRotatedInTheEnvironment(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		before := p.with("SECRET_KEY=" + testSecret)
		announced := before.with("SECRET_KEY_PREVIOUS=" + newerSecret)
		during := p.with("SECRET_KEY="+newerSecret, "SECRET_KEY_PREVIOUS=,"+testSecret+"\n")
		after := p.with("SECRET_KEY=" + newerSecret)
		var old, page, token string
		before.serving(func(c *caller) {
			c.signUp()
			old, page = c.token, c.secondPage()
		})
		during.serving(func(c *caller) {
			c.token = old
			require.Len(t, c.list(page), 1)
			token = c.signIn()
			require.NotEqual(t, kid(t, old), kid(t, token))
		})
		announced.serving(func(c *caller) { // an instance that has yet to be restarted
			c.token = token
			c.call("GET", "/api/patients/?limit=2", nil, 200)
			require.Equal(t, kid(t, old), kid(t, c.signIn()))
		})
		after.serving(func(c *caller) {
			c.token = old
			c.call("GET", "/api/patients/", nil, 401)
			c.token = token
			c.call("GET", "/api/patients/?limit=2", nil, 200)
		})
		said := during.run("keys", "list").succeeded()
		require.Equal(t, kid(t, token)+"  signs\n"+kid(t, old)+"  verifies\n", said)
		require.NotContains(t, said, newerSecret)
	})
}

func TestKeysRefuses(t *testing.T) {
	t.Parallel()
	const postgres = "DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic"
	t.Run("to rotate what is not its own, and says how to", func(t *testing.T) {
		t.Parallel()
		for _, where := range []string{"SECRET_KEY=" + testSecret, "APP_ENV=production", postgres} {
			p := bare(t).with(where, "SESSION_IDLE_LIFETIME=48h")
			o := p.run("keys", "rotate").failed(exitFailure, "SECRET_KEY_PREVIOUS", "openssl rand", "with several instances, first", "after 48h0m0s")
			require.Len(t, o.lines(), 1)
			require.NoDirExists(t, filepath.Join(p.folder, "data"))
		}
	})
	t.Run("where no secret is kept yet, without making one", func(t *testing.T) {
		t.Parallel()
		p := bare(t)
		for _, command := range []string{"rotate", "list"} {
			p.run("keys", command).failed(exitFailure, "no secret_key at "+filepath.Join(p.folder, "data", "secret_key"), "set DATA_DIR")
			require.NoDirExists(t, filepath.Join(p.folder, "data"))
		}
		p.with(postgres).run("keys", "list").refused(p, "(SECRET_KEY): is required")
	})
	t.Run("while another rotation is under way", func(t *testing.T) {
		t.Parallel()
		p := patient(t)
		p.serving(func(*caller) {})
		left := filepath.Join(p.folder, "data", "secret_key.new")
		require.NoError(t, os.WriteFile(left, nil, 0o600))
		before := p.kept()
		p.run("keys", "rotate").failed(exitConfig, "another rotation is under way; if none is, remove data/secret_key.new")
		require.Equal(t, before, p.kept())
	})
}

func TestR45_AWeakPreviousSecretStopsTheStart(t *testing.T) {
	t.Parallel()
	for name, weak := range map[string]string{
		"too short":       "kT5z0qPwX1v8-hunter2",
		"from an example": "change-me-hunter2-change-me-hunter2-change-me",
	} {
		t.Run("that is "+name, func(t *testing.T) {
			t.Parallel()
			p := bare(t).with("SECRET_KEY="+testSecret, "SECRET_KEY_PREVIOUS="+newerSecret+", "+weak)
			for _, command := range []string{"", "keys list", "keys rotate"} {
				o := p.run(strings.Fields(command)...)
				o.refused(p, "secret_key_previous (SECRET_KEY_PREVIOUS): secret 2 of 2 ")
				require.NotContains(t, o.stderr, newerSecret)
				require.NotContains(t, o.stderr, weak)
			}
		})
	}
	t.Run("that stands beside no SECRET_KEY", func(t *testing.T) {
		t.Parallel()
		p := bare(t).with("SECRET_KEY_PREVIOUS=" + newerSecret)
		p.run().refused(p, "secret_key_previous (SECRET_KEY_PREVIOUS): is set without secret_key (SECRET_KEY): data_dir")
		p.run("keys", "rotate").refused(p, "is set without secret_key")
	})
}
