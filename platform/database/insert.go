package database

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Insert inserts row, and reports false without inserting it if another row has its values in the unique columns. An
// error of PostgreSQL would write these values into the server's log. NULL differs from all other values.
func Insert(q *gorm.DB, row any, unique ...string) (inserted bool, err error) {
	unlessExists := clause.OnConflict{DoNothing: true}
	for _, name := range unique {
		unlessExists.Columns = append(unlessExists.Columns, clause.Column{Name: name})
	}
	result := q.Clauses(unlessExists).Create(row)
	return result.RowsAffected > 0, result.Error
}
