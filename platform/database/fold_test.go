package database

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestFoldingWithoutTheChain has plain ASCII, which takes a shorter way, fold as it does beside a letter that takes the long one.
func TestFoldingWithoutTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.ByteRange(0, 127)).Draw(t, "text"))
		require.Equal(t, strings.TrimSuffix(fold(text+"ß"), "ss"), fold(text))
	})
}
