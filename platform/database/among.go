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
	const ofAnID = len(`"00000000-0000-0000-0000-000000000000",`)
	array := make([]byte, 0, ofAnID*len(values)+2)
	array = append(array, '{')
	for i, v := range values {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, '"')
		array = append(array, element(v)...)
		array = append(array, '"')
	}
	return string(append(array, '}'))
}

func element(value any) string {
	id, ok := value.(fmt.Stringer) // Sprint would come to the same, later
	if !ok {
		return inArray.Replace(fmt.Sprint(value))
	}
	text := id.String()
	if strings.ContainsAny(text, `"\`) {
		return inArray.Replace(text)
	}
	return text
}

var inArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
