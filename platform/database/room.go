package database

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"healthcare/platform/paging"
)

// room is how many bytes of JSON the rows of a page may still have. It is a setting of the statement that reads them.
type room struct {
	left  int
	taken bool    // by one row at least
	full  bool    // a row did not fit
	texts [][]int // the fields whose values vary in size, as reflect counts them
}

const roomKey = "healthcare:room"

// roomOf is the room of a statement that has one, else nil.
func roomOf(tx *gorm.DB, fields []*schema.Field) *room {
	setting, ok := tx.Get(roomKey)
	if !ok {
		return nil
	}
	r, _ := setting.(*room)
	r.texts = r.texts[:0]
	for _, field := range fields {
		if field == nil {
			continue
		}
		if kind := field.FieldType.Kind(); kind == reflect.String || kind == reflect.Slice {
			r.texts = append(r.texts, field.StructField.Index)
		}
	}
	return r
}

// take reports whether the row fits. The first one always does.
func (r *room) take(row reflect.Value) bool {
	size := paging.Size()
	for _, field := range r.texts {
		size += sizeOf(row.FieldByIndex(field))
	}
	if r.left -= size; r.left < 0 && r.taken {
		r.full = true
		return false
	}
	r.taken = true
	return true
}

// sizeOf is that of a text, of bytes, or of a list of ids or names.
func sizeOf(v reflect.Value) int {
	switch {
	case v.Kind() == reflect.String:
		return paging.TextSize(v.String())
	case v.Type().Elem().Kind() == reflect.Uint8:
		return v.Len()
	}
	return paging.IDSize * v.Len() // names are shorter
}
