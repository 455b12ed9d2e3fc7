package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"regexp"

	"modernc.org/sqlite" // SQLite in Go, so that the binary stays static
)

// openKept opens a pool whose connections keep the statements that they have prepared: SQLite would parse and plan each of them each time, which is a third
// of a small query.
func openKept(dsn string) *sql.DB { return sql.OpenDB(keeping(dsn)) }

// keeping is the address of a database.
type keeping string

// Connect implements driver.Connector.
func (dsn keeping) Connect(context.Context) (driver.Conn, error) {
	conn, err := dsn.Driver().Open(string(dsn))
	if err != nil {
		return nil, err
	}
	return &keptConn{sqliteConn: conn.(sqliteConn), kept: map[string]*keptStatement{}}, nil
}

// Driver implements driver.Connector.
func (keeping) Driver() driver.Driver { return new(sqlite.Driver) }

// sqliteConn is what a connection of the driver can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keptConn is a connection, which one goroutine uses at a time.
type keptConn struct {
	sqliteConn
	kept map[string]*keptStatement
}

type keptStatement struct {
	driver.Stmt
	busy bool // its rows are being read
}

// What a connection keeps: so many statements of up to so many bytes. When there are more it begins again.
const (
	keptStatements = 256
	keptBytes      = 4096
)

// keepable are statements that come again. Others change what statements mean, or are scripts.
var keepable = regexp.MustCompile(`^\s*(?i:SELECT|INSERT|UPDATE|DELETE)\b`)

// prepared is the statement, kept; nil when it is not one to keep, or is being read by somebody who now asks the same in between.
func (c *keptConn) prepared(ctx context.Context, text string) (*keptStatement, error) {
	if s := c.kept[text]; s != nil {
		if s.busy {
			return nil, nil //nolint:nilnil // as the comment says
		}
		return s, nil
	}
	if len(text) > keptBytes || !keepable.MatchString(text) {
		return nil, nil //nolint:nilnil // likewise
	}
	made, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if len(c.kept) >= keptStatements {
		c.forget()
	}
	s := &keptStatement{Stmt: made}
	c.kept[text] = s
	return s, nil
}

// forget lets go of all statements that nobody reads.
func (c *keptConn) forget() {
	for text, s := range c.kept {
		if !s.busy {
			_ = s.Close()
			delete(c.kept, text)
		}
	}
}

// ExecContext implements driver.ExecerContext.
func (c *keptConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, text, args)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (c *keptConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, text, args)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &keptRows{rows.(sqliteRows), s}, nil
}

// Close implements driver.Conn.
func (c *keptConn) Close() error {
	for _, s := range c.kept {
		_ = s.Close()
	}
	return c.sqliteConn.Close()
}

// sqliteRows is what rows of the driver can do that somebody asks for.
type sqliteRows interface {
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
}

// keptRows give their statement back.
type keptRows struct {
	sqliteRows
	of *keptStatement
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	defer func() { r.of.busy = false }()
	return r.sqliteRows.Close()
}
