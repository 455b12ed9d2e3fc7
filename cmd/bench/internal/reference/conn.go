package reference

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"healthcare/platform/database"
)

// Open returns the store of a reference, with as many connections as the service: pgx, or database/sql with the
// service's settings of SQLite; with throughGORM both through the service's configuration of GORM.
func Open(ctx context.Context, cfg database.Config, throughGORM bool) (Store, error) {
	if throughGORM {
		db, err := database.Open(cfg, zap.NewNop())
		if err != nil {
			return nil, err
		}
		return mapped{db}, errors.Join(db.Connect(ctx), ownQuery(db.Read(ctx)), ownQuery(db.Write(ctx)))
	}
	if cfg.URL == "" {
		return openSQLite(cfg)
	}
	pool, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("not a PostgreSQL address")
	}
	pool.MaxConns = int32(cfg.PoolSize)                       //nolint:gosec // config bounds it
	pool.ConnConfig.RuntimeParams["client_encoding"] = "UTF8" // as in the service
	open, err := pgxpool.NewWithConfig(ctx, pool)
	return plain{pooled{open}, pooled{open}}, err
}

func openSQLite(cfg database.Config) (Store, error) {
	write, read := cfg.Addresses()
	writer, failed := sql.Open("sqlite", write)
	reader, err := sql.Open("sqlite", read)
	if err := errors.Join(failed, err); err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	reader.SetMaxOpenConns(cfg.PoolSize)
	reader.SetMaxIdleConns(cfg.PoolSize)
	return plain{standard{reader}, standard{writer}}, nil
}

// ownQuery restores GORM's own reading of rows, which the service replaces by a faster one.
func ownQuery(handle *gorm.DB) error {
	return handle.Callback().Query().Replace("gorm:query", callbacks.Query)
}

// pgxConn is a pool or a transaction.
type pgxConn interface {
	Query(ctx context.Context, statement string, values ...any) (pgx.Rows, error)
	Exec(ctx context.Context, statement string, values ...any) (pgconn.CommandTag, error)
	Begin(ctx context.Context) (pgx.Tx, error)
}

type pooled struct{ pgxConn }

func (p pooled) query(ctx context.Context, each func(rows) error, statement string, values ...any) error {
	found, err := p.Query(ctx, statement, values...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := each(found); err != nil {
			return err
		}
	}
	return found.Err()
}

func (p pooled) exec(ctx context.Context, statement string, values ...any) error {
	_, err := p.Exec(ctx, statement, values...)
	return err
}

func (p pooled) inTransaction(ctx context.Context, do func(conn) error) error {
	return pgx.BeginFunc(ctx, p, func(tx pgx.Tx) error { return do(pooled{tx}) })
}

func (pooled) forUpdate() string { return " FOR UPDATE" }

// sqlConn is a pool or a transaction.
type sqlConn interface {
	QueryContext(ctx context.Context, statement string, values ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, statement string, values ...any) (sql.Result, error)
}

type standard struct{ sqlConn }

func (s standard) query(ctx context.Context, each func(rows) error, statement string, values ...any) error {
	found, err := s.QueryContext(ctx, statement, values...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := each(found); err != nil {
			return err
		}
	}
	return found.Err()
}

func (s standard) exec(ctx context.Context, statement string, values ...any) error {
	_, err := s.ExecContext(ctx, statement, values...)
	return err
}

func (s standard) inTransaction(ctx context.Context, do func(conn) error) error {
	tx, err := s.sqlConn.(*sql.DB).BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(standard{tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (standard) forUpdate() string { return "" }
