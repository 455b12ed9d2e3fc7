package database

import (
	"fmt"

	"gorm.io/gorm"
)

// Update writes every column of row to the rows that meet q's conditions, except the fixed columns, which never change:
// at least the primary key. A column that a row type gains is therefore written without being named; empty and zero
// values are written as well. Errors: gorm.ErrRecordNotFound if no row meets the conditions; gorm.ErrMissingWhereClause
// without conditions; the store's. A fixed column that R does not have is a defect.
func Update[R any](q *gorm.DB, row *R, fixed ...string) error {
	q = q.Model(new(R))
	if err := q.Statement.Parse(row); err != nil {
		return err
	}
	for _, column := range fixed {
		if q.Statement.Schema.LookUpField(column) == nil {
			return fmt.Errorf("%s has no column %q", q.Statement.Schema.Table, column)
		}
	}
	updated := q.Select("*").Omit(fixed...).Updates(row)
	if updated.Error == nil && updated.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return updated.Error
}
