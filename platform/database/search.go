package database

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Words returns the different words of a search, folded as stored texts are. Long words come first: they are the
// rarest, and a row that lacks one is compared with no other.
func Words(search string) []string {
	words := strings.Fields(fold(search))
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(words)
}

// Matching narrows q to the rows whose search_text holds every word of search: at the beginning of a word if it is a
// single letter or digit, else anywhere.
func Matching(q *gorm.DB, search string) *gorm.DB {
	sqlite := q.Name() == string(SQLite)
	for _, word := range Words(search) {
		switch initial := isInitial(word); {
		case initial && sqlite:
			q = q.Where("instr(search_text, ?) > 0 AND (substr(search_text, 1, 1) = ?"+
				" OR instr(search_text, ?) > 0 OR instr(search_text, ?) > 0"+
				" OR instr(search_text, ?) > 0 OR instr(search_text, ?) > 0)", word, word, " "+word, "\n"+word, "-"+word, "'"+word)
		case initial:
			q = q.Where("search_text ~ ?", `(^|[\n '-])`+word)
		case sqlite: // both sides are folded, so case does not matter, and instr costs half of what LIKE does
			q = q.Where("instr(search_text, ?) > 0", word)
		default:
			q = q.Where(`search_text LIKE ? ESCAPE '\'`, "%"+likeLiteral.Replace(word)+"%")
		}
	}
	return q
}

// isInitial reports whether a word is a single letter or digit of a script that separates words: nearly every text
// holds it somewhere, but few begin a word with it. A word begins a text or follows a space, a hyphen or an apostrophe.
func isInitial(word string) bool {
	r, size := utf8.DecodeRuneInString(word)
	return size == len(word) && (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.In(r, unspaced...)
}

// unspaced are the scripts that are written without spaces between words.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai,
	unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
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
