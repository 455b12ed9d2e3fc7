package process

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

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

const newerSecret = "Zq8Wn3Vt6Rb1Yc5Xk9Df2Gh7Jm4Lp0Ts-of-the-tests"

// keyIDOf is the id of the key that signed a token.
func keyIDOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &header))
	return header.Kid
}

// signIn is a new token for Asha.
func signIn(c *harness.HTTPClient) string {
	c.T.Helper()
	return c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)
}

// followCursor is where the first page of one patient leads, for which there are two.
func followCursor(c *harness.HTTPClient) string {
	c.T.Helper()
	c.AddPatient()
	c.AddPatient()
	request, err := http.NewRequest(http.MethodGet, c.URL+"/api/patients/?limit=1", nil)
	require.NoError(c.T, err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := c.HTTP.Do(request)
	require.NoError(c.T, err)
	require.NoError(c.T, response.Body.Close())
	link := regexp.MustCompile(`<([^>]+)>; rel="next"`).FindStringSubmatch(response.Header.Get("Link"))
	require.NotNil(c.T, link, "%v", response.Header)
	return link[1]
}

// whileServing runs test against the program, and ends it.
func whileServing(p harness.Env, test func(c *harness.HTTPClient)) {
	p.T.Helper()
	r := p.Start()
	test(harness.NewHTTPClient(p.T, r.WaitReady()))
	require.Equal(p.T, 0, r.Terminate().ExitCode)
}

// keptSecrets is what DATA_DIR/secret_key holds.
func keptSecrets(p harness.Env) string {
	p.T.Helper()
	content, err := os.ReadFile(filepath.Join(p.Folder, "data", "secret_key"))
	require.NoError(p.T, err)
	return string(content)
}

// requireNoSecret asserts that a command's output shows no secret that is or was in DATA_DIR/secret_key.
func requireNoSecret(t *testing.T, said string, files ...string) string {
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
	p := harness.NewTolerantEnv(t)
	running := p.Start()
	c := harness.NewHTTPClient(t, running.WaitReady())
	c.SignUp()
	page, former, first := followCursor(c), keyIDOf(t, c.Token), keptSecrets(p)
	require.Equal(t, former+"  signs\n", requireNoSecret(t, p.Run("keys", "list").ExpectSuccess(), first))

	said := requireNoSecret(t, p.Run("keys", "rotate").ExpectSuccess(), first, keptSecrets(p))
	rotated := regexp.MustCompile(`^new      (\S{11})  signs once.*\nkept     ` + former +
		`  still verifies, retired (\S+Z)\nRestart the server.*nobody is signed out\.\n$`).
		FindStringSubmatch(said)
	require.NotNil(t, rotated, said)
	newest := rotated[1]

	t.Run("leaves the running server as it is", func(t *testing.T) {
		c.Call("GET", "/api/patients/?limit=2", nil, 200)
		require.Equal(t, former, keyIDOf(t, signIn(c)))
	})
	require.Equal(t, 0, running.Terminate().ExitCode)
	t.Run("signs nobody out, and has the next start sign with the new key", func(t *testing.T) {
		whileServing(p, func(again *harness.HTTPClient) {
			again.Token = c.Token
			require.Len(t, again.List(page), 1, "a link to a page survives too")
			c.Token = signIn(again)
			require.Equal(t, newest, keyIDOf(t, c.Token))
		})
	})
	t.Run("is shown by keys list, without a secret", func(t *testing.T) {
		said := requireNoSecret(t, p.Run("keys", "list").ExpectSuccess(), first, keptSecrets(p))
		require.Equal(t, newest+"  signs\n"+former+"  verifies, retired "+rotated[2]+"\n", said)
	})
	t.Run("with --drop-previous signs everybody out at the next start, and prints that", func(t *testing.T) {
		second := keptSecrets(p)
		said := requireNoSecret(t, p.Run("keys", "rotate", "--drop-previous").ExpectSuccess(), second, keptSecrets(p))
		for _, text := range []string{"dropped  " + newest, "dropped  " + former, "all users must sign in again"} {
			require.Contains(t, said, text)
		}
		require.NotContains(t, said, "kept ")
		whileServing(p, func(again *harness.HTTPClient) {
			again.Token = c.Token
			again.Call("GET", "/api/patients/", nil, 401)
			again.Token = signIn(again)
			again.Call("GET", page, nil, 400)
		})
	})
}

func TestKeysAreRotatedInTheEnvironment(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		before := p.With("SECRET_KEY=" + harness.SecretKey)
		announced := before.With("SECRET_KEY_PREVIOUS=" + newerSecret)
		during := p.With("SECRET_KEY="+newerSecret, "SECRET_KEY_PREVIOUS=,"+harness.SecretKey+"\n")
		after := p.With("SECRET_KEY=" + newerSecret)
		var old, page, token string
		whileServing(before, func(c *harness.HTTPClient) {
			c.SignUp()
			old, page = c.Token, followCursor(c)
		})
		whileServing(during, func(c *harness.HTTPClient) {
			c.Token = old
			require.Len(t, c.List(page), 1)
			token = signIn(c)
			require.NotEqual(t, keyIDOf(t, old), keyIDOf(t, token))
		})
		whileServing(announced, func(c *harness.HTTPClient) { // an instance that has yet to be restarted
			c.Token = token
			c.Call("GET", "/api/patients/?limit=2", nil, 200)
			require.Equal(t, keyIDOf(t, old), keyIDOf(t, signIn(c)))
		})
		whileServing(after, func(c *harness.HTTPClient) {
			c.Token = old
			c.Call("GET", "/api/patients/", nil, 401)
			c.Token = token
			c.Call("GET", "/api/patients/?limit=2", nil, 200)
		})
		said := during.Run("keys", "list").ExpectSuccess()
		require.Equal(t, keyIDOf(t, token)+"  signs\n"+keyIDOf(t, old)+"  verifies\n", said)
		require.NotContains(t, said, newerSecret)
	})
}

func TestKeysRefuses(t *testing.T) {
	t.Parallel()
	const postgres = "DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic"
	t.Run("to rotate a key of the environment, and prints how to", func(t *testing.T) {
		t.Parallel()
		for _, where := range []string{"SECRET_KEY=" + harness.SecretKey, "APP_ENV=production", postgres} {
			p := harness.NewEnv(t).With(where, "SESSION_IDLE_LIFETIME=48h")
			o := p.Run("keys", "rotate").ExpectFailure(harness.ExitFailure, "SECRET_KEY_PREVIOUS", "openssl rand",
				"with several instances, first", "after 48h0m0s")
			require.Len(t, o.StderrLines(), 1)
			require.NoDirExists(t, filepath.Join(p.Folder, "data"))
		}
	})
	t.Run("where no secret is kept yet, without making one", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		for _, command := range []string{"rotate", "list"} {
			p.Run("keys", command).ExpectFailure(harness.ExitFailure,
				"no secret_key at "+filepath.Join(p.Folder, "data", "secret_key"), "set DATA_DIR")
			require.NoDirExists(t, filepath.Join(p.Folder, "data"))
		}
		expectConfigError(p.With(postgres).Run("keys", "list"), p, "(SECRET_KEY): is required")
	})
	t.Run("while another rotation is under way", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		whileServing(p, func(*harness.HTTPClient) {})
		left := filepath.Join(p.Folder, "data", "secret_key.new")
		require.NoError(t, os.WriteFile(left, nil, 0o600))
		before := keptSecrets(p)
		p.Run("keys", "rotate").ExpectFailure(harness.ExitConfig,
			"another rotation is under way; if none is, remove data/secret_key.new")
		require.Equal(t, before, keptSecrets(p))
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
			p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, "SECRET_KEY_PREVIOUS="+newerSecret+", "+weak)
			for _, command := range []string{"", "keys list", "keys rotate"} {
				o := p.Run(strings.Fields(command)...)
				expectConfigError(o, p, "secret_key_previous (SECRET_KEY_PREVIOUS): secret 2 of 2 ")
				require.NotContains(t, o.Stderr, newerSecret)
				require.NotContains(t, o.Stderr, weak)
			}
		})
	}
	t.Run("that stands beside no SECRET_KEY", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("SECRET_KEY_PREVIOUS=" + newerSecret)
		expectConfigError(
			p.Run(), p, "secret_key_previous (SECRET_KEY_PREVIOUS): is set without secret_key (SECRET_KEY): data_dir")
		expectConfigError(p.Run("keys", "rotate"), p, "is set without secret_key")
	})
}
