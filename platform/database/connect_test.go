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

// postgresAt configures a PostgreSQL store that is not there, or not as it should be.
func postgresAt(address string) database.Config {
	return database.Config{
		URL:      "postgres://app:" + password + "@" + address + "/healthcare?sslmode=disable",
		PoolSize: 2, ConnectTimeout: time.Second, StatementTimeout: time.Second, LockTimeout: time.Second, IdleInTxTimeout: time.Second,
	}
}

// nobody is an address at which nothing listens.
func nobody(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// addressed is an address with a part of it changed.
func addressed(t *testing.T, address string, change func(*url.URL)) string {
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	change(parsed)
	return parsed.String()
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	t.Run("is unavailable to Ping and to every statement", func(t *testing.T) {
		t.Parallel()
		db := openStore(t, postgresAt(nobody(t)), zap.NewNop())
		requireUnavailable(t, db.Ping(t.Context()))
		requireUnavailable(t, db.Read(t.Context()).Exec("SELECT 1").Error)
		requireUnavailable(t, db.Do(t.Context(), nil))
	})
	t.Run("is tried again until the time for it is over, and said so without the password", func(t *testing.T) {
		t.Parallel()
		core, log := observer.New(zapcore.DebugLevel)
		db := openStore(t, postgresAt(nobody(t)), zap.New(core))
		began := time.Now()
		err := db.Connect(t.Context())
		requireUnavailable(t, err)
		require.GreaterOrEqual(t, time.Since(began), time.Second)
		require.GreaterOrEqual(t, log.Len(), 3)
		for _, line := range log.All() {
			require.NotContains(t, encoded(t, line), password)
		}
		require.NotContains(t, errorText(err), password)
	})
	t.Run("is waited for while it starts", func(t *testing.T) {
		t.Parallel()
		cfg := postgresAt(fakeServer(t, "57P03", "57P03", ""))
		cfg.ConnectTimeout = 10 * time.Second
		require.NoError(t, openStore(t, cfg, zap.NewNop()).Connect(t.Context()))
	})
}

func TestServerThatRefusesForGood(t *testing.T) {
	t.Parallel()
	refusedAtOnce := func(t *testing.T, cfg database.Config, sqlstate string) {
		t.Helper()
		cfg.ConnectTimeout = 10 * time.Second
		db := openStore(t, cfg, zap.NewNop())
		began := time.Now()
		err := db.Connect(t.Context())
		require.ErrorContains(t, err, sqlstate)
		require.Equal(t, errs.Internal, errs.KindOf(err))
		require.Less(t, time.Since(began), 5*time.Second, "trying again is pointless")
		require.NotContains(t, errorText(err)+db.Location(), password)
	}
	t.Run("a wrong password is said at once, without saying it", func(t *testing.T) {
		t.Parallel()
		refusedAtOnce(t, postgresAt(fakeServer(t, "28P01")), "28P01")
	})
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite creates what does not exist")
		}
		cfg.URL = addressed(t, cfg.URL, func(u *url.URL) { u.Path = "/nowhere" })
		refusedAtOnce(t, cfg, "3D000") // no such database
	})
}

func TestAddressesAreNotQuoted(t *testing.T) {
	for what, address := range map[string]string{
		"with a malformed port":   "postgres://app:" + password + "@localhost:port/db",
		"with a malformed escape": "postgres://app:" + password + "%zz@localhost/db",
		"with a strange setting":  "postgres://app:" + password + "@localhost/db?sslmode=" + password,
		"of another kind":         "mysql://app:" + password + "@localhost/db",
	} {
		t.Run("one "+what+" is refused without its password", func(t *testing.T) {
			cfg := postgresAt("")
			cfg.URL = address
			_, err := database.Open(cfg, zap.NewNop())
			require.Error(t, err)
			require.NotContains(t, errorText(err), password)
		})
	}
	t.Run("one that is used is shown to people without its password", func(t *testing.T) {
		where := openStore(t, postgresAt("db.example:5433"), zap.NewNop()).Location()
		require.Equal(t, "PostgreSQL (healthcare at db.example:5433)", where)
	})
}

func TestSessionSettings(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite's are pragmas")
		}
		cfg.StatementTimeout, cfg.LockTimeout, cfg.IdleInTxTimeout = 1500*time.Millisecond, 700*time.Millisecond, 5*time.Second
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
		t.Run("are those of the address where it has any", func(t *testing.T) {
			cfg := cfg
			cfg.URL = addressed(t, cfg.URL, func(u *url.URL) { u.RawQuery += "&statement_timeout=900&application_name=report" })
			require.Equal(t, "900ms", setting(t, cfg, "statement_timeout"))
			require.Equal(t, "report", setting(t, cfg, "application_name"))
		})
		t.Run("end a statement that takes too long, and a wait for a lock", func(t *testing.T) {
			cfg := cfg
			cfg.StatementTimeout = 50 * time.Millisecond
			err := openStore(t, cfg, zap.NewNop()).Write(t.Context()).Exec("SELECT pg_sleep(5)").Error
			requireUnavailable(t, err)
			require.ErrorContains(t, err, "57014")
		})
	})
}
