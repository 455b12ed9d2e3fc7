package database_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestSlowLog(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		logged := func(t *testing.T, slow time.Duration, do func(db *database.DB)) []observer.LoggedEntry {
			core, lines := observer.New(zapcore.DebugLevel)
			cfg := cfg
			cfg.SlowQuery = slow
			do(openStore(t, cfg, zap.New(core)))
			return lines.TakeAll()
		}
		const insert = `INSERT INTO users (id, name) VALUES (?, ?)`
		t.Run("logs a slow statement with placeholders instead of values", func(t *testing.T) {
			lines := logged(t, time.Nanosecond, func(db *database.DB) {
				require.Error(t, db.Write(t.Context()).Exec(insert, canary, canary).Error)
				byName := db.Read(t.Context()).Table("users").Where("name = ?", canary)
				require.NoError(t, byName.Find(&[]map[string]any{}).Error)
				byName = db.Write(t.Context()).Table("users").Where("name = ?", canary)
				require.NoError(t, byName.Update("name", canary).Error)
			})
			require.Len(t, lines, 3)
			for _, line := range lines {
				require.Equal(t, "slow statement", line.Message)
				require.Equal(t, zapcore.WarnLevel, line.Level)
				fields := line.ContextMap()
				require.Contains(t, fields["sql"], "users")
				require.Positive(t, fields["took_ms"])
				require.Contains(t, fields, "rows")
				require.NotContains(t, encoded(t, line), canary)
			}
			require.Equal(t, `SELECT * FROM "users" WHERE name = `+placeholder(cfg), lines[1].ContextMap()["sql"])
		})
		t.Run("logs neither fast statements nor errors, which are returned", func(t *testing.T) {
			require.Empty(t, logged(t, time.Hour, func(db *database.DB) {
				require.Error(t, db.Write(t.Context()).Exec(insert, canary, canary).Error)
				require.Error(t, db.Read(t.Context()).Table("nowhere").Take(&map[string]any{}).Error)
			}))
		})
		t.Run("logs nothing without a threshold", func(t *testing.T) {
			require.Empty(t, logged(t, 0, func(db *database.DB) { require.NoError(t, db.Ping(t.Context())) }))
			require.Empty(t, logged(t, 0, func(db *database.DB) {
				require.Error(t, db.Write(t.Context()).Exec(insert, canary, canary).Error)
			}))
		})
	})
}

func placeholder(cfg database.Config) string {
	if cfg.URL == "" {
		return "?"
	}
	return "$1"
}

// encoded returns the line as it would be written.
func encoded(t *testing.T, line observer.LoggedEntry) string {
	t.Helper()
	buffer, err := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()).EncodeEntry(line.Entry, line.Context)
	require.NoError(t, err)
	return strings.TrimSpace(buffer.String())
}
