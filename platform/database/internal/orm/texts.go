package orm

import (
	"database/sql"
	"errors"
	"reflect"
	"strings"
)

// textBuffer stores the texts of many rows in few allocations.
type textBuffer struct{ current strings.Builder }

// add returns a copy of text.
func (b *textBuffer) add(text []byte) string {
	const least, most = 128, 4096
	if free := b.current.Cap() - b.current.Len(); free < len(text) {
		size := max(len(text), min(2*b.current.Cap(), most), least)
		b.current.Reset() // the texts keep the memory that they use
		b.current.Grow(size)
	}
	start := b.current.Len()
	b.current.Write(text)
	return b.current.String()[start:]
}

// textTarget is the target of a column that pgx reads into a field of a kind of string.
type textTarget struct {
	field reflect.Value
	texts *textBuffer
}

// errNoText does not quote the value, which must not be logged.
var errNoText = errors.New("a column of texts has NULL or another type")

// ScanBytes implements pgtype.BytesScanner.
func (t *textTarget) ScanBytes(text []byte) error {
	if text == nil {
		return t.Scan(nil)
	}
	t.field.SetString(t.texts.add(text))
	return nil
}

// Scan implements sql.Scanner, for columns of other types and for NULL.
func (t *textTarget) Scan(value any) error {
	into := t.field.Addr().Interface()
	if custom, is := into.(sql.Scanner); is {
		return custom.Scan(value)
	}
	text, is := value.(string)
	if !is {
		return errNoText
	}
	t.field.SetString(text)
	return nil
}
