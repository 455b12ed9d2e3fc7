package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

func TestWholeLine(t *testing.T) {
	const line = `{"chain":9,"sequence":3}`
	for text, want := range map[string]struct {
		whole string
		torn  bool
	}{
		"":                     {"", false},
		" \r":                  {"", false},
		line:                   {line, false},
		line + "\r":            {line, false},
		line[:1]:               {"", true},
		line[:12]:              {"", true},
		line[:12] + line:       {line, true},
		"root:x:0:0":           {"root:x:0:0", false}, // not a file of checkpoints
		"root:x:0:0}" + line:   {"root:x:0:0}" + line, false},
		`{"sequence":3,"a":1}`: {`{"sequence":3,"a":1}`, false},
	} {
		whole, torn := domain.WholeLine([]byte(text))
		require.Equal(t, want.whole, string(whole), text)
		require.Equal(t, want.torn, torn, text)
	}
}
