package postgres

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"

	"healthcare/platform/database/internal/fault"
)

// checkOutdated reports whether err is the rejection of an outdated prepared statement. If so, every connection of the
// pool drops its prepared statements before its next use. Therefore a migration causes one such rejection, not one for
// each connection and statement.
func (p connPool) checkOutdated(err error) bool {
	if err == nil || !fault.IsOutdated(err) {
		return false
	}
	p.schema.Add(1)
	return true
}

// schemaKey is the key under which a connection stores the value of connPool.schema when it last dropped its prepared
// statements.
const schemaKey = "healthcare.schema"

// withConn calls do with the pgx connection of conn, after dropping statements that were prepared before the last
// change of the schema.
func (p connPool) withConn(ctx context.Context, conn *sql.Conn, do func(*pgx.Conn) error) error {
	return withRawConn(conn, func(conn *pgx.Conn) error {
		if current := p.schema.Load(); current > 0 {
			data := conn.PgConn().CustomData()
			if prepared, _ := data[schemaKey].(int64); prepared < current {
				if err := conn.DeallocateAll(ctx); err != nil {
					return err
				}
				data[schemaKey] = current
			}
		}
		return do(conn)
	})
}
