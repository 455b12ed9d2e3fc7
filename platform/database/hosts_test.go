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

// silentServer returns the address of a server that accepts connections and sends nothing, like one behind a firewall.
func silentServer(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// prependHosts returns cfg with more servers before its own.
func prependHosts(t *testing.T, cfg database.Config, before ...string) database.Config {
	cfg.URL = changeURL(t, cfg.URL, func(u *url.URL) {
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

func TestHostLists(t *testing.T) {
	t.Parallel()
	own := databasetest.OwnPostgres(t)
	cfg := postgresAt("")
	cfg.URL = own.URL()

	t.Run("are described with each server once", func(t *testing.T) {
		cfg := postgresAt("")
		// pgx tries each server with TLS, then without.
		cfg.URL = "postgres://app:" + password + "@a.example,b.example:5433,[2001:db8::1]/healthcare"
		location := openStore(t, cfg, zap.NewNop()).Location()
		require.Equal(t, "PostgreSQL (healthcare at a.example:5432, b.example:5433, [2001:db8::1]:5432)", location)
	})
	t.Run("are tried to their end within a request: silent servers take a second together", func(t *testing.T) {
		cfg := prependHosts(t, cfg, silentServer(t), silentServer(t), unusedAddress(t))
		db := openStore(t, cfg, zap.NewNop())
		start := time.Now()
		require.NoError(t, db.Write(t.Context()).Exec("SELECT 1").Error)
		require.Less(t, time.Since(start), 1200*time.Millisecond)
	})
	t.Run("have the connect_timeout of the URL for each server", func(t *testing.T) {
		cfg := prependHosts(t, cfg, silentServer(t), silentServer(t))
		cfg.URL += "&connect_timeout=1"
		start := time.Now()
		require.NoError(t, openStore(t, cfg, zap.NewNop()).Ping(t.Context()))
		require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
	})
	t.Run("lead to the primary without target_session_attrs", func(t *testing.T) {
		replica, err := own.Replica()
		require.NoError(t, err)
		t.Cleanup(replica.Close)
		db := openStore(t, prependHosts(t, cfg, replica.Folder()), zap.NewNop())
		require.NoError(t, db.Write(t.Context()).Exec("CREATE TABLE written (n int)").Error)
	})
}

func TestDemotedServer(t *testing.T) {
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
		t.Run("rejects "+name+" as unavailable, and its connection is replaced", func(t *testing.T) {
			db := openStore(t, cfg, zap.NewNop())
			// A demoted primary that keeps its sessions becomes read-only.
			demote := "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
			require.NoError(t, db.Write(t.Context()).Exec(demote).Error)
			requireUnavailable(t, write(db))
			require.NoError(t, write(db))
		})
	}
}
