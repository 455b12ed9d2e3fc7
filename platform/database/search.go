package database

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"healthcare/platform/text"
)

// SearchText returns the value of a row's search_text column: the searchable texts, folded, one per line. Folding in Go
// instead of SQL gives both engines the same results in any script.
func SearchText(texts ...string) string {
	folded := make([]string, 0, len(texts))
	for _, one := range texts {
		if one != "" {
			folded = append(folded, text.Fold(one))
		}
	}
	return strings.Join(folded, "\n") // no word of a search contains a line break, so no match spans two texts
}

// WhereMatches restricts q to the rows whose search_text contains every word of search. A single letter or digit must
// be at the beginning of a word, all other words may be anywhere.
func WhereMatches(q *gorm.DB, search string) *gorm.DB {
	sqlite := q.Name() == string(SQLite)
	for _, word := range text.Words(search) {
		switch initial := isInitial(word); {
		case initial && sqlite:
			q = q.Where(
				"instr(search_text, ?) > 0 AND (substr(search_text, 1, 1) = ?"+
					" OR instr(search_text, ?) > 0 OR instr(search_text, ?) > 0"+
					" OR instr(search_text, ?) > 0 OR instr(search_text, ?) > 0)",
				word, word, " "+word, "\n"+word, "-"+word, "'"+word,
			)
		case initial:
			q = q.Where("search_text ~ ?", `(^|[\n '-])`+word)
		case sqlite: // both sides are folded, so case does not matter, and instr costs half as much as LIKE
			q = q.Where("instr(search_text, ?) > 0", word)
		default:
			q = q.Where(`search_text LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
		}
	}
	return q
}

// isInitial reports whether a word is a single letter or digit of a script that separates words. Nearly every text
// contains it, but in few does a word begin with it. Words are separated by white space, hyphens and apostrophes.
func isInitial(word string) bool {
	r, size := utf8.DecodeRuneInString(word)
	return size == len(word) && (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.In(r, unspacedScripts...)
}

// unspacedScripts lists the scripts that are written without spaces between words.
var unspacedScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai,
	unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

// likeEscaper escapes the wildcards of LIKE.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
