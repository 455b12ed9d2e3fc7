package text

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

// foldFirst is Fold as it was before it replaced typographic variants.
func foldFirst(s string) string {
	chain := transform.Chain(
		norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), runes.Map(unicode.ToLower), norm.NFKC,
	)
	folded, _, _ := transform.String(chain, s)
	return folded
}

func TestFoldReplacesTypographicVariants(t *testing.T) {
	t.Parallel()
	for folded, spellings := range map[string]string{
		"o'connor": "O’Connor O‘Connor O‛Connor OʼConnor Oʻconnor O′Connor O´Connor O`Connor " +
			"O＇Connor O׳Connor O΄Connor",
		"jean-luc": "Jean‐Luc Jean‑Luc Jean‒Luc Jean–Luc Jean—Luc Jean―Luc " +
			"Jean−Luc Jean⁃Luc Jean﹘Luc Jean﹣Luc Jean－Luc Jean־Luc",
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
		for spelling := range strings.FieldsSeq(spellings) {
			require.Equal(t, folded, Fold(spelling), "%q", spelling)
		}
	}
	for _, space := range "\u00a0\u2003\u2009\u202f\u205f\u3000\u1680\u2028" {
		require.Equal(t, "ana maria", Fold("Ana"+string(space)+"Maria"), "%U", space)
	}
}

func TestFoldOfASCIIEqualsTheFoldOfTheChain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.ByteRange(0, 127)).Draw(t, "text"))
		require.Equal(t, strings.TrimSuffix(Fold(text+"ß"), "ss"), Fold(text))
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"ananya", "jose", "b"}, Words(" JOSÉ b Ananya\tjose "))
	require.Empty(t, Words(" \n"))
}

var assigned = []*unicode.RangeTable{
	unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf,
}

// TestTextsFoldedOtherwiseBeforeContainAVariant asserts that database.StaleSearchTextCondition finds every text
// whose fold changed.
func TestTextsFoldedOtherwiseBeforeContainAVariant(t *testing.T) {
	stale := func(s string) bool {
		return strings.IndexFunc(s, isVariant) >= 0 || strings.ContainsAny(s, SpacingAccents)
	}
	t.Run("each character", func(t *testing.T) {
		for r := rune(1); r <= unicode.MaxRune; r++ {
			if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut, unicode.Co, unicode.Cs) ||
				!unicode.In(r, assigned...) {
				continue // has no case, accent or variant, and there are many
			}
			if before, now := foldFirst(string(r)), Fold(string(r)); before != now {
				require.True(t, stale(before) || stale(string(r)), "%U", r)
			}
			require.False(t, stale(Fold(string(r))), "%U", r)
			require.Equal(t, Fold(string(r)), Fold(Fold(string(r))), "%U", r)
		}
	})
	t.Run("any text", rapid.MakeCheck(func(t *rapid.T) {
		variant := rapid.SampledFrom([]rune("’´ـ\u200b\u1100\u1161\u11a8øOo-‐``ی"))
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), variant)).Draw(t, "text")
		if foldFirst(text) != Fold(text) {
			require.True(t, stale(foldFirst(text)) || strings.ContainsAny(text, SpacingAccents))
		}
		require.False(t, stale(Fold(text)))
		require.Equal(t, Fold(text), Fold(Fold(text)))
	}))
}
