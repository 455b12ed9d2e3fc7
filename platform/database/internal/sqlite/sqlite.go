// Package sqlite connects GORM to SQLite with modernc's driver: addresses, a dialector, and connections that cache
// their prepared statements.
package sqlite

import (
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"

	"healthcare/platform/database/internal/fault"
)

// CreatePrivately creates the file and its folder with access for the owner only, before SQLite opens the file: SQLite
// creates the WAL with the mode of the file.
func CreatePrivately(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own configuration
	if err != nil {
		return err
	}
	return f.Close()
}

// Addresses returns the addresses of a database file for the only writer and for the readers.
func Addresses(path string, lockTimeout time.Duration) (writer, reader string) {
	address := func(more url.Values) string {
		more.Set("_foreign_keys", "1")
		more.Set("_synchronous", "FULL") // medical data: an acknowledged write survives a power cut (TRUST.md X19)
		return Address(path, max(lockTimeout, 5*time.Second), more)
	}
	writer = address(url.Values{
		"_journal_mode": {"WAL"}, "_txlock": {"immediate"},
		"_pragma": {"temp_store(memory)"}, // otherwise statement journals are files
	})
	return writer, address(url.Values{"_query_only": {"1"}})
}

// Address returns the address of a database file with the settings of every connection and the parameters in more.
func Address(path string, lockTimeout time.Duration, more url.Values) string {
	more.Set("_busy_timeout", strconv.FormatInt(lockTimeout.Milliseconds(), 10))
	more.Set("_timezone", "UTC")
	more.Set("_defensive", "1")
	more.Set("_dqs", "0") // a misspelt column is an error, not a string
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: more.Encode()}).String()
}

// Name is the name of the dialector.
const Name = "sqlite"

// NewDialector returns GORM's dialector for SQLite over modernc's driver. Existing dialectors need cgo, or ignore
// _txlock and cancelled contexts.
func NewDialector(conns gorm.ConnPool) gorm.Dialector { return dialector{conns} }

type dialector struct{ conns gorm.ConnPool }

func (dialector) Name() string { return Name }

// Initialize implements gorm.Dialector.
func (d dialector) Initialize(db *gorm.DB) error {
	db.ConnPool = d.conns
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{
		CreateClauses:        []string{"INSERT", "VALUES", "ON CONFLICT", "RETURNING"},
		UpdateClauses:        []string{"UPDATE", "SET", "FROM", "WHERE", "RETURNING"},
		DeleteClauses:        []string{"DELETE", "FROM", "WHERE", "RETURNING"},
		LastInsertIDReversed: true,
	})
	// A writing transaction locks the whole database from its start, so that SQLite needs no row locks, and has no
	// syntax for them.
	db.ClauseBuilders["FOR"] = func(clause.Clause, clause.Builder) {}
	return nil
}

// Migrator implements gorm.Dialector. AutoMigrate is not used: migrations are SQL files.
func (d dialector) Migrator(db *gorm.DB) gorm.Migrator {
	return migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d}}
}

func (dialector) DataTypeOf(field *schema.Field) string { return string(field.DataType) }

func (dialector) DefaultValueOf(*schema.Field) clause.Expression { return clause.Expr{SQL: "NULL"} }

// BindVarTo writes a placeholder. It rejects texts that PostgreSQL rejects and SQLite would store (TRUST.md X14).
func (dialector) BindVarTo(writer clause.Writer, stmt *gorm.Statement, v any) {
	_ = writer.WriteByte('?')
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		if s := text.String(); strings.Contains(s, "\x00") || !utf8.ValidString(s) {
			_ = stmt.AddError(fault.Rejected("sqlite: text with NUL, or not in UTF-8"))
		}
	}
}

// QuoteTo writes an identifier, part by part (patients.id -> "patients"."id").
func (dialector) QuoteTo(writer clause.Writer, name string) {
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

// Explain returns the statement for the log, with its placeholders and no values.
func (dialector) Explain(sql string, _ ...any) string { return sql }

// Translate implements gorm.ErrorTranslator.
func (dialector) Translate(err error) error { return fault.Explain(err) }
