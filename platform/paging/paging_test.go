package paging_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/platform/paging"
)

func TestTextSizeIsNeverTooSmall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded)-2, paging.TextSize(text))
	})
	require.Equal(t, 6+2+2+1, paging.TextSize("\x01\"\\a"))
}

// The start of a page with a shortened key precedes the key's item and every later item.
func TestShortenedKeySkipsNothing(t *testing.T) {
	t.Parallel()
	text := rapid.Custom(func(t *rapid.T) string {
		alike := strings.Repeat(rapid.SampledFrom([]string{"a", "ॐ", "\uD7FF", "\U0010FFFF", "𝒜"}).Draw(t, "alike"), 70)
		return alike[:len(alike)*rapid.IntRange(0, 1).Draw(t, "long")] + rapid.StringN(0, 100, -1).Draw(t, "rest")
	})
	rapid.Check(t, func(t *rapid.T) {
		order := []paging.Order{
			{Column: "a", Descending: rapid.Bool().Draw(t, "a")},
			{Column: "b", Descending: rapid.Bool().Draw(t, "b")},
			{Column: "id"},
		}
		item := []string{text.Draw(t, "a"), text.Draw(t, "b"), "7"}
		other := []string{
			rapid.OneOf(rapid.Just(item[0]), text).Draw(t, "a"),
			text.Draw(t, "b"),
			rapid.SampledFrom([]string{"6", "8"}).Draw(t, "id"),
		}
		short, how := paging.Shorten(item)
		if how.First < 0 {
			require.Equal(t, item, short)
			return
		}
		for i, text := range short {
			require.True(t, strings.HasPrefix(item[i], text) && utf8.ValidString(text) && len(text) <= paging.KeyText)
		}
		begin := paging.Request{Order: order, After: short, Shortened: how}.Begin()
		if after(order, other, item) {
			require.True(t, begin == nil || after(order, other, begin))
		}
		require.True(t, begin == nil || after(order, item, begin))
	})
	require.NotEqual(t, paging.Digest([]string{"ab", "c"}), paging.Digest([]string{"a", "bc"}))
}

// after reports whether an item follows a key, which may have only the first columns.
func after(order []paging.Order, item, key []string) bool {
	for i, text := range key {
		if item[i] != text {
			return (item[i] < text) == order[i].Descending
		}
	}
	return false
}
