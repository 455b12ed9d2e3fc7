package database

import (
	"strings"
	"time"

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
