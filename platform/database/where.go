package database

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// WhereIn restricts q to the rows whose column equals one of values. The statement has the same text and one parameter
// for any number of values. Each text of IN (?, ?, …) would be parsed, planned and cached separately.
func WhereIn[T any](q *gorm.DB, column string, values []T) *gorm.DB {
	if q.Name() == string(SQLite) {
		list, err := json.Marshal(values)
		_ = q.AddError(err)
		return q.Where(column+" IN (SELECT value FROM json_each(?))", string(list))
	}
	return q.Where(column+" = ANY (?)", arrayLiteral(values))
}

// WhereNotIn restricts q to the rows whose column equals none of values, and is not NULL. The statement has the same
// text for any number of values, as that of WhereIn.
func WhereNotIn[T any](q *gorm.DB, column string, values []T) *gorm.DB {
	if q.Name() == string(SQLite) {
		list, err := json.Marshal(values)
		_ = q.AddError(err)
		return q.Where(column+" NOT IN (SELECT value FROM json_each(?))", string(list))
	}
	return q.Where(column+" <> ALL (?)", arrayLiteral(values))
}

// arrayLiteral returns values as an array literal of PostgreSQL, which infers its type from the column (PostgreSQL
// manual, section 8.15.6).
func arrayLiteral[T any](values []T) string {
	const idLength = len(`"00000000-0000-0000-0000-000000000000",`)
	array := make([]byte, 0, idLength*len(values)+2)
	array = append(array, '{')
	for i, v := range values {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, '"')
		array = append(array, arrayElement(v)...)
		array = append(array, '"')
	}
	return string(append(array, '}'))
}

func arrayElement(value any) string {
	if s, ok := value.(fmt.Stringer); ok { // faster than fmt.Sprint
		return arrayEscaper.Replace(s.String())
	}
	return arrayEscaper.Replace(fmt.Sprint(value))
}

var arrayEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// WhereCreated restricts q to the rows created between two times, see WhereBetween.
func WhereCreated(q *gorm.DB, after, before time.Time) *gorm.DB {
	return WhereBetween(q, "created_at", after, before)
}

// WhereBetween restricts q to the rows whose column is between two times, both exclusive. A zero time is no bound.
func WhereBetween(q *gorm.DB, column string, after, before time.Time) *gorm.DB {
	if !after.IsZero() {
		q = q.Where(column+" > ?", At(after))
	}
	if !before.IsZero() {
		q = q.Where(column+" < ?", At(before))
	}
	return q
}
