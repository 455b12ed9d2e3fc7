package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
)

// The values of these tests.
var (
	noon    = time.Date(2026, 11, 22, 12, 0, 0, 123_456_000, time.UTC)
	user    = uuid.MustParse("01935a00-0000-7000-8000-00000000000a")
	session = uuid.MustParse("01935a00-0000-7000-8000-00000000000b")
	jti     = uuid.MustParse("01935a00-0000-4000-8000-00000000000c")

	newest  = []byte("newest secret: 32 bytes or more....")
	older   = []byte("older secret: 32 bytes or more.....")
	removed = []byte("removed secret: 32 bytes or more...")
)

func config() Config {
	return Config{
		Keys:     ring(newest, older),
		Issuer:   "https://care.example",
		Audience: "healthcare",
		Lifetime: 15 * time.Minute,
	}
}

// open calls New, for tests and benchmarks.
func open(t testing.TB, cfg Config, clk clock.Clock) ports.Tokens {
	t.Helper()
	tokens, err := New(cfg, clk)
	require.NoError(t, err)
	return tokens
}

func requireRefused(t *testing.T, tokens ports.Tokens, token string) {
	t.Helper()
	got, err := tokens.Verify(token)
	require.ErrorIs(t, err, auth.ErrInvalidToken)
	require.Zero(t, got)
}

func TestIssue(t *testing.T) {
	time := clock.At(noon)
	tokens := open(t, config(), time)

	t.Run("Verify returns the issued claims", func(t *testing.T) {
		for _, want := range []ports.Claims{
			{UserID: user, SessionID: session, Version: 0},
			{UserID: user, SessionID: session, Version: 41},
			{UserID: uuid.New(), SessionID: uuid.New(), Version: 1<<31 - 1},
		} {
			token, err := tokens.Issue(want)
			require.NoError(t, err)
			got, err := tokens.Verify(token)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})

	t.Run("a token holds the declared members and no personal data", func(t *testing.T) {
		token, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session, Version: 7})
		require.NoError(t, err)
		head, body := decode(t, token)
		require.Equal(t, map[string]any{"alg": "HS256", "typ": "at+jwt", "kid": keyOf(newest).ID}, head)

		require.Len(t, body["jti"], 36)
		delete(body, "jti")
		require.Equal(t, map[string]any{
			"iss": "https://care.example", "aud": "healthcare", "sub": user.String(), "sid": session.String(),
			"ver": 7.0,
			"iat": float64(noon.Unix()), "exp": float64(noon.Unix() + 900), "token_type": "access",
		}, body)
	})

	t.Run("no two tokens are the same", func(t *testing.T) {
		a, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session})
		require.NoError(t, err)
		b, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session})
		require.NoError(t, err)
		require.NotEqual(t, a, b)
	})

	t.Run("the token of the longest names is valid", func(t *testing.T) {
		cfg := config()
		cfg.Issuer, cfg.Audience = strings.Repeat("i", maxName), strings.Repeat("~", maxName)
		wide := open(t, cfg, time)
		token, err := wide.Issue(ports.Claims{UserID: user, SessionID: session, Version: 1<<63 - 1})
		require.NoError(t, err)
		_, err = wide.Verify(token)
		require.NoError(t, err, "%d bytes", len(token))
	})

	t.Run("incomplete claims are rejected", func(t *testing.T) {
		for _, c := range []ports.Claims{
			{SessionID: session}, {UserID: user}, {UserID: user, SessionID: session, Version: -1},
		} {
			_, err := tokens.Issue(c)
			require.Error(t, err)
		}
	})
}

func TestR11_VerifyChecksTheTime(t *testing.T) {
	cfg := config()
	issue := func(t *testing.T, clk clock.Clock) string {
		token, err := open(t, cfg, clk).Issue(ports.Claims{UserID: user, SessionID: session})
		require.NoError(t, err)
		return token
	}
	whole := noon.Truncate(time.Second)
	token := issue(t, clock.At(whole))

	for name, c := range map[string]struct {
		after time.Duration
		ok    bool
	}{
		"the clock may be set back by a day":           {-maxAhead, true},
		"a clock set back further rejects the token":   {-maxAhead - time.Microsecond, false},
		"the token is valid at once":                   {0, true},
		"the token is valid for 30 s after it expires": {cfg.Lifetime + leeway - time.Microsecond, true},
		"it is invalid from then on":                   {cfg.Lifetime + leeway, false},
		"it is invalid years later":                    {20 * 365 * 24 * time.Hour, false},
		"it is invalid years before it was issued":     {-20 * 365 * 24 * time.Hour, false},
		"it is invalid at the start of the epoch":      {-time.Duration(whole.UnixNano()), false},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := open(t, cfg, clock.At(whole.Add(c.after)))
			if !c.ok {
				requireRefused(t, tokens, token)
				return
			}
			_, err := tokens.Verify(token)
			require.NoError(t, err)
		})
	}
}

// oldToken has the same claims and was issued when this package derived its own key.
const oldToken = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImVEY1Nqd3d0R3NFIiwidHlwIjoiYXQr" +
	"and0In0.eyJhdWQiOiJoZWFsdGhjYXJlIiwiZXhw" +
	"IjoxNzk1MzQ5NzAwLCJpYXQiOjE3OTUzNDg4MDAsImlzcyI6Imh0dHBzOi8vY2FyZS5leGFtcGxlIiwianRpIjoiMDE5MzVhMDAt" +
	"MDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDBjIiwic2lkIjoiMDE5MzVhMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDBiIiwi" +
	"c3ViIjoiMDE5MzVhMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDBhIiwidG9rZW5fdHlwZSI6ImFjY2VzcyIsInZlciI6N30." +
	"60hr7dnZTSORRe7m4KXTsRhH6WHS0G3CiDX_QXg3ODo"

func TestKeysRotate(t *testing.T) {
	now := clock.At(noon)
	with := func(secret []byte, previous ...[]byte) ports.Tokens {
		cfg := config()
		cfg.Keys = ring(secret, previous...)
		return open(t, cfg, now)
	}
	want := ports.Claims{UserID: user, SessionID: session, Version: 3}
	byOlder, err := with(older).Issue(want)
	require.NoError(t, err)

	t.Run("an older key still verifies", func(t *testing.T) {
		got, err := with(newest, older).Verify(byOlder)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
	t.Run("a removed key does not", func(t *testing.T) {
		requireRefused(t, with(newest), byOlder)
		requireRefused(t, with(newest, removed), byOlder)
	})
	t.Run("the newest key signs", func(t *testing.T) {
		token, err := with(newest, older, removed).Issue(want)
		require.NoError(t, err)
		_, err = with(newest).Verify(token)
		require.NoError(t, err)
		requireRefused(t, with(older, removed), token)
	})
	t.Run("a repeated secret is one key", func(t *testing.T) {
		_, err := with(older, older, newest).Verify(byOlder)
		require.NoError(t, err)
	})
	t.Run("a token from before the key ring is valid", func(t *testing.T) {
		got, err := with(newest).Verify(oldToken)
		require.NoError(t, err)
		require.Equal(t, ports.Claims{UserID: user, SessionID: session, Version: 7}, got)
	})
}

func TestR45_ConfigErrorsNameTheField(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		field  string
	}{
		"no keys":                  {func(c *Config) { c.Keys = keyring.Ring{} }, "Keys"},
		"no issuer":                {func(c *Config) { c.Issuer = "" }, "Issuer"},
		"a long issuer":            {func(c *Config) { c.Issuer = strings.Repeat("x", maxName+1) }, "Issuer"},
		"an issuer not in UTF-8":   {func(c *Config) { c.Issuer = "\xff" }, "Issuer"},
		"an issuer with a space":   {func(c *Config) { c.Issuer = "our care" }, "Issuer"},
		"an issuer with an &":      {func(c *Config) { c.Issuer = "x?a&b" }, "Issuer"},
		"no audience":              {func(c *Config) { c.Audience = "" }, "Audience"},
		"a long audience":          {func(c *Config) { c.Audience = strings.Repeat("x", maxName+1) }, "Audience"},
		"an audience not in ASCII": {func(c *Config) { c.Audience = "Präsenz" }, "Audience"},
		"no lifetime":              {func(c *Config) { c.Lifetime = 0 }, "Lifetime"},
		"a negative lifetime":      {func(c *Config) { c.Lifetime = -time.Minute }, "Lifetime"},
		"a fraction of a second":   {func(c *Config) { c.Lifetime = 1500 * time.Millisecond }, "Lifetime"},
		"more than a day":          {func(c *Config) { c.Lifetime = MaxLifetime + time.Second }, "Lifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			c.change(&cfg)
			tokens, err := New(cfg, clock.At(noon))
			require.Nil(t, tokens)
			require.ErrorContains(t, err, c.field+":")
		})
	}
	t.Run("the bounds themselves are allowed", func(t *testing.T) {
		cfg := config()
		cfg.Keys, cfg.Lifetime = ring(newest[:32]), MaxLifetime
		tokens := open(t, cfg, clock.At(noon))
		token, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session})
		require.NoError(t, err)
		_, err = tokens.Verify(token)
		require.NoError(t, err)
	})
}

func BenchmarkIssue(b *testing.B) {
	tokens := open(b, config(), clock.At(noon))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session, Version: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	tokens := open(b, config(), clock.At(noon))
	token, err := tokens.Issue(ports.Claims{UserID: user, SessionID: session, Version: 1})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

// decode returns the header and the payload without any check.
func decode(t *testing.T, token string) (head, body map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	for i, into := range []*map[string]any{&head, &body} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, into))
	}
	return head, body
}
