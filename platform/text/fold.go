package text

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Fold returns s without case, accents and typographic variants, as searches compare texts. It decomposes s (Unicode
// Standard Annex 15), removes accents, folds case (default caseless matching, section 3.13), replaces variants and
// composes the result. It then maps to lower case, because cases.Fold maps Cherokee letters to upper case.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ReplaceAll(strings.ToLower(s), "`", "'") // equals the chain below, without its buffers of 4 KiB
	}
	chain := transform.Chain(
		runes.Map(replaceSpacingAccent), norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(),
		runes.Map(unicode.ToLower),
	)
	folded, _, err := transform.String(chain, s)
	if err != nil {
		return s // fails only for invalid UTF-8, which callers reject
	}
	if strings.IndexFunc(folded, isVariant) >= 0 {
		folded = replaceVariants(folded)
	}
	return norm.NFKC.String(folded)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// replaceSpacingAccent replaces characters whose decomposition has another meaning: a spacing accent, which users type
// for an apostrophe, would become a space, and a double prime would become two apostrophes.
func replaceSpacingAccent(r rune) rune {
	switch {
	case r == '″' || r == '‶':
		return '"'
	case strings.ContainsRune(SpacingAccents, r):
		return '\''
	}
	return r
}

// SpacingAccents are the acute accent, the Greek tonos, and the Greek koronis, psili, oxia and dasia. Fold replaces
// each by an apostrophe.
const SpacingAccents = "\u00b4\u0384\u1fbd\u1fbf\u1ffd\u1ffe"

// replaceVariants replaces every variant in a text that is decomposed and in lower case.
func replaceVariants(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if to, variant := plainForm(r); variant {
			b.WriteString(to)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isVariant(r rune) bool { _, variant := plainForm(r); return variant }

// plainForm returns the replacement of a variant, which is empty for an invisible character.
func plainForm(r rune) (plain string, variant bool) {
	if r < utf8.RuneSelf {
		return "'", r == '`'
	}
	for _, one := range variants {
		if unicode.Is(one.of, r) {
			return one.to, true
		}
	}
	return "", false
}

// Words returns the distinct folded words of a search, long words first. Long words are the rarest, so that most rows
// are rejected by the first comparison.
func Words(search string) []string {
	words := strings.Fields(Fold(search))
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(words)
}

// VariantRanges returns the non-ASCII characters that Fold replaces after decomposition, as pairs of first and last. No
// folded text contains one.
func VariantRanges() (ranges []rune) {
	for _, one := range variants {
		for _, r := range one.of.R16 {
			ranges = append(ranges, rune(r.Lo), rune(r.Hi))
		}
		for _, r := range one.of.R32 {
			ranges = append(ranges, rune(r.Lo), rune(r.Hi)) //nolint:gosec // a code point
		}
	}
	return ranges
}

// variants are the characters that Fold replaces after decomposition. The migrations that find texts folded by an
// earlier release list the same characters, which a test compares. The lists are fixed, independent of the Unicode
// version, so that both stay equal.
var variants = []struct {
	of *unicode.RangeTable
	to string
}{
	{to: "'", of: span(
		0x02b9, 0x02b9, 0x02bb, 0x02bf, 0x02c8, 0x02c8, 0x02ca, 0x02cb, 0x055a, 0x055a, 0x05f3, 0x05f3,
		0x2018, 0x201b, 0x2032, 0x2032, 0x2035, 0x2035, 0x2039, 0x203a, 0x275b, 0x275c, 0xa78b, 0xa78c,
	)},
	{to: `"`, of: span(
		0x00ab, 0x00ab, 0x00bb, 0x00bb, 0x02ba, 0x02ba, 0x02ee, 0x02ee, 0x05f4, 0x05f4, 0x201c, 0x201f,
		0x275d, 0x275e, 0x301d, 0x301f,
	)},
	{to: "-", of: span(
		0x02d7, 0x02d7, 0x058a, 0x058a, 0x05be, 0x05be, 0x1400, 0x1400, 0x1806, 0x1806, 0x2010, 0x2015,
		0x2043, 0x2043, 0x2212, 0x2212, 0x2e17, 0x2e17, 0x2e1a, 0x2e1a, 0x2e3a, 0x2e3b, 0x2e40, 0x2e40,
		0x301c, 0x301c, 0x3030, 0x3030, 0x30a0, 0x30a0,
	)},
	{to: "/", of: span(0x2044, 0x2044, 0x2215, 0x2215)},
	{to: " ", of: span(0x0085, 0x0085, 0x1680, 0x1680, 0x2028, 0x2029, 0x2800, 0x2800)},
	// Soft hyphen, tatweel, fillers, zero-width and bidirectional controls, interlinear annotations, tags.
	{to: "", of: span(
		0x00ad, 0x00ad, 0x061c, 0x061c, 0x0640, 0x0640, 0x115f, 0x1160, 0x180e, 0x180e, 0x200b, 0x200f,
		0x202a, 0x202e, 0x2060, 0x206f, 0xfeff, 0xfeff, 0xfff9, 0xfffb, 0xe0001, 0xe0001, 0xe0020, 0xe007f,
	)},
	// Letters without a decomposition, as people type them on a keyboard without these letters.
	{to: "ae", of: span('æ', 'æ')},
	{to: "oe", of: span('œ', 'œ')},
	{to: "th", of: span('þ', 'þ')},
	{to: "b", of: span('ƀ', 'ƀ', 'ɓ', 'ɓ')},
	{to: "d", of: span('ð', 'ð', 'đ', 'đ', 'ɖ', 'ɗ')},
	{to: "e", of: span('ɛ', 'ɛ')},
	{to: "h", of: span('ħ', 'ħ')},
	{to: "i", of: span('ı', 'ı', 'ɨ', 'ɨ')},
	{to: "k", of: span('ƙ', 'ƙ')},
	{to: "l", of: span('ł', 'ł')},
	{to: "n", of: span('ŋ', 'ŋ', 'ɲ', 'ɲ')},
	{to: "o", of: span('ø', 'ø', 'ɔ', 'ɔ')},
	{to: "t", of: span('ŧ', 'ŧ')},
	{to: "u", of: span('ʉ', 'ʉ')},
	{to: "y", of: span('ƴ', 'ƴ')},
	// The same Arabic letters on Persian, Urdu and Egyptian keyboards.
	{to: "\u064a", of: span(0x0649, 0x0649, 0x06cc, 0x06cc)},
	{to: "\u0643", of: span(0x06a9, 0x06a9)},
}

// span returns a table of ranges: first, last, first, last, …, in ascending order.
func span(bounds ...rune) *unicode.RangeTable {
	table := &unicode.RangeTable{}
	for i := 0; i < len(bounds); i += 2 {
		low, high := bounds[i], bounds[i+1]
		if high > 0xffff {
			wide := unicode.Range32{Lo: uint32(low), Hi: uint32(high), Stride: 1} //nolint:gosec // code points
			table.R32 = append(table.R32, wide)
		} else {
			narrow := unicode.Range16{Lo: uint16(low), Hi: uint16(high), Stride: 1} //nolint:gosec // compared above
			table.R16 = append(table.R16, narrow)
			if high <= unicode.MaxLatin1 {
				table.LatinOffset++
			}
		}
	}
	return table
}
