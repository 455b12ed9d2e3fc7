// Package database opens the store - embedded SQLite or PostgreSQL - behind GORM, and hides all that differs between the
// two: connections, locking, transactions, error codes, migrations. A module's store gets to a connection through DB.Read
// and DB.Write and in no other way, so stepping out of the transaction in the context cannot be written.
package database

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/errs"
	"healthcare/platform/logging"
	"healthcare/platform/telemetry"
)

// Engine names what serves the store.
type Engine string

// The engines; the value is also the name of a module's migration folder.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Config says which store to open and how. Path is used when URL is empty.
type Config struct {
	URL              string        // postgres://…; empty means the embedded SQLite
	ReplicaURLs      []string      // streaming replicas of URL; none is needed
	ReplicaMaxLag    time.Duration // how old a replica's answer may be at most
	Path             string        // the SQLite file; created with mode 0600
	Existing         bool          // Open and Connect refuse a store that no migration has been applied to, and create none
	PoolSize         int           // connections to PostgreSQL, readers of SQLite; at least 1
	ConnectTimeout   time.Duration // how long Connect keeps trying to reach the store
	AcquireTimeout   time.Duration // how long a statement or transaction waits for a connection, a new one being made included; 0 means as long as its context
	StatementTimeout time.Duration // PostgreSQL's statement_timeout
	LockTimeout      time.Duration // PostgreSQL's lock_timeout, SQLite's busy_timeout
	IdleInTxTimeout  time.Duration // PostgreSQL's idle_in_transaction_session_timeout
	SlowQuery        time.Duration // statements slower than this are logged, without their values; 0 means none

	standby bool // URL is a replica's, which takes no writes
}

// DB is the open store.
type DB struct {
	engine Engine
	cfg    Config
	log    *zap.Logger
	writer *gorm.DB
	reader *gorm.DB  // SQLite: a query-only pool beside the one writer; PostgreSQL: the writer
	pools  []*sql.DB // the writer's first

	space space

	tracing  *telemetry.Tracing // nil: nothing is traced
	replicas *Replicas          // nil: none
}

// Open prepares the store without touching it: Connect does. Errors: a configuration that cannot be right; that of Find.
func Open(cfg Config, log *zap.Logger) (*DB, error) {
	if cfg.Existing {
		if err := cfg.Find(); err != nil {
			return nil, err
		}
	}
	if cfg.URL == "" {
		return openSQLite(cfg, log)
	}
	return openPostgres(cfg, log)
}

// gormOver builds the one GORM configuration over a connection pool. Statements are kept prepared below it, by each connection.
func gormOver(dialector gorm.Dialector, cfg Config, log *zap.Logger) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, // transactions are the use case's to open
		TranslateError:         true, // every error passes explain
		DisableAutomaticPing:   true,
		QueryFields:            true, // for what nameColumns leaves alone
		Logger:                 slowLog{log: log, threshold: cfg.SlowQuery},
	})
	if err != nil {
		return nil, err
	}
	do := db.Callback()
	return db, errors.Join(
		do.Query().Replace("gorm:query", query),
		// GORM translates every error but that of Rows, on which Scan stands.
		do.Row().After("gorm:row").Register("healthcare:explain", func(db *gorm.DB) { db.Error = explain(db.Error) }),
		// No row has associations, which GORM looks for in every write.
		do.Create().Remove("gorm:save_before_associations"), do.Create().Remove("gorm:save_after_associations"),
		do.Update().Remove("gorm:save_before_associations"), do.Update().Remove("gorm:save_after_associations"),
		do.Delete().Remove("gorm:delete_before_associations"),
	)
}

// Engine tells what serves the store.
func (db *DB) Engine() Engine { return db.engine }

// Connect reaches the store, trying again with growing pauses until ConnectTimeout has passed or trying is pointless.
// Errors: why the store was not reached.
func (db *DB) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.ConnectTimeout)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := db.Ping(ctx)
		if err == nil && db.cfg.Existing {
			err = db.requireTables(ctx)
		}
		if err == nil || !errors.As(err, new(*errs.Error)) {
			return err // reached, or refused for good: wrong password, no such database, not a database file
		}
		db.log.Warn("the database is not reachable yet", zap.Error(err), logging.Milliseconds("next_try_in_ms", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// Ping asks every pool for a working connection. Errors: errs.Unavailable, or what is wrong for good.
func (db *DB) Ping(ctx context.Context) error {
	for _, pool := range db.pools {
		if err := pool.PingContext(ctx); err != nil {
			return explain(err)
		}
	}
	return nil
}

// Close ends every connection.
func (db *DB) Close() error {
	failed := []error{db.replicas.close()}
	for _, pool := range db.pools {
		failed = append(failed, pool.Close())
	}
	return errors.Join(failed...)
}

// Read is a connection for queries: the transaction while one is open in ctx, else the replica that ctx may read from (Replicas.Reading), else
// the reader.
func (db *DB) Read(ctx context.Context) *gorm.DB {
	if tx := db.open(ctx); tx != nil {
		return tx.WithContext(ctx)
	}
	if err := db.Stray(ctx); err != nil {
		return refusing(db.reader.WithContext(ctx), err)
	}
	if db.replicas != nil {
		if replica := db.replicas.handle(ctx); replica != nil {
			return replica
		}
	}
	return db.reader.WithContext(ctx)
}

// Write is a connection for changes: the transaction while one is open in ctx, else the writer, where each statement is its own
// transaction.
func (db *DB) Write(ctx context.Context) *gorm.DB {
	if tx := db.open(ctx); tx != nil {
		return tx.WithContext(ctx)
	}
	if err := db.Stray(ctx); err != nil {
		return refusing(db.writer.WithContext(ctx), err)
	}
	return db.writer.WithContext(ctx)
}

// refusing returns a session whose every statement fails with err.
func refusing(q *gorm.DB, err error) *gorm.DB {
	_ = q.AddError(err)
	return q
}
