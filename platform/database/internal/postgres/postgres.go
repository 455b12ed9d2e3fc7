// Package postgres connects GORM to PostgreSQL with pgx: sessions with fixed settings, lists of hosts, statements
// without database/sql between GORM and pgx.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/pool"
)

// Config describes the connections of a pool.
type Config struct {
	URL       string
	Settings  map[string]string // of each session; settings in the URL take precedence
	Standby   bool              // the server is a replica, which accepts no writes
	OnConnect func(context.Context, *pgx.Conn) error
}

// OpenPool returns a pool whose sessions have the pinned settings. A connection is not used if settle or OnConnect
// returns an error. Errors: an invalid URL.
func OpenPool(cfg Config) (*sql.DB, error) {
	conn, err := pgx.ParseConfig(cfg.URL)
	if err != nil { // may quote the password
		return nil, errors.New("database_url: not a valid PostgreSQL address (postgres://user:password@host:5432/name)")
	}
	for name, value := range cfg.Settings {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	pin(conn.RuntimeParams)
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "healthcare"
	}
	hosts := len(servers(conn))
	if conn.ConnectTimeout == 0 {
		// database/sql opens connections one after the other, so that a hanging attempt delays the next ones.
		conn.ConnectTimeout = serverTimeout(hosts)
	}
	if hosts > 1 && conn.ValidateConnect == nil && !cfg.Standby {
		// Of several servers only the primary is used.
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return stdlib.OpenDB(*conn, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		err := settle(ctx, conn)
		if err == nil && cfg.OnConnect != nil {
			err = cfg.OnConnect(ctx, conn)
		}
		if err != nil {
			return errors.Join(err, conn.Close(ctx)) // stdlib does not close it
		}
		registerTypes(conn)
		return nil
	})), nil
}

// NewDialector returns a GORM dialector on db, limited to a number of connections. limit is how long statements wait
// for a connection.
func NewDialector(db *sql.DB, connections int, limit time.Duration) gorm.Dialector {
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour) // so that connections reach another server after a fail-over behind the same name
	conns := connPool{pool.New(db, connections, limit), new(atomic.Int64)}
	return dialector{postgres.Dialector{Config: &postgres.Config{Conn: conns}}}
}

// dialector is GORM's dialector for PostgreSQL, with errors translated by package fault.
type dialector struct{ postgres.Dialector }

var _ gorm.ErrorTranslator = dialector{}

// Translate implements gorm.ErrorTranslator.
func (dialector) Translate(err error) error { return fault.Explain(err) }

// Explain returns the statement for the log, with its placeholders and no values.
func (dialector) Explain(sql string, _ ...any) string { return sql }
