package database_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

const password = "s3cret-passw0rd"

// postgresAt returns the configuration of a PostgreSQL store at address, host:port.
func postgresAt(address string) database.Config {
	return database.Config{
		URL:      "postgres://app:" + password + "@" + address + "/healthcare?sslmode=disable",
		PoolSize: 2, ConnectTimeout: time.Second,
		StatementTimeout: time.Second, LockTimeout: time.Second, IdleInTxTimeout: time.Second,
	}
}

// unusedAddress returns an address on which no server listens.
func unusedAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// changeURL returns address with a change.
func changeURL(t *testing.T, address string, change func(*url.URL)) string {
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	change(parsed)
	return parsed.String()
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	t.Run("is unavailable to Ping and to every statement", func(t *testing.T) {
		t.Parallel()
		db := openStore(t, postgresAt(unusedAddress(t)), zap.NewNop())
		requireUnavailable(t, db.Ping(t.Context()))
		requireUnavailable(t, db.Read(t.Context()).Exec("SELECT 1").Error)
		requireUnavailable(t, db.Do(t.Context(), nil))
	})
	t.Run("is retried until ConnectTimeout, with a log that does not contain the password", func(t *testing.T) {
		t.Parallel()
		core, log := observer.New(zapcore.DebugLevel)
		db := openStore(t, postgresAt(unusedAddress(t)), zap.New(core))
		start := time.Now()
		err := db.Connect(t.Context())
		requireUnavailable(t, err)
		require.GreaterOrEqual(t, time.Since(start), time.Second)
		require.GreaterOrEqual(t, log.Len(), 3)
		for _, line := range log.All() {
			require.NotContains(t, encoded(t, line), password)
		}
		require.NotContains(t, errorText(err), password)
	})
	t.Run("is retried while it starts", func(t *testing.T) {
		t.Parallel()
		cfg := postgresAt(fakeServer(t, "57P03", "57P03", ""))
		cfg.ConnectTimeout = 10 * time.Second
		require.NoError(t, openStore(t, cfg, zap.NewNop()).Connect(t.Context()))
	})
}

func TestPermanentConnectionErrors(t *testing.T) {
	t.Parallel()
	requireRejectedAtOnce := func(t *testing.T, cfg database.Config, sqlstate string) {
		t.Helper()
		cfg.ConnectTimeout = 10 * time.Second
		db := openStore(t, cfg, zap.NewNop())
		start := time.Now()
		err := db.Connect(t.Context())
		require.ErrorContains(t, err, sqlstate)
		require.Equal(t, errs.Internal, errs.KindOf(err))
		require.Less(t, time.Since(start), 5*time.Second, "there should be no retry")
		require.NotContains(t, errorText(err)+db.Location(), password)
	}
	t.Run("a wrong password is reported at once, without quoting it", func(t *testing.T) {
		t.Parallel()
		requireRejectedAtOnce(t, postgresAt(fakeServer(t, "28P01")), "28P01")
	})
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite creates a missing database")
		}
		cfg.URL = changeURL(t, cfg.URL, func(u *url.URL) { u.Path = "/nowhere" })
		requireRejectedAtOnce(t, cfg, "3D000") // the database does not exist
	})
}

func TestPasswordsAreNotQuoted(t *testing.T) {
	for name, address := range map[string]string{
		"a malformed port":   "postgres://app:" + password + "@localhost:port/db",
		"a malformed escape": "postgres://app:" + password + "%zz@localhost/db",
		"an invalid sslmode": "postgres://app:" + password + "@localhost/db?sslmode=" + password,
		"another scheme":     "mysql://app:" + password + "@localhost/db",
	} {
		t.Run("by the error about "+name, func(t *testing.T) {
			cfg := postgresAt("")
			cfg.URL = address
			_, err := database.Open(cfg, zap.NewNop())
			require.Error(t, err)
			require.NotContains(t, errorText(err), password)
		})
	}
	t.Run("by the location of the store", func(t *testing.T) {
		location := openStore(t, postgresAt("db.example:5433"), zap.NewNop()).Location()
		require.Equal(t, "PostgreSQL (healthcare at db.example:5433)", location)
	})
}

func TestSessionSettings(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite has pragmas instead")
		}
		cfg.StatementTimeout, cfg.LockTimeout = 1500*time.Millisecond, 700*time.Millisecond
		cfg.IdleInTxTimeout = 5 * time.Second
		setting := func(t *testing.T, cfg database.Config, name string) (value string) {
			db := openStore(t, cfg, zap.NewNop())
			require.NoError(t, db.Read(t.Context()).Raw("SHOW "+name).Scan(&value).Error)
			return value
		}
		t.Run("are those of the configuration", func(t *testing.T) {
			require.Equal(t, "1500ms", setting(t, cfg, "statement_timeout"))
			require.Equal(t, "700ms", setting(t, cfg, "lock_timeout"))
			require.Equal(t, "5s", setting(t, cfg, "idle_in_transaction_session_timeout"))
			require.Equal(t, "healthcare", setting(t, cfg, "application_name"))
		})
		t.Run("are those of the URL if it has any", func(t *testing.T) {
			cfg := cfg
			cfg.URL = changeURL(t, cfg.URL, func(u *url.URL) {
				u.RawQuery += "&statement_timeout=900&application_name=report"
			})
			require.Equal(t, "900ms", setting(t, cfg, "statement_timeout"))
			require.Equal(t, "report", setting(t, cfg, "application_name"))
		})
		t.Run("interrupt a statement that takes too long", func(t *testing.T) {
			cfg := cfg
			cfg.StatementTimeout = 50 * time.Millisecond
			err := openStore(t, cfg, zap.NewNop()).Write(t.Context()).Exec("SELECT pg_sleep(5)").Error
			requireUnavailable(t, err)
			require.ErrorContains(t, err, "57014")
		})
	})
}
