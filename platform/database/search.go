package database

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
)

// SearchText is what a row's search_text column holds: the texts it is found by, without case and accents. Folding here, not in SQL, is
// what gives both engines the same answers in any script.
func SearchText(texts ...string) string {
	folded := make([]string, 0, len(texts))
	for _, text := range texts {
		if text != "" {
			folded = append(folded, fold(text))
		}
	}
	return strings.Join(folded, "\n") // no word of a search holds a line break, so no match crosses two texts
}

// fold decomposes, so that accents stand alone, drops them, folds case and composes again (Unicode Standard Annex 15; default caseless
// matching, section 3.13). Lower case follows because cases.Fold swaps the cases of Cherokee instead of making them one.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s) // what the chain comes to, without its 4 KiB a link
	}
	chain := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), runes.Map(unicode.ToLower), norm.NFKC)
	folded, _, err := transform.String(chain, s)
	if err != nil {
		return s // only invalid UTF-8 fails, which never gets here
	}
	return folded
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Matching narrows q to the rows whose search_text holds every word of search, as parts of words.
func Matching(q *gorm.DB, search string) *gorm.DB {
	for word := range strings.FieldsSeq(fold(search)) {
		q = q.Where(`search_text LIKE ? ESCAPE '\'`, "%"+likeLiteral.Replace(word)+"%")
	}
	return q
}

// likeLiteral keeps a word's own wildcards from matching anything.
var likeLiteral = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Between narrows q to the rows created between two times, both exclusive; a zero time is no bound.
func Between(q *gorm.DB, after, before time.Time) *gorm.DB {
	if !after.IsZero() {
		q = q.Where("created_at > ?", At(after))
	}
	if !before.IsZero() {
		q = q.Where("created_at < ?", At(before))
	}
	return q
}
