package database

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Insert adds a row. free is false, and nothing is added, where another row has its values in the unique columns: an
// error of the store would have PostgreSQL log them. A row whose unique columns are NULL is always free.
func Insert(q *gorm.DB, row any, unique ...string) (free bool, err error) {
	unless := clause.OnConflict{DoNothing: true}
	for _, name := range unique {
		unless.Columns = append(unless.Columns, clause.Column{Name: name})
	}
	added := q.Clauses(unless).Create(row)
	return added.RowsAffected > 0, added.Error
}
