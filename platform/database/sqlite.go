package database

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
)

func openSQLite(cfg Config, log *zap.Logger) (*DB, error) {
	if err := createPrivately(cfg.Path); err != nil {
		return nil, err
	}
	write, read := cfg.Addresses()
	writer, reader := openKept(write), openKept(read)
	reader.SetMaxOpenConns(cfg.PoolSize)
	reader.SetMaxIdleConns(cfg.PoolSize)
	db := &DB{engine: SQLite, cfg: cfg, log: log, pools: []*sql.DB{writer, reader}} // the writer's first use creates the file in WAL
	// SQLite has one writer; a queue in Go is fairer than its busy loop.
	var err error
	if db.writer, err = gormOver(sqliteDialector{newBounded(writer, 1, cfg.AcquireTimeout)}, cfg, log); err != nil {
		return nil, err
	}
	db.reader, err = gormOver(sqliteDialector{reader}, cfg, log) // a file's reads do not hang: nobody waits long for one of them
	return db, err
}

// Pristine is a SQLite store in memory that holds what migrations alone put into an empty one, so that this can be told from what people did.
func Pristine(ctx context.Context, m Migrations) (*DB, error) {
	pool, err := sql.Open("sqlite", "file::memory:?_foreign_keys=1&_dqs=0")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1) // another connection would be another database
	db := &DB{engine: SQLite, log: zap.NewNop(), pools: []*sql.DB{pool}}
	if db.writer, err = gormOver(sqliteDialector{pool}, db.cfg, db.log); err != nil {
		return nil, err
	}
	db.reader = db.writer
	_, err = db.Migrate(ctx, m)
	return db, err
}

// createPrivately makes the file, and its folder, readable for their owner alone before SQLite opens it: the WAL beside it gets the file's mode.
func createPrivately(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own configuration
	if err != nil {
		return err
	}
	return f.Close()
}

// Addresses are SQLite's file as the driver opens it for its one writer and for readers.
func (cfg Config) Addresses() (writer, reader string) {
	writer = sqliteDSN(cfg, url.Values{
		"_journal_mode": {"WAL"}, "_txlock": {"immediate"},
		"_pragma": {"temp_store(memory)"}, // what undoes one statement of a transaction, if it fails, is written to a file otherwise
	})
	return writer, sqliteDSN(cfg, url.Values{"_query_only": {"1"}})
}

func sqliteDSN(cfg Config, more url.Values) string {
	more.Set("_busy_timeout", strconv.FormatInt(max(cfg.LockTimeout, 5*time.Second).Milliseconds(), 10))
	more.Set("_foreign_keys", "1")
	more.Set("_synchronous", "FULL") // medical data: an acknowledged write survives a power cut (X19)
	more.Set("_timezone", "UTC")
	more.Set("_defensive", "1")
	more.Set("_dqs", "0") // a misspelt column is an error, not a string
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(cfg.Path), RawQuery: more.Encode()}).String()
}

// sqliteDialector is what GORM needs to speak SQLite over modernc's driver. The ready-made dialectors need C, or ignore
// _txlock and context cancellation.
type sqliteDialector struct{ conn gorm.ConnPool }

func (sqliteDialector) Name() string { return string(SQLite) }

// Initialize implements gorm.Dialector.
func (d sqliteDialector) Initialize(db *gorm.DB) error {
	db.ConnPool = d.conn
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{
		CreateClauses:        []string{"INSERT", "VALUES", "ON CONFLICT", "RETURNING"},
		UpdateClauses:        []string{"UPDATE", "SET", "FROM", "WHERE", "RETURNING"},
		DeleteClauses:        []string{"DELETE", "FROM", "WHERE", "RETURNING"},
		LastInsertIDReversed: true,
	})
	// A writing transaction holds the whole database from its start: row locks have nothing to add, and no syntax.
	db.ClauseBuilders["FOR"] = func(clause.Clause, clause.Builder) {}
	return nil
}

// Migrator is GORM's generic one; AutoMigrate is banned, migrations are SQL files.
func (d sqliteDialector) Migrator(db *gorm.DB) gorm.Migrator {
	return migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d}}
}

func (sqliteDialector) DataTypeOf(field *schema.Field) string { return string(field.DataType) }

func (sqliteDialector) DefaultValueOf(*schema.Field) clause.Expression {
	return clause.Expr{SQL: "NULL"}
}

// BindVarTo writes a placeholder. Text that PostgreSQL refuses is refused here too: SQLite would keep it (X14).
func (sqliteDialector) BindVarTo(writer clause.Writer, stmt *gorm.Statement, v any) {
	_ = writer.WriteByte('?')
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		if s := text.String(); strings.Contains(s, "\x00") || !utf8.ValidString(s) {
			_ = stmt.AddError(errRefused.Because(&Fault{text: "sqlite: text with NUL, or not in UTF-8"}))
		}
	}
}

// QuoteTo writes an identifier, part by part (patients.id -> "patients"."id").
func (sqliteDialector) QuoteTo(writer clause.Writer, name string) {
	_ = writer.WriteByte('"')
	for _, c := range []byte(name) {
		switch c {
		case '"':
			_, _ = writer.WriteString(`""`)
		case '.':
			_, _ = writer.WriteString(`"."`)
		default:
			_ = writer.WriteByte(c)
		}
	}
	_ = writer.WriteByte('"')
}

// Explain is the statement for the log, its placeholders as they are: never a value.
func (sqliteDialector) Explain(sql string, _ ...any) string { return sql }

// Translate implements gorm.ErrorTranslator.
func (sqliteDialector) Translate(err error) error { return explain(err) }

// String is the engine's own spelling, for people.
func (e Engine) String() string {
	if e == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}
