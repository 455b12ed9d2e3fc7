package postgres

import (
	"database/sql"
	"encoding"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerTypes registers the codecs for times and ids with a connection.
func registerTypes(conn *pgx.Conn) {
	// Times are in UTC instead of the local time zone.
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}})
}

// uuidCodec sends and reads ids as 16 bytes. pgx itself would treat an id as text, fail to encode it as a UUID and
// parse it, which is a sixth of the cost of a small query.
type uuidCodec struct{ pgtype.UUIDCodec }

// identifier is a uuid.UUID or a type that embeds one.
type identifier interface {
	encoding.BinaryMarshaler
	Variant() uuid.Variant
}

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, is := value.(identifier); is && format == pgtype.BinaryFormatCode {
		return encodeIdentifier{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

type encodeIdentifier struct{}

// Encode implements pgtype.EncodePlan.
func (encodeIdentifier) Encode(value any, into []byte) ([]byte, error) {
	bytes, err := value.(identifier).MarshalBinary()
	return append(into, bytes...), err
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, is := target.(encoding.BinaryUnmarshaler); is && format == pgtype.BinaryFormatCode {
		return scanIdentifier{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type scanIdentifier struct{}

// Scan implements pgtype.ScanPlan.
func (scanIdentifier) Scan(stored []byte, into any) error {
	if stored == nil {
		return into.(sql.Scanner).Scan(nil)
	}
	return into.(encoding.BinaryUnmarshaler).UnmarshalBinary(stored)
}
