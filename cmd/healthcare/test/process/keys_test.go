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

// keyIDOf returns the id of the key that signed a token.
func keyIDOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &header))
	return header.Kid
}

// signIn returns a new token for Asha.
func signIn(c *harness.HTTPClient) string {
	c.T.Helper()
	return c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)
}

// nextPageOfTwo adds two patients and returns the link from the first page of one patient to the second.
func nextPageOfTwo(c *harness.HTTPClient) string {
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

// whileServing starts the program, runs test and stops the program.
func whileServing(p harness.Env, test func(c *harness.HTTPClient)) {
	p.T.Helper()
	r := p.Start()
	test(harness.NewHTTPClient(p.T, r.WaitReady()))
	require.Equal(p.T, 0, r.Terminate().ExitCode)
}

// storedSecrets returns the content of DATA_DIR/secret_key.
func storedSecrets(p harness.Env) string {
	p.T.Helper()
	content, err := os.ReadFile(filepath.Join(p.Folder, "data", "secret_key"))
	require.NoError(p.T, err)
	return string(content)
}

// requireNoSecret asserts that an output shows no secret of these contents of DATA_DIR/secret_key, and returns it.
func requireNoSecret(t *testing.T, output string, contents ...string) string {
	t.Helper()
	for secret := range strings.FieldsSeq(strings.Join(contents, "\n")) {
		if !strings.HasPrefix(secret, "retired=") {
			require.NotContains(t, output, secret[:8])
		}
	}
	return output
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	running := p.Start()
	c := harness.NewHTTPClient(t, running.WaitReady())
	c.SignUp()
	page, former, first := nextPageOfTwo(c), keyIDOf(t, c.Token), storedSecrets(p)
	require.Equal(t, former+"  signs\n", requireNoSecret(t, p.Run("keys", "list").ExpectSuccess(), first))

	output := requireNoSecret(t, p.Run("keys", "rotate").ExpectSuccess(), first, storedSecrets(p))
	rotated := regexp.MustCompile(`^new      (\S{11})  signs once.*\nkept     ` + former +
		`  still verifies, retired (\S+Z)\nRestart the server.*nobody is signed out\.\n$`).
		FindStringSubmatch(output)
	require.NotNil(t, rotated, output)
	newest := rotated[1]

	t.Run("does not affect the running server", func(t *testing.T) {
		c.Call("GET", "/api/patients/?limit=2", nil, 200)
		require.Equal(t, former, keyIDOf(t, signIn(c)))
	})
	require.Equal(t, 0, running.Terminate().ExitCode)
	t.Run("keeps sessions, and the next start signs with the new key", func(t *testing.T) {
		whileServing(p, func(again *harness.HTTPClient) {
			again.Token = c.Token
			require.Len(t, again.List(page), 1, "links to pages stay valid")
			c.Token = signIn(again)
			require.Equal(t, newest, keyIDOf(t, c.Token))
		})
	})
	t.Run("is listed without a secret", func(t *testing.T) {
		output := requireNoSecret(t, p.Run("keys", "list").ExpectSuccess(), first, storedSecrets(p))
		require.Equal(t, newest+"  signs\n"+former+"  verifies, retired "+rotated[2]+"\n", output)
	})
	t.Run("with --drop-previous ends all sessions at the next start, and prints that", func(t *testing.T) {
		second := storedSecrets(p)
		output := p.Run("keys", "rotate", "--drop-previous").ExpectSuccess()
		requireNoSecret(t, output, second, storedSecrets(p))
		for _, text := range []string{"dropped  " + newest, "dropped  " + former, "all users must sign in again"} {
			require.Contains(t, output, text)
		}
		require.NotContains(t, output, "kept ")
		whileServing(p, func(again *harness.HTTPClient) {
			again.Token = c.Token
			again.Call("GET", "/api/patients/", nil, 401)
			again.Token = signIn(again)
			again.Call("GET", page, nil, 400)
		})
	})
}

func TestKeyRotationInTheEnvironment(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		before := p.With("SECRET_KEY=" + harness.SecretKey)
		announced := before.With("SECRET_KEY_PREVIOUS=" + newerSecret)
		during := p.With("SECRET_KEY="+newerSecret, "SECRET_KEY_PREVIOUS=,"+harness.SecretKey+"\n")
		after := p.With("SECRET_KEY=" + newerSecret)
		var old, page, token string
		whileServing(before, func(c *harness.HTTPClient) {
			c.SignUp()
			old, page = c.Token, nextPageOfTwo(c)
		})
		whileServing(during, func(c *harness.HTTPClient) {
			c.Token = old
			require.Len(t, c.List(page), 1)
			token = signIn(c)
			require.NotEqual(t, keyIDOf(t, old), keyIDOf(t, token))
		})
		whileServing(announced, func(c *harness.HTTPClient) { // an instance before its restart
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
		output := during.Run("keys", "list").ExpectSuccess()
		require.Equal(t, keyIDOf(t, token)+"  signs\n"+keyIDOf(t, old)+"  verifies\n", output)
		require.NotContains(t, output, newerSecret)
	})
}

func TestKeysFails(t *testing.T) {
	t.Parallel()
	const postgres = "DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic"
	t.Run("for a secret of the environment, with instructions", func(t *testing.T) {
		t.Parallel()
		for _, where := range []string{"SECRET_KEY=" + harness.SecretKey, "APP_ENV=production", postgres} {
			p := harness.NewEnv(t).With(where, "SESSION_IDLE_LIFETIME=48h")
			o := p.Run("keys", "rotate").ExpectFailure(harness.ExitFailure, "SECRET_KEY_PREVIOUS", "openssl rand",
				"with several instances, first", "after 48h0m0s")
			require.Len(t, o.StderrLines(), 1)
			require.NoDirExists(t, filepath.Join(p.Folder, "data"))
		}
	})
	t.Run("without a stored secret, and generates none", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		for _, command := range []string{"rotate", "list"} {
			p.Run("keys", command).ExpectFailure(harness.ExitConfig,
				"no secret_key at "+filepath.Join(p.Folder, "data", "secret_key"), "set DATA_DIR")
			require.NoDirExists(t, filepath.Join(p.Folder, "data"))
		}
		expectConfigError(p.With(postgres).Run("keys", "list"), p, "(SECRET_KEY): is required")
	})
	t.Run("during another rotation", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		whileServing(p, func(*harness.HTTPClient) {})
		temporary := filepath.Join(p.Folder, "data", "secret_key.new")
		require.NoError(t, os.WriteFile(temporary, nil, 0o600))
		before := storedSecrets(p)
		p.Run("keys", "rotate").ExpectFailure(harness.ExitConfig,
			"another rotation is under way; if none is, remove data/secret_key.new")
		require.Equal(t, before, storedSecrets(p))
	})
}

func TestR45_RejectsWeakPreviousSecrets(t *testing.T) {
	t.Parallel()
	for name, weak := range map[string]string{
		"too short":       "kT5z0qPwX1v8-hunter2",
		"from an example": "change-me-hunter2-change-me-hunter2-change-me",
	} {
		t.Run(name, func(t *testing.T) {
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
	t.Run("without SECRET_KEY", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("SECRET_KEY_PREVIOUS=" + newerSecret)
		expectConfigError(
			p.Run(), p, "secret_key_previous (SECRET_KEY_PREVIOUS): is set without secret_key (SECRET_KEY): data_dir")
		expectConfigError(p.Run("keys", "rotate"), p, "is set without secret_key")
	})
}
