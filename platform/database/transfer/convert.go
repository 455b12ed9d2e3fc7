package transfer

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"healthcare/platform/database"
)

// converter converts values between SQLite and one type of PostgreSQL. It never receives NULL. Its functions return
// false for a value that the other engine cannot hold.
type converter struct {
	toPostgres func(any) (any, bool) // from a value of SQLite's driver to one of pgx
	toSQLite   func(any) (any, bool)
}

// converters has an entry for each type that both engines' schemas share (migrations/parity_test.go). A column of
// another type is rejected before anything is copied.
var converters = map[uint32]converter{
	pgtype.TextOID: {toPostgres: typed(validText), toSQLite: typed(unchanged[string])},
	pgtype.UUIDOID: {
		toPostgres: typed(parseID),
		toSQLite:   typed(func(v [16]byte) (any, bool) { return uuid.UUID(v).String(), true }),
	},
	pgtype.TimestamptzOID: {toPostgres: typed(parseInstant), toSQLite: typed(formatInstant)},
	pgtype.DateOID: {
		toPostgres: typed(parseDay),
		toSQLite:   typed(func(v time.Time) (any, bool) { return v.Format(time.DateOnly), true }),
	},
	pgtype.Int4OID: {
		toPostgres: typed(func(v int64) (any, bool) { return v, v >= math.MinInt32 && v <= math.MaxInt32 }),
		toSQLite:   typed(func(v int32) (any, bool) { return int64(v), true }),
	},
	pgtype.Int8OID: {toPostgres: typed(unchanged[int64]), toSQLite: typed(unchanged[int64])},
	pgtype.BoolOID: {
		toPostgres: typed(func(v int64) (any, bool) { return v == 1, v == 0 || v == 1 }),
		toSQLite:   typed(func(v bool) (any, bool) { return map[bool]int64{true: 1}[v], true }),
	},
	pgtype.ByteaOID: {toPostgres: typed(presentBytes), toSQLite: typed(presentBytes)},
}

// typed returns a function that calls convert, or returns false for a value of a Go type other than T.
func typed[T any](convert func(T) (any, bool)) func(any) (any, bool) {
	return func(value any) (any, bool) {
		v, ok := value.(T)
		if !ok {
			return nil, false
		}
		return convert(v)
	}
}

func unchanged[T any](v T) (any, bool) { return v, true }

// presentBytes returns v, or an empty slice for nil. SQLite's driver reads an empty blob as a nil slice, which drivers
// write as NULL.
func presentBytes(v []byte) (any, bool) {
	if v == nil {
		v = []byte{}
	}
	return v, true
}

// validText accepts the text that PostgreSQL can hold. The service accepts no other (X14).
func validText(v string) (any, bool) { return v, utf8.ValidString(v) && !strings.Contains(v, "\x00") }

func parseID(v string) (any, bool) {
	id, err := uuid.Parse(v)
	return [16]byte(id), err == nil && id.String() == v
}

func parseInstant(v string) (any, bool) {
	var t database.Time
	if err := t.Scan(v); err != nil {
		return nil, false
	}
	formatted, ok := formatInstant(t.Time)
	return t.Time, ok && formatted == v
}

func formatInstant(v time.Time) (any, bool) {
	formatted, err := database.At(v).Value()
	return formatted, err == nil && formatted != nil
}

func parseDay(v string) (any, bool) {
	day, err := time.Parse(time.DateOnly, v)
	return day, err == nil
}

// convertRow converts a row's values in place. It returns the index of the first column that cannot be converted, or
// -1.
func convertRow(values []any, convert func(column int, value any) (any, bool)) int {
	for i, value := range values {
		if value == nil {
			continue
		}
		converted, ok := convert(i, value)
		if !ok {
			return i
		}
		values[i] = converted
	}
	return -1
}
