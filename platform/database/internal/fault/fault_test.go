package fault_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/errs"
)

// TestExplainPostgres verifies the table of errors in platform/database/README.md. PostgreSQL's errors quote row
// contents here, which the translated errors must not contain.
func TestExplainPostgres(t *testing.T) {
	const canary = "canary-7d1f"
	for _, c := range []struct {
		sqlstate  string
		kind      errs.Kind
		transient bool
	}{
		{"23505", errs.Conflict, false}, {"23503", errs.Conflict, false}, {"23001", errs.Conflict, false},
		{"23P01", errs.Conflict, false},
		{"23514", errs.Invalid, false}, {"23502", errs.Invalid, false},
		{"22001", errs.Invalid, false}, {"22003", errs.Invalid, false}, {"22007", errs.Invalid, false},
		{"22021", errs.Invalid, false}, {"22P02", errs.Invalid, false},
		{"40001", errs.Unavailable, true}, {"40P01", errs.Unavailable, true}, {"55P03", errs.Unavailable, true},
		{"08006", errs.Unavailable, false}, {"53300", errs.Unavailable, false}, {"53100", errs.Unavailable, false},
		{"57014", errs.Unavailable, false},
		{"57P01", errs.Unavailable, false}, {"57P03", errs.Unavailable, false}, {"25P03", errs.Unavailable, false},
		{"25006", errs.Unavailable, false},
		{"42703", errs.Internal, false},
		{"XX000", errs.Internal, false}, {"", errs.Internal, false},
	} {
		t.Run(fmt.Sprintf("%q is of kind %d", c.sqlstate, c.kind), func(t *testing.T) {
			cause := &pgconn.PgError{
				Severity: "ERROR", Code: c.sqlstate, Detail: canary, Hint: canary, Where: canary,
				InternalQuery: canary, DataTypeName: canary,
				ConstraintName: "patients_age_check", TableName: "patients",
			}
			if class := c.sqlstate; len(class) > 2 && (class[:2] == "22" || class[:2] == "23") {
				cause.Message = canary // only messages of these classes may quote a value
			}
			err := fault.Explain(fmt.Errorf("exec: %w", cause))
			require.Equal(t, c.kind, errs.KindOf(err))
			require.Equal(t, c.transient, fault.IsTransient(err))
			require.True(t, fault.Violates(err, "patients_age_check"))
			require.NotErrorAs(t, err, new(*pgconn.PgError), "PostgreSQL's error is not passed on")
			require.Contains(t, err.Error(), "SQLSTATE "+c.sqlstate)
			for ; err != nil; err = errors.Unwrap(err) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
			}
		})
	}
}

func TestWrongAddressesOfPostgresAreUnusable(t *testing.T) {
	const role = "correct the role and the password in the database's address, or the server's pg_hba.conf"
	for code, c := range map[string]struct{ message, remedy string }{
		"3D000": {`database "100%s" does not exist`, "create it, or correct its address"},
		"28000": {`role "100%s" does not exist`, role},
		"28P01": {`password authentication failed for user "100%s"`, role},
	} {
		err := fault.Explain(fmt.Errorf("connect: %w", &pgconn.PgError{
			Severity: "FATAL", Code: code, Message: c.message,
		}))
		require.ErrorAs(t, err, new(*fault.UnusableError))
		require.Equal(t, errs.Internal, errs.KindOf(err))
		require.EqualError(t, err, "postgres: SQLSTATE "+code+": "+c.message+": "+c.remedy)
	}
}

func TestExplainConnectionErrors(t *testing.T) {
	for name, err := range map[string]error{
		"a deadline that passed":          context.DeadlineExceeded,
		"a cancelled caller":              context.Canceled,
		"a bad connection":                driver.ErrBadConn,
		"a closed connection":             sql.ErrConnDone,
		"a transaction that is over":      sql.ErrTxDone,
		"a truncated response":            io.ErrUnexpectedEOF,
		"the end of a connection":         io.EOF,
		"a socket that is closed":         net.ErrClosed,
		"a host that cannot be reached":   &net.OpError{Op: "dial", Err: errors.New("no route")},
		"a name that cannot be looked up": &net.DNSError{Err: "no such host"},
	} {
		t.Run(name+" is unavailable, and not transient", func(t *testing.T) {
			explained := fault.Explain(fmt.Errorf("query: %w", err))
			require.Equal(t, errs.Unavailable, errs.KindOf(explained))
			require.ErrorIs(t, explained, err, "the cause is logged")
			require.False(t, fault.IsTransient(explained))
			require.False(t, fault.Violates(explained, ""))
		})
	}
	t.Run("returns unknown errors and nil unchanged", func(t *testing.T) {
		require.Same(t, sql.ErrNoRows, fault.Explain(sql.ErrNoRows))
		require.NoError(t, fault.Explain(nil))
	})
}
