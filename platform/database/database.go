// Package database opens the store, embedded SQLite or PostgreSQL, behind GORM, and hides the differences between the
// two: connections, locking, transactions, error codes, migrations. A module's store gets connections from DB.Read and
// DB.Write only, so it cannot leave the transaction in the context.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/orm"
	"healthcare/platform/database/internal/postgres"
	"healthcare/platform/database/internal/sqlite"
	"healthcare/platform/database/replica"
	"healthcare/platform/errs"
	"healthcare/platform/logging"
	"healthcare/platform/telemetry"
)

// Engine is the kind of a store. Its value is also the name of the folder of a module's migrations.
type Engine string

// The supported engines.
const (
	SQLite   Engine = sqlite.Name
	Postgres Engine = "postgres"
)

// String returns the name of the engine's product.
func (e Engine) String() string {
	if e == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Config describes the store to open. Path is used when URL is empty.
type Config struct {
	URL              string        // postgres://…; empty means the embedded SQLite
	ReplicaURLs      []string      // streaming replicas of URL, optional
	ReplicaMaxLag    time.Duration // maximum age of the data that a replica returns
	Path             string        // the SQLite file; created with mode 0600
	Existing         bool          // Open and Connect reject a missing store and one without tables
	PoolSize         int           // connections to PostgreSQL, readers of SQLite; at least 1
	ConnectTimeout   time.Duration // bounds Connect, including all its attempts
	AcquireTimeout   time.Duration // bounds acquiring a connection, including opening one; 0: only the context does
	StatementTimeout time.Duration // PostgreSQL's statement_timeout
	LockTimeout      time.Duration // PostgreSQL's lock_timeout, SQLite's busy_timeout
	IdleInTxTimeout  time.Duration // PostgreSQL's idle_in_transaction_session_timeout
	SlowQuery        time.Duration // slower statements are logged without their values; 0 logs none
}

// settings returns the settings of a PostgreSQL session that serves requests.
func (cfg Config) settings() map[string]string {
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	return map[string]string{
		"statement_timeout":                   milliseconds(cfg.StatementTimeout),
		"lock_timeout":                        milliseconds(cfg.LockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(cfg.IdleInTxTimeout),
	}
}

// Addresses returns the driver's data source names of the SQLite file, for its one writer and for its readers.
func (cfg Config) Addresses() (writer, reader string) {
	return sqlite.Addresses(cfg.Path, cfg.LockTimeout)
}

// DB is the open store.
type DB struct {
	engine Engine
	cfg    Config
	log    *zap.Logger
	writer *gorm.DB
	reader *gorm.DB  // SQLite: a query-only pool beside the one writer; PostgreSQL: the writer
	pools  []*sql.DB // the writer's pool is the first

	full fullState

	tracing  *telemetry.Tracing // nil if tracing is off
	replicas *replica.Set       // nil without replicas
}

// Open prepares the store without connecting to it. Errors: an invalid configuration; those of Config.CheckFile.
func Open(cfg Config, log *zap.Logger) (*DB, error) {
	if cfg.Existing {
		if err := cfg.CheckFile(); err != nil {
			return nil, err
		}
	}
	if cfg.URL == "" {
		return openSQLite(cfg, log)
	}
	return openPostgres(cfg, log)
}

func openSQLite(cfg Config, log *zap.Logger) (*DB, error) {
	if err := sqlite.CreatePrivately(cfg.Path); err != nil {
		return nil, err
	}
	writerAddress, readerAddress := cfg.Addresses()
	writer, reader := sqlite.OpenCached(writerAddress), sqlite.OpenCached(readerAddress)
	reader.SetMaxOpenConns(cfg.PoolSize)
	reader.SetMaxIdleConns(cfg.PoolSize)
	// The writer is the first pool, because its connection puts the file into WAL mode.
	db := &DB{engine: SQLite, cfg: cfg, log: log, pools: []*sql.DB{writer, reader}}
	// SQLite has one writer. A queue in Go is fairer than SQLite's busy loop.
	queue := sqlite.NewWriter(writer, cfg.AcquireTimeout)
	var err error
	if db.writer, err = orm.Open(sqlite.NewDialector(queue), cfg.SlowQuery, log); err != nil {
		return nil, err
	}
	// Reading a file does not hang, so the wait for a reader needs no bound.
	db.reader, err = orm.Open(sqlite.NewDialector(reader), cfg.SlowQuery, log)
	return db, err
}

func openPostgres(cfg Config, log *zap.Logger) (*DB, error) {
	conns, err := postgres.OpenPool(postgres.Config{URL: cfg.URL, Settings: cfg.settings()})
	if err != nil {
		return nil, err
	}
	db := &DB{engine: Postgres, cfg: cfg, log: log, pools: []*sql.DB{conns}}
	db.writer, err = orm.Open(postgres.NewDialector(conns, cfg.PoolSize, cfg.AcquireTimeout), cfg.SlowQuery, log)
	db.reader = db.writer
	if err != nil {
		return db, err
	}
	db.replicas, err = replica.Open(replica.Config{
		URLs: cfg.ReplicaURLs, MaxLag: cfg.ReplicaMaxLag, Settings: cfg.settings(),
		PoolSize: cfg.PoolSize, AcquireTimeout: cfg.AcquireTimeout, SlowQuery: cfg.SlowQuery,
	}, cfg.URL, db.writer, log)
	return db, err
}

// OpenInMemory opens a SQLite store in memory and applies the migrations. It contains only the rows that they insert.
func OpenInMemory(ctx context.Context, m Migrations) (*DB, error) {
	conns, err := sql.Open("sqlite", "file::memory:?_foreign_keys=1&_dqs=0")
	if err != nil {
		return nil, err
	}
	conns.SetMaxOpenConns(1) // each connection has its own database
	db := &DB{engine: SQLite, log: zap.NewNop(), pools: []*sql.DB{conns}}
	if db.writer, err = orm.Open(sqlite.NewDialector(conns), 0, db.log); err != nil {
		return nil, err
	}
	db.reader = db.writer
	_, err = db.Migrate(ctx, m)
	return db, err
}

// Engine returns the kind of the store.
func (db *DB) Engine() Engine { return db.engine }

// Replicas returns the configured replicas, nil without any.
func (db *DB) Replicas() *replica.Set { return db.replicas }

// Location describes the store for people, with every server of a list of hosts and without a password.
func (db *DB) Location() string {
	if db.engine == SQLite {
		return fmt.Sprintf("%s (%s)", db.engine, db.cfg.Path)
	}
	servers, err := postgres.Describe(db.cfg.URL)
	if err != nil {
		return db.engine.String()
	}
	return fmt.Sprintf("%s (%s)", db.engine, servers)
}

// Connect connects to the store. It retries with growing pauses until ConnectTimeout has passed or an error is
// permanent. Errors: that of the last attempt, with the location of the store.
func (db *DB) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.ConnectTimeout)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := db.Ping(ctx)
		if err != nil {
			err = fmt.Errorf("%s: %w", db.Location(), err)
		} else if db.cfg.Existing {
			err = db.requireTables(ctx)
		}
		if err == nil || !errors.As(err, new(*errs.Error)) {
			return err // nil, or permanent: a wrong password, a missing database, a file of another format
		}
		db.log.Warn("the database is not reachable yet", zap.Error(err), logging.Milliseconds("next_try_in_ms", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// Ping verifies that every pool has a working connection. Errors: errs.Unavailable; a permanent error.
func (db *DB) Ping(ctx context.Context) error {
	for _, conns := range db.pools {
		if err := conns.PingContext(ctx); err != nil {
			return fault.Explain(err)
		}
	}
	return nil
}

// Close closes every connection.
func (db *DB) Close() error {
	failed := []error{db.replicas.Close()}
	for _, conns := range db.pools {
		failed = append(failed, conns.Close())
	}
	return errors.Join(failed...)
}

type primaryKey struct{}

// FromPrimary returns ctx for queries that must see every committed row: Read returns no replica.
func FromPrimary(ctx context.Context) context.Context {
	return context.WithValue(ctx, primaryKey{}, true)
}

// Read returns a handle for queries: the transaction if one is open in ctx, else the replica that ctx may read from
// (replica.Set.Reading), else the reader.
func (db *DB) Read(ctx context.Context) *gorm.DB {
	if tx := db.openTx(ctx); tx != nil {
		return tx.WithContext(ctx)
	}
	if err := db.CheckContext(ctx); err != nil {
		return failing(db.reader.WithContext(ctx), err)
	}
	if ctx.Value(primaryKey{}) == nil {
		if q := db.replicas.Reader(ctx); q != nil {
			return q
		}
	}
	return db.reader.WithContext(ctx)
}

// Write returns a handle for changes: the transaction if one is open in ctx, else the writer, where each statement is a
// separate transaction.
func (db *DB) Write(ctx context.Context) *gorm.DB {
	if tx := db.openTx(ctx); tx != nil {
		return tx.WithContext(ctx)
	}
	if err := db.CheckContext(ctx); err != nil {
		return failing(db.writer.WithContext(ctx), err)
	}
	return db.writer.WithContext(ctx)
}

// failing returns q in a state in which every statement fails with err.
func failing(q *gorm.DB, err error) *gorm.DB {
	_ = q.AddError(err)
	return q
}
