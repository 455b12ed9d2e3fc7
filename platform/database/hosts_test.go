package database_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// silent returns the address of a server that accepts connections and answers nothing, as one behind a firewall seems to.
func silent(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// listed returns cfg with more servers before its own.
func listed(t *testing.T, cfg database.Config, before ...string) database.Config {
	cfg.URL = addressed(t, cfg.URL, func(u *url.URL) {
		query := u.Query()
		hosts, ports := []string{}, []string{}
		for _, address := range before {
			host, port := address, "5432"
			if !strings.HasPrefix(address, "/") {
				var err error
				host, port, err = net.SplitHostPort(address)
				require.NoError(t, err)
			}
			hosts, ports = append(hosts, host), append(ports, port)
		}
		query.Set("host", strings.Join(append(hosts, query.Get("host")), ","))
		query.Set("port", strings.Join(append(ports, query.Get("port")), ","))
		u.RawQuery = query.Encode()
	})
	return cfg
}

func TestAListOfHosts(t *testing.T) {
	t.Parallel()
	own := databasetest.OwnPostgres(t)
	cfg := postgresAt("")
	cfg.URL = own.URL()

	t.Run("is shown to people as a whole, each server once", func(t *testing.T) {
		cfg := postgresAt("")
		cfg.URL = "postgres://app:" + password + "@a.example,b.example:5433,[2001:db8::1]/healthcare" // each with TLS, then without
		where := openStore(t, cfg, zap.NewNop()).Location()
		require.Equal(t, "PostgreSQL (healthcare at a.example:5432, b.example:5433, [2001:db8::1]:5432)", where)
	})
	t.Run("is worth trying to its end within a request: servers that are switched off use up a second together", func(t *testing.T) {
		db := openStore(t, listed(t, cfg, silent(t), silent(t), nobody(t)), zap.NewNop())
		began := time.Now()
		require.NoError(t, db.Write(t.Context()).Exec("SELECT 1").Error)
		require.Less(t, time.Since(began), 1200*time.Millisecond)
	})
	t.Run("a connect_timeout of the address is one for each server", func(t *testing.T) {
		cfg := listed(t, cfg, silent(t), silent(t))
		cfg.URL += "&connect_timeout=1"
		began := time.Now()
		require.NoError(t, openStore(t, cfg, zap.NewNop()).Ping(t.Context()))
		require.GreaterOrEqual(t, time.Since(began), 2*time.Second)
	})
	t.Run("leads to the primary without being told so", func(t *testing.T) {
		replica, err := own.Replica()
		require.NoError(t, err)
		t.Cleanup(replica.Close)
		db := openStore(t, listed(t, cfg, replica.Folder()), zap.NewNop())
		require.NoError(t, db.Write(t.Context()).Exec("CREATE TABLE written (n int)").Error)
	})
}

func TestAServerThatTakesNoWritesAnyMore(t *testing.T) {
	t.Parallel()
	own := databasetest.OwnPostgres(t)
	cfg := postgresAt("")
	cfg.URL, cfg.PoolSize = own.URL(), 1
	for name, write := range map[string]func(db *database.DB) error{
		"a statement": func(db *database.DB) error {
			return db.Write(t.Context()).Exec("CREATE TABLE IF NOT EXISTS t (n int)").Error
		},
		"a transaction": func(db *database.DB) error {
			return db.Do(t.Context(), func(ctx context.Context) error {
				return db.Write(ctx).Exec("CREATE TABLE IF NOT EXISTS t (n int)").Error
			})
		},
	} {
		t.Run("fails "+name+" for now, and is left by the next connection", func(t *testing.T) {
			db := openStore(t, cfg, zap.NewNop())
			demote := "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY" // as a primary becomes when another one takes over and it keeps its sessions
			require.NoError(t, db.Write(t.Context()).Exec(demote).Error)
			requireUnavailable(t, write(db))
			require.NoError(t, write(db))
		})
	}
}
