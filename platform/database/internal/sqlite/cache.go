package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"regexp"

	"modernc.org/sqlite" // SQLite in Go, so that the binary stays static
)

// OpenCached opens a pool whose connections cache their prepared statements. Without the cache, SQLite would parse and
// plan each statement each time, which is a third of the time of a small query.
func OpenCached(address string) *sql.DB { return sql.OpenDB(connector(address)) }

// connector is the address of a database; it implements driver.Connector.
type connector string

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(string(c))
	if err != nil {
		return nil, err
	}
	return &cachingConn{sqliteConn: conn.(sqliteConn), cached: map[string]*cachedStatement{}}, nil
}

// Driver implements driver.Connector.
func (connector) Driver() driver.Driver { return new(sqlite.Driver) }

// sqliteConn is the method set of the driver's connections.
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

// cachingConn is a connection with a cache of prepared statements. Like every driver.Conn, it is not safe for
// concurrent use.
type cachingConn struct {
	sqliteConn
	cached map[string]*cachedStatement
}

type cachedStatement struct {
	driver.Stmt
	busy bool // its rows are being read
}

// Limits of a connection's cache. A full cache evicts all idle statements.
const (
	maxStatements     = 256
	maxStatementBytes = 4096
)

// cacheable matches the statements that are cached. Other statements change the meaning of cached ones, or are scripts.
var cacheable = regexp.MustCompile(`^\s*(?i:SELECT|INSERT|UPDATE|DELETE)\b`)

// prepared returns the cached statement of text. It returns nil if the statement is not cacheable, or if rows of an
// earlier execution are still being read.
func (c *cachingConn) prepared(ctx context.Context, text string) (*cachedStatement, error) {
	if s := c.cached[text]; s != nil {
		if s.busy {
			return nil, nil //nolint:nilnil // see above
		}
		return s, nil
	}
	if len(text) > maxStatementBytes || !cacheable.MatchString(text) {
		return nil, nil //nolint:nilnil // see above
	}
	statement, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if len(c.cached) >= maxStatements {
		c.evictIdle()
	}
	s := &cachedStatement{Stmt: statement}
	c.cached[text] = s
	return s, nil
}

// evictIdle closes all statements whose rows are not being read.
func (c *cachingConn) evictIdle() {
	for text, s := range c.cached {
		if !s.busy {
			_ = s.Close()
			delete(c.cached, text)
		}
	}
}

// ExecContext implements driver.ExecerContext.
func (c *cachingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
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
func (c *cachingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
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
	return &cachedRows{rows.(sqliteRows), s}, nil
}

// Close implements driver.Conn.
func (c *cachingConn) Close() error {
	for _, s := range c.cached {
		_ = s.Close()
	}
	return c.sqliteConn.Close()
}

// sqliteRows is the set of methods of the driver's rows that database/sql uses.
type sqliteRows interface {
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
}

// cachedRows are the rows of a cached statement. Closing them makes the statement idle.
type cachedRows struct {
	sqliteRows
	statement *cachedStatement
}

// Close implements driver.Rows.
func (r *cachedRows) Close() error {
	defer func() { r.statement.busy = false }()
	return r.sqliteRows.Close()
}
