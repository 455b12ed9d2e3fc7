package password

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommon(t *testing.T) {
	for what, c := range map[string]struct {
		password string
		common   bool
	}{
		"the most used one of 8 characters": {"password", true},
		"one of digits":                     {"12345678", true},
		"one with a digit last":             {"password1", true},
		"one in capitals":                   {"PassWord", true},
		"one in wide letters":               {"ｐａｓｓｗｏｒｄ", true},
		"one that is too short anyway":      {"123456", false},
		"one with something after it":       {"password, and then some", false},
		"an ordinary word":                  {"the", false},
		"a sentence":                        {"asha likes green tea", false},
		"nothing":                           {"", false},
		"what is no text":                   {"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", false},
	} {
		t.Run(what, func(t *testing.T) { require.Equal(t, c.common, Common(c.password)) })
	}
	t.Run("the list is there", func(t *testing.T) { require.Greater(t, len(common()), 10_000) })
}
