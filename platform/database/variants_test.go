package database

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// foldedBefore is the fold of releases before typographic variants were one.
func foldedBefore(s string) string {
	chain := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), runes.Map(unicode.ToLower), norm.NFKC)
	folded, _, _ := transform.String(chain, s)
	return folded
}

// TestTypographicVariants has what a person types find what a typesetter wrote, and the other way round.
func TestTypographicVariants(t *testing.T) {
	t.Parallel()
	for plain, written := range map[string]string{
		"o'connor":   "O’Connor O‘Connor O‛Connor OʼConnor Oʻconnor O′Connor O´Connor O`Connor O＇Connor O׳Connor O΄Connor",
		"jean-luc":   "Jean‐Luc Jean‑Luc Jean‒Luc Jean–Luc Jean—Luc Jean―Luc Jean−Luc Jean⁃Luc Jean﹘Luc Jean﹣Luc Jean－Luc Jean־Luc",
		`"the`:       "“The „The ‟The ″The ＂The «The ״The",
		"anna":       "An\u00adna An\u200bna An\u200cna An\u200dna An\u2060na \ufeffAnna An\u202ena An\ufe0fna",
		"soren":      "Søren SØREN Sören",
		"lukasz":     "Łukasz łukasz",
		"dordevic":   "Đorđević",
		"aethelthor": "Æthelþor",
		"coeur":      "Cœur",
		"isik":       "Işık ışIK",
		"1/2":        "½ 1⁄2",
		"محمد":       "محـــمد",
		"علي":        "علی على",
	} {
		for one := range strings.FieldsSeq(written) {
			require.Equal(t, plain, fold(one), "%q is found by %q", one, plain)
		}
	}
	for _, space := range "\u00a0\u2003\u2009\u202f\u205f\u3000\u1680\u2028" {
		require.Equal(t, "ana maria", fold("Ana"+string(space)+"Maria"), "%U", space)
	}
}

var assigned = []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf}

// TestStaleTextsAreKnown has every text that is folded in another way than before hold a character by which it is found.
func TestStaleTextsAreKnown(t *testing.T) {
	stale := func(s string) bool {
		return strings.IndexFunc(s, isVariant) >= 0 || strings.ContainsAny(s, spacingAccents)
	}
	t.Run("each character", func(t *testing.T) {
		for r := rune(1); r <= unicode.MaxRune; r++ {
			if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut, unicode.Co, unicode.Cs) || !unicode.In(r, assigned...) {
				continue // has no case, accent or variant, and there are many
			}
			if before, now := foldedBefore(string(r)), fold(string(r)); before != now {
				require.True(t, stale(before) || stale(string(r)), "%U", r)
			}
			require.False(t, stale(fold(string(r))), "%U", r)
			require.Equal(t, fold(string(r)), fold(fold(string(r))), "%U", r)
		}
	})
	t.Run("any text", rapid.MakeCheck(func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("’´ـ\u200b\u1100\u1161\u11a8øOo-‐``ی")))).Draw(t, "text")
		if foldedBefore(text) != fold(text) {
			require.True(t, stale(foldedBefore(text)) || strings.ContainsAny(text, spacingAccents))
		}
		require.False(t, stale(fold(text)))
		require.Equal(t, fold(text), fold(fold(text)))
	}))
}
