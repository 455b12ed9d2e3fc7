package database

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outdated reports that the server refused, before running it, a statement that was prepared on this connection: a migration has changed the type of
// its result (0A000, "cached plan must not change result type"), or the statement is gone (26000).
func outdated(err error) bool {
	pg, is := errors.AsType[*pgconn.PgError](err)
	return is && (pg.Code == "26000" || pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery")
}

// stale is outdated, and has every connection of the pool drop what it has prepared before it is used again: what one migration has changed is then
// met once, and not once for each connection and statement.
func (d direct) stale(err error) bool {
	if err == nil || !outdated(err) {
		return false
	}
	d.schema.Add(1)
	return true
}

// preparedFor is the key of a connection's note of the last change of the schema that its prepared statements are newer than.
const preparedFor = "healthcare.schema"

// fresh lends pgx's own connection without any statement that was prepared before the last change of the schema.
func (d direct) fresh(ctx context.Context, conn *sql.Conn, do func(*pgx.Conn) error) error {
	return raw(conn, func(conn *pgx.Conn) error {
		if now := d.schema.Load(); now > 0 {
			notes := conn.PgConn().CustomData()
			if then, _ := notes[preparedFor].(int64); then < now {
				if err := conn.DeallocateAll(ctx); err != nil {
					return err
				}
				notes[preparedFor] = now
			}
		}
		return do(conn)
	})
}
