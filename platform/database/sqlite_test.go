package database_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// sqliteAt returns the configuration of a SQLite store at path.
func sqliteAt(path string) database.Config {
	return database.Config{Path: path, PoolSize: 2, ConnectTimeout: 10 * time.Second, LockTimeout: 10 * time.Second}
}

func TestSQLitePragmas(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	writer, reader := db.Write(t.Context()), db.Read(t.Context())
	pragma := func(t *testing.T, connection *gorm.DB, name, want string) {
		t.Helper()
		var value string
		require.NoError(t, connection.Raw(`PRAGMA `+name).Scan(&value).Error)
		require.Equal(t, want, value, name)
	}
	t.Run("an acknowledged write survives a power cut", func(t *testing.T) {
		pragma(t, writer, "journal_mode", "wal")
		pragma(t, writer, "synchronous", "2")
	})
	t.Run("readers do not wait for the writer", func(t *testing.T) { pragma(t, reader, "journal_mode", "wal") })
	t.Run("foreign keys are enforced", func(t *testing.T) { pragma(t, writer, "foreign_keys", "1") })
	t.Run("the reader cannot write, the writer can", func(t *testing.T) {
		pragma(t, reader, "query_only", "1")
		pragma(t, writer, "query_only", "0")
	})
	t.Run("statements wait for locks", func(t *testing.T) {
		pragma(t, writer, "busy_timeout", "20000")
		pragma(t, reader, "busy_timeout", "20000")
	})
	t.Run("a write through Read fails, and changes nothing", func(t *testing.T) {
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		require.NoError(t, add(t.Context(), db, "a"))
		for _, statement := range []string{
			`DELETE FROM things`, `INSERT INTO things VALUES ('b', 0)`, `DROP TABLE things`,
		} {
			err := db.Read(t.Context()).Exec(statement).Error
			require.ErrorContains(t, err, "readonly")
			require.Equal(t, errs.Internal, errs.KindOf(err), "only a defect writes through Read")
		}
		require.Equal(t, []string{"a"}, things(t.Context(), t, db))
	})
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "data")
	db := openStore(t, sqliteAt(filepath.Join(folder, "healthcare.db")), zap.NewNop())
	require.NoError(t, db.Connect(t.Context()))
	exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)

	for _, path := range []string{folder, filepath.Dir(folder)} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), path)
	}
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 3, "the database, its write-ahead log and the log's index")
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
	}
}

func TestSQLitePaths(t *testing.T) {
	for _, name := range []string{"a b", "a%20b", "a?b", "a#b", "a&mode=memory", "ä+ö", "a'b"} {
		t.Run(name+" is a valid name, and its rows exist after a restart", func(t *testing.T) {
			t.Parallel()
			cfg := sqliteAt(filepath.Join(t.TempDir(), name, name+".db"))
			db := openStore(t, cfg, zap.NewNop())
			require.NoError(t, db.Connect(t.Context()))
			exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
			require.NoError(t, add(t.Context(), db, "a"))
			require.NoError(t, db.Close())

			info, err := os.Stat(cfg.Path)
			require.NoError(t, err)
			require.NotZero(t, info.Size(), "this file should have been written")
			require.Equal(t, []string{"a"}, things(t.Context(), t, openStore(t, cfg, zap.NewNop())))
		})
	}
	t.Run("that cannot be created are rejected", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := database.Open(sqliteAt(filepath.Join(file, "healthcare.db")), zap.NewNop())
		require.Error(t, err)
	})
	t.Run("of files of another format are rejected at once", func(t *testing.T) {
		cfg := sqliteAt(filepath.Join(t.TempDir(), "letter.txt"))
		letter := []byte("Dear Sir or Madam, this letter is longer than the first 100 bytes, the header of a database.")
		require.NoError(t, os.WriteFile(cfg.Path, append(letter, letter...), 0o600))
		start := time.Now()
		require.ErrorContains(t, openStore(t, cfg, zap.NewNop()).Connect(t.Context()), "not a database")
		require.Less(t, time.Since(start), cfg.ConnectTimeout/2)
	})
}

func TestWaitingForTheWriter(t *testing.T) {
	t.Parallel()
	soon := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	requireTimeouts := func(t *testing.T, db *database.DB) {
		t.Helper()
		for what, write := range map[string]func(context.Context) error{
			"a statement": func(ctx context.Context) error { return add(ctx, db, "b") },
			"a transaction": func(ctx context.Context) error {
				return db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, "b") })
			},
		} {
			start := time.Now()
			requireUnavailable(t, write(soon(t)))
			require.Less(t, time.Since(start), 5*time.Second, what)
		}
	}
	setUp := func(t *testing.T) (*database.DB, string) {
		cfg := sqliteAt(filepath.Join(t.TempDir(), "healthcare.db"))
		db := openStore(t, cfg, zap.NewNop())
		require.NoError(t, db.Connect(t.Context()))
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		return db, cfg.Path
	}
	t.Run("ends at the deadline while this process writes, and readers do not wait", func(t *testing.T) {
		t.Parallel()
		db, _ := setUp(t)
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
			require.NoError(t, add(ctx, db, "a"))
			requireTimeouts(t, db)
			require.Empty(t, things(soon(t), t, db))
			return nil
		}))
		require.Equal(t, []string{"a"}, things(t.Context(), t, db))
	})
	t.Run("ends at the deadline while another process writes, and readers do not wait", func(t *testing.T) {
		t.Parallel()
		db, path := setUp(t)
		address := url.URL{Scheme: "file", Opaque: path, RawQuery: "_txlock=immediate"}
		other, err := sql.Open("sqlite", address.String())
		require.NoError(t, err)
		defer other.Close()
		writing, err := other.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		requireTimeouts(t, db)
		require.Empty(t, things(soon(t), t, db))
		require.NoError(t, writing.Rollback())
		require.NoError(t, add(t.Context(), db, "a"), "the store should work again")
	})
}
