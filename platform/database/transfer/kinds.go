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

// kind is how one type of PostgreSQL is held by SQLite. Neither direction is asked about NULL. False says that a value is none of that kind.
type kind struct {
	into func(any) (any, bool) // what SQLite holds -> what pgx takes
	back func(any) (any, bool) // what pgx reads -> what SQLite holds
}

// kinds are the types that both engines' schemas share (migrations/parity_test.go). A column of another type is refused before anything is copied.
var kinds = map[uint32]kind{
	pgtype.TextOID:        {into: as(storable), back: as(same[string])},
	pgtype.UUIDOID:        {into: as(parseID), back: as(func(v [16]byte) (any, bool) { return uuid.UUID(v).String(), true })},
	pgtype.TimestamptzOID: {into: as(parseInstant), back: as(instant)},
	pgtype.DateOID:        {into: as(parseDay), back: as(func(v time.Time) (any, bool) { return v.Format(time.DateOnly), true })},
	pgtype.Int4OID: {
		into: as(func(v int64) (any, bool) { return v, v >= math.MinInt32 && v <= math.MaxInt32 }),
		back: as(func(v int32) (any, bool) { return int64(v), true }),
	},
	pgtype.Int8OID: {into: as(same[int64]), back: as(same[int64])},
	pgtype.BoolOID: {
		into: as(func(v int64) (any, bool) { return v == 1, v == 0 || v == 1 }),
		back: as(func(v bool) (any, bool) { return map[bool]int64{true: 1}[v], true }),
	},
	pgtype.ByteaOID: {into: as(same[[]byte]), back: as(same[[]byte])},
}

// as refuses what is not even of the Go type that convert takes.
func as[T any](convert func(T) (any, bool)) func(any) (any, bool) {
	return func(value any) (any, bool) {
		v, ok := value.(T)
		if !ok {
			return nil, false
		}
		return convert(v)
	}
}

func same[T any](v T) (any, bool) { return v, true }

// storable is text that PostgreSQL takes. The service lets no other in (X14).
func storable(v string) (any, bool) { return v, utf8.ValidString(v) && !strings.Contains(v, "\x00") }

func parseID(v string) (any, bool) {
	id, err := uuid.Parse(v)
	return [16]byte(id), err == nil && id.String() == v
}

func parseInstant(v string) (any, bool) {
	var t database.Time
	if err := t.Scan(v); err != nil {
		return nil, false
	}
	again, ok := instant(t.Time)
	return t.Time, ok && again == v
}

func instant(v time.Time) (any, bool) {
	held, err := database.At(v).Value()
	return held, err == nil && held != nil
}

func parseDay(v string) (any, bool) {
	day, err := time.Parse(time.DateOnly, v)
	return day, err == nil
}

// convert changes a row's values in place, and tells the first column that refuses, or -1.
func convert(values []any, by func(column int, value any) (any, bool)) int {
	for i, value := range values {
		if value == nil {
			continue
		}
		converted, ok := by(i, value)
		if !ok {
			return i
		}
		values[i] = converted
	}
	return -1
}
