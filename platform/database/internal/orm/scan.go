package orm

import (
	"context"
	"database/sql"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// RowReader is a connection pool or a transaction that reads rows without database/sql. Errors: those of the driver and
// of read.
type RowReader interface {
	WithRows(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error
}

// query replaces GORM's callback for queries. It scans rows straight into the fields of a row type. GORM scans each
// value into a new variable and sets the field by reflection.
func query(tx *gorm.DB) {
	if tx.Error != nil {
		return
	}
	selectColumns(tx.Statement)
	callbacks.BuildQuerySQL(tx)
	if tx.DryRun || tx.Error != nil {
		return
	}
	if !wantsRows(tx.Statement) {
		withSQLRows(tx, func(rows gorm.Rows) error {
			gorm.Scan(rows, tx, 0)
			return nil
		})
		return
	}
	read := func(rows gorm.Rows) error { return scan(tx, rows) }
	if reader, is := tx.Statement.ConnPool.(RowReader); is {
		_ = tx.AddError(reader.WithRows(tx.Statement.Context, read, tx.Statement.SQL.String(), tx.Statement.Vars))
	} else {
		withSQLRows(tx, read)
	}
	if tx.RowsAffected == 0 && tx.Statement.RaiseErrorOnNotFound && tx.Error == nil {
		_ = tx.AddError(gorm.ErrRecordNotFound)
	}
}

// withSQLRows calls read with rows of database/sql, and closes them.
func withSQLRows(tx *gorm.DB, read func(gorm.Rows) error) {
	s := tx.Statement
	rows, err := s.ConnPool.QueryContext(s.Context, s.SQL.String(), s.Vars...) //nolint:rowserrcheck // read does
	if err != nil {
		_ = tx.AddError(err)
		return
	}
	defer func() { _ = tx.AddError(rows.Close()) }()
	_ = tx.AddError(read(rows))
}

// wantsRows reports whether the destination is a row type or a slice of it, not a number, a column or a map.
func wantsRows(s *gorm.Statement) bool {
	kind := s.ReflectValue.Type()
	if kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	return s.Schema != nil && kind == s.Schema.ModelType && len(s.ColumnMapping) == 0 &&
		!reflect.PointerTo(kind).Implements(scanner)
}

var scanner = reflect.TypeFor[sql.Scanner]() // an id is a struct, but a single column

// scan reads one row, or all rows if the destination is a slice. Errors: that of the first row that cannot be read.
func scan(tx *gorm.DB, rows gorm.Rows) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	target := newTarget(tx.Statement, columns)
	dest := tx.Statement.ReflectValue
	many := dest.Kind() == reflect.Slice
	budget := budgetOf(tx, target.fields)
	if many {
		dest.Set(reflect.MakeSlice(dest.Type(), 0, initialCapacity(tx.Statement)))
	}
	for tx.RowsAffected = 0; (many || tx.RowsAffected == 0) && rows.Next(); tx.RowsAffected++ {
		row := dest
		if many {
			dest.Grow(1)
			dest.SetLen(dest.Len() + 1)
			row = dest.Index(dest.Len() - 1)
		}
		if err := target.read(tx.Statement.Context, rows, row); err != nil {
			return err
		}
		if budget != nil && !budget.take(row) {
			dest.SetLen(dest.Len() - 1)
			return nil
		}
	}
	return rows.Err()
}

// target reads rows into the fields of a row type.
type target struct {
	fields []*schema.Field // nil for a column without a field
	into   []any           // for each column
	texts  textBuffer

	// if the row is packed
	packed sql.RawBytes
	values []reflect.Value

	textTargets []textTarget // if it is not
}

func newTarget(s *gorm.Statement, columns []string) *target {
	t := &target{}
	if names := strings.Split(columns[0], ","); len(columns) == 1 && len(names) > 1 {
		t.fields, t.into = fieldsOf(s.Schema, names), []any{&t.packed}
		t.values = make([]reflect.Value, len(names))
		return t
	}
	t.fields, t.into = fieldsOf(s.Schema, columns), make([]any, len(columns))
	t.textTargets = make([]textTarget, len(columns))
	return t
}

func (t *target) read(ctx context.Context, rows gorm.Rows, row reflect.Value) error {
	for i, field := range t.fields {
		if field == nil {
			t.into[i] = new(any)
			continue
		}
		value := field.ReflectValueOf(ctx, row)
		switch {
		case t.values != nil:
			t.values[i] = value
		case value.Kind() == reflect.String:
			t.textTargets[i] = textTarget{value, &t.texts}
			t.into[i] = &t.textTargets[i]
		default:
			t.into[i] = value.Addr().Interface()
		}
	}
	if err := rows.Scan(t.into...); err != nil || t.values == nil {
		return err
	}
	return unpack(t.packed, t.values, &t.texts)
}

// fieldsOf returns the field of each column, or nil for a column without a field.
func fieldsOf(s *schema.Schema, columns []string) []*schema.Field {
	fields := make([]*schema.Field, len(columns))
	for i, column := range columns {
		fields[i] = s.LookUpField(column)
	}
	return fields
}

// initialCapacity returns the number of rows for which to allocate memory: the statement's limit up to 1000, or 20
// without a limit.
func initialCapacity(s *gorm.Statement) int {
	const usual, most = 20, 1000
	if limit, is := s.Clauses["LIMIT"].Expression.(clause.Limit); is && limit.Limit != nil {
		return min(*limit.Limit, most)
	}
	return usual
}
