package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/zap"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func openPostgres(cfg Config, log *zap.Logger) (*DB, error) {
	pool, err := postgresPool(cfg, cfg.limits())
	if err != nil {
		return nil, err
	}
	db := &DB{engine: Postgres, cfg: cfg, log: log, pools: []*sql.DB{pool}}
	db.writer, err = gormOver(postgresOver(pool, cfg), cfg, log)
	db.reader = db.writer
	if err == nil {
		db.replicas, err = openReplicas(db)
	}
	return db, err
}

// limits are the settings of a session that serves requests.
func (cfg Config) limits() map[string]string {
	return map[string]string{
		"statement_timeout":                   milliseconds(cfg.StatementTimeout),
		"lock_timeout":                        milliseconds(cfg.LockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(cfg.IdleInTxTimeout),
	}
}

// postgresOver is GORM's dialector over a pool, whose size and patience cfg says.
func postgresOver(pool *sql.DB, cfg Config) gorm.Dialector {
	pool.SetMaxIdleConns(cfg.PoolSize)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // so that a fail-over behind the same name is noticed
	return postgresDialector{postgres.Dialector{Config: &postgres.Config{Conn: direct{newBounded(pool, cfg.PoolSize, cfg.AcquireTimeout)}}}}
}

// postgresPool opens a pool whose sessions have the given settings, except where the URL says otherwise. A connection that onConnect refuses is
// not taken.
func postgresPool(cfg Config, settings map[string]string, onConnect ...func(context.Context, *pgx.Conn) error) (*sql.DB, error) {
	conn, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("database_url: not a valid PostgreSQL address (postgres://user:password@host:5432/name)") // the cause may quote the password
	}
	for name, value := range settings {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "healthcare"
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = time.Second // database/sql makes new connections one after the other: one that hangs holds the others up
	}
	return stdlib.OpenDB(*conn, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		for _, on := range onConnect {
			if err := on(ctx, conn); err != nil {
				return errors.Join(err, conn.Close(ctx)) // stdlib does not
			}
		}
		return registerTypes(ctx, conn)
	})), nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// postgresDialector is GORM's own, with the house's errors.
type postgresDialector struct{ postgres.Dialector }

// Translate implements gorm.ErrorTranslator.
func (postgresDialector) Translate(err error) error { return explain(err) }

// Explain is the statement for the log, its placeholders as they are: never a value.
func (postgresDialector) Explain(sql string, _ ...any) string { return sql }

// Where says, for people, what the store is, without a password.
func (db *DB) Where() string {
	if db.engine == SQLite {
		return fmt.Sprintf("%s (%s)", db.engine, db.cfg.Path)
	}
	conn, err := pgx.ParseConfig(db.cfg.URL)
	if err != nil {
		return db.engine.String()
	}
	if strings.HasPrefix(conn.Host, "/") {
		return fmt.Sprintf("%s (%s in %s)", db.engine, conn.Database, conn.Host)
	}
	return fmt.Sprintf("%s (%s at %s)", db.engine, conn.Database, hostsOf(conn))
}

var _ gorm.ErrorTranslator = postgresDialector{}
