package spelling_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/platform/spelling"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		mistakes int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1}, {"abc",
			"acb", 1},
		{"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		require.Equal(t, c.mistakes, spelling.Distance(c.a, c.b), "%q and %q", c.a, c.b)
	}
	t.Run("is symmetric, and at least the difference in length", rapid.MakeCheck(func(t *rapid.T) {
		a, b := rapid.StringN(0, 12, 12).Draw(t, "a"), rapid.StringN(0, 12, 12).Draw(t, "b")
		distance := spelling.Distance(a, b)
		require.Equal(t, distance, spelling.Distance(b, a))
		require.Equal(t, a == b, distance == 0)
		require.GreaterOrEqual(t, distance, max(len(a), len(b))-min(len(a), len(b)))
		require.LessOrEqual(t, distance, max(len(a), len(b)))
	}))
}

func TestNearest(t *testing.T) {
	names := []string{"DEBUG", "HTTP_ADDRESS", "SECRET_KEY", "SECRET_KEY_FILE"}
	for word, want := range map[string]string{
		"HTTP_ADRESS": "HTTP_ADDRESS", "HTTP_ADRES": "HTTP_ADDRESS", "HTTP_ADDR": "",
		"SECRET_KEY_FIEL": "SECRET_KEY_FILE", "SECRTE_KEYS": "SECRET_KEY",
		"DEBUGS": "DEBUG", "DBUGS": "", "SECRET_KEY": "", "": "",
	} {
		require.Equal(t, want, spelling.Nearest(word, names), word)
	}
}
