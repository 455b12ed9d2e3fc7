package database

import (
	"database/sql"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// query is GORM's own, but that rows are read straight into the fields they are for. GORM reads each value into a variable of its own and sets the
// field by reflection, which costs a list a quarter of its time.
func query(tx *gorm.DB) {
	if tx.Error != nil {
		return
	}
	nameColumns(tx.Statement)
	callbacks.BuildQuerySQL(tx)
	if tx.DryRun || tx.Error != nil {
		return
	}
	if !forRows(tx.Statement) {
		ask(tx, func(rows gorm.Rows) error {
			gorm.Scan(rows, tx, 0)
			return nil
		})
		return
	}
	read := func(rows gorm.Rows) error { return scan(tx, rows) }
	if pool, is := tx.Statement.ConnPool.(lender); is {
		_ = tx.AddError(pool.lend(tx.Statement.Context, read, tx.Statement.SQL.String(), tx.Statement.Vars))
	} else {
		ask(tx, read)
	}
	if tx.RowsAffected == 0 && tx.Statement.RaiseErrorOnNotFound && tx.Error == nil {
		_ = tx.AddError(gorm.ErrRecordNotFound)
	}
}

// ask has read look at the rows of database/sql.
func ask(tx *gorm.DB, read func(gorm.Rows) error) {
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, tx.Statement.SQL.String(), tx.Statement.Vars...) //nolint:rowserrcheck // read does
	if err != nil {
		_ = tx.AddError(err)
		return
	}
	defer func() { _ = tx.AddError(rows.Close()) }()
	_ = tx.AddError(read(rows))
}

// forRows says that what is asked for is a row type or a slice of it, not a number, a column or a map.
func forRows(s *gorm.Statement) bool {
	kind := s.ReflectValue.Type()
	if kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	return s.Schema != nil && kind == s.Schema.ModelType && len(s.ColumnMapping) == 0 && !reflect.PointerTo(kind).Implements(scanner)
}

var scanner = reflect.TypeFor[sql.Scanner]() // an id is a struct too, and one column

// scan reads one row, or all where a slice is asked for. Errors: that of the first row that cannot be read.
func scan(tx *gorm.DB, rows gorm.Rows) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	fields := fieldsOf(tx.Statement.Schema, columns)
	dest, into := tx.Statement.ReflectValue, make([]any, len(fields))
	many := dest.Kind() == reflect.Slice
	room := roomOf(tx, fields)
	if many {
		dest.Set(reflect.MakeSlice(dest.Type(), 0, expected(tx.Statement)))
	}
	for tx.RowsAffected = 0; (many || tx.RowsAffected == 0) && rows.Next(); tx.RowsAffected++ {
		row := dest
		if many {
			dest.Grow(1)
			dest.SetLen(dest.Len() + 1)
			row = dest.Index(dest.Len() - 1)
		}
		for i, field := range fields {
			if field == nil {
				into[i] = new(any)
				continue
			}
			into[i] = field.ReflectValueOf(tx.Statement.Context, row).Addr().Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if room != nil && !room.take(row) {
			dest.SetLen(dest.Len() - 1)
			return nil
		}
	}
	return rows.Err()
}

// fieldsOf are the fields that columns are for; nil for one without.
func fieldsOf(s *schema.Schema, columns []string) []*schema.Field {
	fields := make([]*schema.Field, len(columns))
	for i, column := range columns {
		fields[i] = s.LookUpField(column)
	}
	return fields
}

// expected is for how many rows there is room at first.
func expected(s *gorm.Statement) int {
	const few, many = 20, 1000
	if limit, is := s.Clauses["LIMIT"].Expression.(clause.Limit); is && limit.Limit != nil {
		return min(*limit.Limit, many)
	}
	return few
}
