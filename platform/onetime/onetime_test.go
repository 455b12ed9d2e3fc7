package onetime_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
)

var (
	newest = []byte("kT5z0qPwX1v8Lr3Jc7Hd9Mb2Ny4Gf6Sa") // 32 bytes
	older  = []byte("another secret: 32 bytes or more...")
)

func codes(t *testing.T, purpose string, newest []byte, previous ...[]byte) onetime.Codes {
	t.Helper()
	ring, err := keyring.New(newest, previous...)
	require.NoError(t, err)
	return onetime.For(ring, purpose)
}

func parse(t *testing.T, s string) onetime.Code {
	t.Helper()
	code, ok := onetime.Parse(s)
	require.True(t, ok, s)
	return code
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestANewCode(t *testing.T) {
	seen := map[string]bool{}
	var places [20]map[byte]bool
	for i := range places {
		places[i] = map[byte]bool{}
	}
	for range 2000 {
		text := onetime.New().Reveal()
		require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}$`, text)
		require.False(t, seen[text])
		seen[text] = true
		require.Equal(t, text, parse(t, text).Reveal())
		for i, character := range []byte(strings.ReplaceAll(text, "-", "")) {
			places[i][character] = true
		}
	}
	for _, characters := range places {
		require.Len(t, characters, 32, "each place takes each character: 20 times 5 bits")
	}
	require.Equal(t, 72*time.Hour, onetime.Lifetime)
}

func TestParse(t *testing.T) {
	for _, typed := range []string{
		"7K2MQ-01234-56789-ABCDE", "7K2MQ0123456789ABCDE", "7k2mq-01234-56789-abcde", " 7K2MQ 01234 56789 ABCDE\n",
		"7K2MQ-OI234-56789-ABCDE", "7k2mq-ol234-56789-abcde", "7-K-2-M-Q-o-L-2-3-4-5-6-7-8-9-A-B-C-D-E-",
		"7K2MQ\u00a001234\u00a056789\u00a0ABCDE",
	} {
		require.Equal(t, "7K2MQ-01234-56789-ABCDE", parse(t, typed).Reveal(), typed)
	}
	for _, typed := range []string{
		"", "-", "7K2MQ-01234-56789-ABCD", "7K2MQ-01234-56789-ABCDE0", "7K2MQ-01234-56789-ABCDU",
		"7K2MQ_01234_56789_ABCDE", "7K2MQ-01234-56789-ABCD\x00", "7K2MQ-01234-56789-ABCD\u017f",
		"7K2MQ-01234-56789-ABCD\u0131", "7K2MQ-01234-56789-ABCD\xff", "7K2MQ\u201301234-56789-ABCDE",
		"\u0141K2MQ-01234-56789-ABCDE", "\u0130K2MQ-01234-56789-ABCDE", strings.Repeat("0", 1<<20),
	} {
		_, ok := onetime.Parse(typed)
		require.False(t, ok, "%.40q", typed)
	}
}

// TestMACs compares with values that Python's hmac computed from the secrets, by RFC 5869 and RFC 2104. If it fails,
// all open codes become invalid.
func TestMACs(t *testing.T) {
	for purpose, want := range map[string][2]string{
		"doctor invitation": {
			"9798f868d867eebe5398176bd572bc99bb8d9a1dfe6200617b0ac998e899134b",
			"04c0a2ce0d922614e5bb05cff6ebf1d704e871ff5a38b025aa9e36c5e4c92acb",
		},
		"patient invitation": {
			"28104d8c6eeec292370d3947f88527c1937cd378e7007d2add8c3141ce4f9777",
			"fe35ecbd4bdd5e1b33814add7cfad89f03f21358e22c66375724522df3aefad3",
		},
	} {
		code := parse(t, "7k2mq-o1234-56789-abcde")
		both := codes(t, purpose, newest, older)
		require.Equal(t, unhex(t, want[0]), both.MAC(code), "under the newest key")
		require.Equal(t, [][]byte{unhex(t, want[0]), unhex(t, want[1])}, both.MACs(code))
	}
}

func TestARotatedSecretInvalidatesNoCode(t *testing.T) {
	code := onetime.New()
	stored := codes(t, "doctor invitation", older).MAC(code)
	require.Contains(t, codes(t, "doctor invitation", newest, older).MACs(code), stored)
	require.NotContains(t, codes(t, "doctor invitation", newest).MACs(code), stored, "the secret was removed")
	require.NotContains(t, codes(t, "patient invitation", newest, older).MACs(code), stored, "another purpose")
	require.NotContains(t, codes(t, "doctor invitation", older).MACs(onetime.New()), stored, "another code")
}

func TestACodeIsNeverPrinted(t *testing.T) {
	code := parse(t, "7K2MQ-01234-56789-ABCDE")
	type open struct{ C onetime.Code }
	type closed struct{ c onetime.Code }
	for _, value := range []any{
		code, &code, []onetime.Code{code}, map[string]any{"c": code},
		open{code}, &open{code}, closed{code}, &closed{code},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o", "%b", "%U"} {
			printed := strings.ToLower(fmt.Sprintf(verb, value))
			for _, format := range []string{"%s", "%x", "%d", "%c", "%o", "%b", "%U"} {
				secret := strings.ToLower(strings.Trim(fmt.Sprintf(format, []byte("7K2MQ")), "[]"))
				require.NotContains(t, printed, secret, "%T %s", value, verb)
			}
		}
	}
	asJSON, err := json.Marshal(open{code})
	require.NoError(t, err)
	require.JSONEq(t, `{"C":"[one-time code]"}`, string(asJSON))
}
