package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"healthcare/platform/errs"
)

// Fault is what the store refused, with nothing in it but what may be logged: no row contents (PostgreSQL puts them into Detail and, for data
// exceptions, into Message) and no parameters.
type Fault struct {
	text       string
	constraint string // the violated constraint's name
	transient  bool   // the transaction was undone; running it again may succeed
	referred   bool   // a foreign key was violated
	full       bool   // no space is left
}

func (f *Fault) Error() string { return f.text }

// Violates reports whether err is a violation of the constraint of that name, on either engine. SQLite does not tell a foreign
// key's name: check inside the transaction that inserts (its transactions are serial), and let PostgreSQL's name catch the race.
func Violates(err error, constraint string) bool {
	var f *Fault
	return errors.As(err, &f) && f.constraint != "" && f.constraint == constraint
}

var (
	errUnavailable = errs.New(errs.Unavailable, "unavailable", "The service cannot reach its store right now. Try again shortly.")
	errFull        = errs.New(errs.Unavailable, "unavailable", "The service's store has no space left. Try again later.")
	errConflict    = errs.New(errs.Conflict, "conflict", "The request contradicts what is already stored.")
	errRefused     = errs.New(errs.Invalid, "validation_failed", "The store does not accept a value of the request.")
)

// unavailable carries when to come back, which every 503 says (RFC 9110, section 10.2.3).
func unavailable(cause error) error {
	e := errUnavailable.Because(cause)
	if full(cause) {
		e = errFull.Because(cause)
	}
	e.RetryAfter = time.Second
	return e
}

// Explain is explain for who speaks to a driver without GORM: what moves whole stores.
func Explain(err error) error { return explain(err) }

// explain turns a driver's error into one of the house's kinds (README.md, "Errors of the store"). What it does not know stays as it is, so Internal.
func explain(err error) error {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	var misfit pgx.ScanArgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		return explainPostgres(pg)
	case errors.As(err, &lite):
		return explainSQLite(lite)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err), errors.Is(err, pgconn.ErrConnClosed), errors.As(err, new(net.Error)), errors.As(err, new(*pgconn.ConnectError)):
		return unavailable(err)
	case strings.Contains(err.Error(), "failed to encode args["): // pgx's own refusal has no type, and quotes the value
		return errRefused.Because(&Fault{text: "postgres: a value does not fit its column"})
	case errors.As(err, &misfit): // its cause may quote what is stored
		return &Fault{text: fmt.Sprintf("postgres: column name %q: it does not hold what it should", misfit.FieldName)}
	case strings.HasPrefix(err.Error(), "sql: Scan error on column"): // nor has this, which quotes what is stored after the column's name
		column, _, _ := strings.Cut(err.Error(), `": `)
		return &Fault{text: column + `": it does not hold what it should`}
	}
	return err
}

// readOnly is the SQLSTATE of a write on a server that is no primary any more, or whose disk is full and was made read-only.
const readOnly = "25006"

// explainPostgres sorts by SQLSTATE (PostgreSQL manual, appendix A).
func explainPostgres(pg *pgconn.PgError) error {
	f := &Fault{text: fmt.Sprintf("postgres: SQLSTATE %s", pg.Code), constraint: pg.ConstraintName}
	if f.constraint != "" {
		f.text += " on constraint " + f.constraint
	}
	class := pg.Code[:min(2, len(pg.Code))]
	if class != "22" && class != "23" && class != "P0" { // the messages of the first two quote values, those of triggers may
		f.text += ": " + pg.Message
	}
	f.referred, f.full = pg.Code == "23503" || pg.Code == "23001", pg.Code == "53100"
	switch {
	case pg.Code == "40001", pg.Code == "40P01", pg.Code == "55P03", outdated(pg): // serialisation, deadlock, lock timeout, a migration meanwhile
		f.transient = true
		return unavailable(f)
	case class == "08", class == "53", class == "57", pg.Code == "25P03", pg.Code == readOnly: // connection, resources, operator, idle in transaction
		return unavailable(f)
	case pg.Code == "23505", pg.Code == "23503", pg.Code == "23001", pg.Code == "23P01": // unique, foreign key, restrict, exclusion
		return errConflict.Because(f)
	case class == "22", class == "23": // data exceptions, check, not null
		return errRefused.Because(f)
	}
	return f
}

// explainSQLite sorts by primary result code; the extended code is its upper bytes (sqlite.org/rescode.html).
func explainSQLite(lite *sqlite.Error) error {
	f := &Fault{text: "sqlite: " + lite.Error(), full: lite.Code()&0xff == sqlite3.SQLITE_FULL}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		f.transient = true
		return unavailable(f)
	case sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM:
		return unavailable(f)
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return errRefused.Because(f)
	case sqlite3.SQLITE_CONSTRAINT:
		f.constraint, f.referred = sqliteConstraint(lite), lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return errConflict.Because(f)
		}
		return errRefused.Because(f)
	}
	return f
}

var (
	uniqueColumns = regexp.MustCompile(`UNIQUE constraint failed: (\w+\.\w+(?:, \w+\.\w+)*)`)
	namedFailure  = regexp.MustCompile(`(?:CHECK constraint failed: |index ')(\w+)`)
)

// sqliteConstraint gives a violation the name that PostgreSQL gives it by default: SQLite names the columns of a unique
// constraint ("users.mailbox") and of a primary key, and only a CHECK and an index on expressions by their names.
func sqliteConstraint(lite *sqlite.Error) string {
	if m := uniqueColumns.FindStringSubmatch(lite.Error()); m != nil {
		var name string
		for i, column := range strings.Split(m[1], ", ") {
			table, column, _ := strings.Cut(column, ".")
			if lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
				return table + "_pkey"
			}
			if i == 0 {
				name = table
			}
			name += "_" + column
		}
		return name + "_key"
	}
	if m := namedFailure.FindStringSubmatch(lite.Error()); m != nil {
		return m[1]
	}
	return ""
}
