package orm

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"healthcare/platform/paging"
)

// Budget limits the rows that a statement returns to a number of bytes of JSON. It is a setting of the statement.
type Budget struct {
	left     int
	used     bool // at least one row was read
	exceeded bool
	texts    [][]int // indexes (reflect.StructField.Index) of the fields whose values vary in size
}

// NewBudget returns a budget of the given number of bytes.
func NewBudget(bytes int) *Budget { return &Budget{left: bytes} }

// Apply returns q limited by the budget. Consecutive statements may share a budget.
func (b *Budget) Apply(q *gorm.DB) *gorm.DB { return q.Set(budgetSetting, b) }

// Exceeded reports whether rows were omitted.
func (b *Budget) Exceeded() bool { return b.exceeded }

const budgetSetting = "healthcare:budget"

// budgetOf returns the budget of a statement, or nil if it is unlimited.
func budgetOf(tx *gorm.DB, fields []*schema.Field) *Budget {
	setting, ok := tx.Get(budgetSetting)
	if !ok {
		return nil
	}
	b, _ := setting.(*Budget)
	b.texts = b.texts[:0]
	for _, field := range fields {
		if field == nil {
			continue
		}
		if kind := field.FieldType.Kind(); kind == reflect.String || kind == reflect.Slice {
			b.texts = append(b.texts, field.StructField.Index)
		}
	}
	return b
}

// take subtracts the size of a row, and reports whether the row fits. The first row always fits.
func (b *Budget) take(row reflect.Value) bool {
	size := paging.Size()
	for _, field := range b.texts {
		size += sizeOf(row.FieldByIndex(field))
	}
	if b.left -= size; b.left < 0 && b.used {
		b.exceeded = true
		return false
	}
	b.used = true
	return true
}

// sizeOf returns the size of a text, of bytes, or of a list of ids or names.
func sizeOf(v reflect.Value) int {
	switch {
	case v.Kind() == reflect.String:
		return paging.TextSize(v.String())
	case v.Type().Elem().Kind() == reflect.Uint8:
		return v.Len()
	}
	return paging.IDSize * v.Len() // names are shorter
}
