package password

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommon(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		common   bool
	}{
		"the most used password of 8 characters": {"password", true},
		"digits":                                 {"12345678", true},
		"a word with a digit at the end":         {"password1", true},
		"mixed letter case":                      {"PassWord", true},
		"wide letters":                           {"ｐａｓｓｗｏｒｄ", true},
		"a password that is too short":           {"123456", false},
		"a common password with a suffix":        {"password, and then some", false},
		"an ordinary word":                       {"the", false},
		"a sentence":                             {"asha likes green tea", false},
		"an empty password":                      {"", false},
		"bytes that are not text":                {"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.common, Common(c.password)) })
	}
	t.Run("the list is loaded", func(t *testing.T) { require.Greater(t, len(common()), 10_000) })
}
