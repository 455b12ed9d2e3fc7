package database

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"healthcare/platform/text"
)

// SearchText returns the value of a row's search_text column: the searched texts, folded. Folding here instead of in SQL
// gives both engines the same results in any script.
func SearchText(texts ...string) string {
	folded := make([]string, 0, len(texts))
	for _, one := range texts {
		if one != "" {
			folded = append(folded, text.Fold(one))
		}
	}
	return strings.Join(folded, "\n") // no word of a search contains a line break, so no match crosses two texts
}

// Matching narrows q to the rows whose search_text holds every word of search: at the beginning of a word if it is a
// single letter or digit, else anywhere.
func Matching(q *gorm.DB, search string) *gorm.DB {
	sqlite := q.Name() == string(SQLite)
	for _, word := range text.Words(search) {
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
