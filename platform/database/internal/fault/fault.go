// Package fault translates errors of the database drivers into errors that are safe to log and to send to clients.
package fault

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

// Error is an error of the database. Its text contains neither parameters nor row contents, which PostgreSQL quotes in
// Detail and, for data exceptions, in Message.
type Error struct {
	Text       string
	Constraint string // the name of the violated constraint
	Transient  bool   // the transaction was rolled back; running it again may succeed
	ForeignKey bool   // a foreign key was violated
	Full       bool   // no space is left
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// UnusableError reports a store that this release cannot use until an operator changes it. A retry is pointless.
type UnusableError struct{ text string }

// Error implements error.
func (e *UnusableError) Error() string { return e.text }

// Unusable returns an *UnusableError.
func Unusable(format string, args ...any) error { return &UnusableError{fmt.Sprintf(format, args...)} }

var (
	errUnavailable = errs.New(errs.Unavailable, "unavailable",
		"The service cannot reach its store right now. Try again shortly.")
	errFull = errs.New(errs.Unavailable, "unavailable",
		"The service's store has no space left. Try again later.")
	errConflict = errs.New(errs.Conflict, "conflict", "The request contradicts what is already stored.")
	errRejected = errs.New(errs.Invalid, "validation_failed", "The store does not accept a value of the request.")
)

// Unavailable returns an errs.Unavailable with a RetryAfter, which every 503 response contains (RFC 9110, section
// 10.2.3).
func Unavailable(cause error) error {
	e := errUnavailable.Because(cause)
	if IsFull(cause) {
		e = errFull.Because(cause)
	}
	e.RetryAfter = time.Second
	return e
}

// Rejected returns an errs.Invalid for a value that the store does not accept.
func Rejected(text string) error { return errRejected.Because(&Error{Text: text}) }

// Violates reports whether err is a violation of the constraint of that name.
func Violates(err error, constraint string) bool {
	var f *Error
	return errors.As(err, &f) && f.Constraint != "" && f.Constraint == constraint
}

// IsFull reports whether the store has no space left.
func IsFull(err error) bool {
	var f *Error
	return errors.As(err, &f) && f.Full
}

// IsTransient reports whether the store rolled the transaction back and running it again may succeed.
func IsTransient(err error) bool {
	var f *Error
	return errors.As(err, &f) && f.Transient
}

// Explain translates a driver's error into one of package errs (TRUST.md 3.6). It returns unknown errors unchanged, so
// that they are Internal.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	var lite *sqlite.Error
	var misfit pgx.ScanArgError
	switch {
	case errors.As(err, &pg):
		return explainPostgres(pg)
	case errors.As(err, &lite):
		return explainSQLite(lite)
	case isConnection(err):
		return Unavailable(err)
	case strings.Contains(err.Error(), "failed to encode args["): // pgx's own error has no type, and quotes the value
		return Rejected("postgres: a value does not fit its column")
	case errors.As(err, &misfit): // its cause may quote a stored value
		return &Error{
			Text: fmt.Sprintf("postgres: column name %q: a stored value does not fit its field", misfit.FieldName),
		}
	case strings.HasPrefix(err.Error(), "sql: Scan error on column"): // quotes a value after the column
		column, _, _ := strings.Cut(err.Error(), `": `)
		return &Error{Text: column + `": a stored value does not fit its field`}
	}
	return err
}

// isConnection reports whether err is an error of the connection, or a timeout or cancellation of a statement.
func isConnection(err error) bool {
	for _, known := range []error{
		context.DeadlineExceeded, context.Canceled, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return pgconn.SafeToRetry(err) || errors.As(err, new(net.Error)) || errors.As(err, new(*pgconn.ConnectError))
}

// ReadOnly is the SQLSTATE of a write to a server that is no longer the primary, or whose disk is read-only because it
// is full.
const ReadOnly = "25006"

// IsOutdated reports whether the server rejected, before running it, a statement that was prepared on this connection:
// a migration has changed the type of its result (0A000, "cached plan must not change result type"), or the statement
// no longer exists (26000).
func IsOutdated(err error) bool {
	pg, is := errors.AsType[*pgconn.PgError](err)
	return is && (pg.Code == "26000" || pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery")
}

// explainPostgres classifies an error by its SQLSTATE (PostgreSQL manual, appendix A).
func explainPostgres(pg *pgconn.PgError) error {
	f := &Error{Text: fmt.Sprintf("postgres: SQLSTATE %s", pg.Code), Constraint: pg.ConstraintName}
	if f.Constraint != "" {
		f.Text += " on constraint " + f.Constraint
	}
	class := pg.Code[:min(2, len(pg.Code))]
	if class != "22" && class != "23" && class != "P0" { // messages of 22 and 23 quote values; messages of triggers may
		f.Text += ": " + pg.Message
	}
	f.ForeignKey, f.Full = pg.Code == "23503" || pg.Code == "23001", pg.Code == "53100"
	switch {
	case pg.Code == "3D000": // the database does not exist
		return Unusable("%s: create it, or correct its address", f.Text)
	case pg.Code == "28000", pg.Code == "28P01": // unknown role, wrong password
		return Unusable(
			"%s: correct the role and the password in the database's address, or the server's pg_hba.conf", f.Text)
	case pg.Code == "40001", pg.Code == "40P01", pg.Code == "55P03", IsOutdated(pg):
		f.Transient = true // serialisation failure, deadlock, lock timeout, concurrent migration
		return Unavailable(f)
	case class == "08", class == "53", class == "57", pg.Code == "25P03", pg.Code == ReadOnly:
		return Unavailable(f) // connection, resources, operator intervention, idle in transaction, read-only
	case pg.Code == "23505", pg.Code == "23503", pg.Code == "23001", pg.Code == "23P01":
		return errConflict.Because(f) // unique, foreign key, restrict, exclusion
	case class == "22", class == "23": // data exceptions, check, not null
		return errRejected.Because(f)
	}
	return f
}

// explainSQLite classifies an error by its primary result code, which is the lowest byte of the extended code
// (sqlite.org/rescode.html).
func explainSQLite(lite *sqlite.Error) error {
	f := &Error{Text: "sqlite: " + lite.Error(), Full: lite.Code()&0xff == sqlite3.SQLITE_FULL}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		f.Transient = true
		return Unavailable(f)
	case sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM:
		return Unavailable(f)
	case sqlite3.SQLITE_NOTADB:
		return Unusable("%s: restore it from a backup, or correct DATA_DIR", f.Text)
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return errRejected.Because(f)
	case sqlite3.SQLITE_CONSTRAINT:
		f.Constraint, f.ForeignKey = sqliteConstraint(lite), lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
			sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return errConflict.Because(f)
		case sqlite3.SQLITE_CONSTRAINT_TRIGGER:
			if f.Constraint != "" { // an exclusion
				return errConflict.Because(f)
			}
		}
		return errRejected.Because(f)
	}
	return f
}

var (
	uniqueColumns = regexp.MustCompile(`UNIQUE constraint failed: (\w+\.\w+(?:, \w+\.\w+)*)`)
	namedFailure  = regexp.MustCompile(`(?:CHECK constraint failed: |index ')(\w+)`)
	exclusion     = regexp.MustCompile(`^constraint failed: (\w+_excl) \(\d+\)$`)
)

// sqliteConstraint returns the name that PostgreSQL gives the violated constraint by default. SQLite reports the
// columns of a unique constraint ("users.mailbox") or of a primary key. It reports names only of CHECKs and of indexes
// on expressions. SQLite has no exclusion constraints: triggers raise their names, which end in _excl.
func sqliteConstraint(lite *sqlite.Error) string {
	if lite.Code() == sqlite3.SQLITE_CONSTRAINT_TRIGGER {
		if m := exclusion.FindStringSubmatch(lite.Error()); m != nil {
			return m[1]
		}
		return ""
	}
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
