package database

import (
	"encoding/json"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Among narrows q to the rows whose column holds one of values. The statement has one text and one parameter, however
// many values there are: each text of IN (?, ?, …) would be parsed, planned and kept prepared for itself.
func Among[T any](q *gorm.DB, column string, values []T) *gorm.DB {
	if q.Name() == string(SQLite) {
		all, err := json.Marshal(values)
		_ = q.AddError(err)
		return q.Where(column+" IN (SELECT value FROM json_each(?))", string(all))
	}
	return q.Where(column+" = ANY (?)", arrayOf(values))
}

// arrayOf spells an array for PostgreSQL, which knows its type by the column (PostgreSQL manual, section 8.15.6).
func arrayOf[T any](values []T) string {
	elements := make([]string, len(values))
	for i, v := range values {
		elements[i] = `"` + inArray.Replace(fmt.Sprint(v)) + `"`
	}
	return "{" + strings.Join(elements, ",") + "}"
}

var inArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
