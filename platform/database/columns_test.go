package database_test

import (
	"database/sql/driver"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestTime(t *testing.T) {
	east := time.FixedZone("east", 5*60*60+30*60)
	at := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	for _, c := range []struct {
		name   string
		time   time.Time
		stored driver.Value
	}{
		{"a time in UTC with microseconds", at, "2026-11-22T22:29:36.410959Z"},
		{"a time of another zone in UTC", at.In(east), "2026-11-22T22:29:36.410959Z"},
		{"a whole second in the same width", at.Truncate(time.Second), "2026-11-22T22:29:36.000000Z"},
		{"a time without its nanoseconds", at.Add(999), "2026-11-22T22:29:36.410959Z"},
		{"the zero time as NULL", time.Time{}, nil},
	} {
		t.Run("stores "+c.name, func(t *testing.T) {
			stored, err := database.At(c.time).Value()
			require.NoError(t, err)
			require.Equal(t, c.stored, stored)
		})
	}
	for _, c := range []struct {
		name string
		src  any
		want time.Time
	}{
		{"SQLite's text", "2026-11-22T22:29:36.410959Z", at},
		{"PostgreSQL's time, converted to UTC", at.In(east), at},
		{"NULL as the zero time", nil, time.Time{}},
	} {
		t.Run("reads "+c.name, func(t *testing.T) {
			read := database.At(at.Add(time.Hour))
			require.NoError(t, read.Scan(c.src))
			require.Equal(t, c.want, read.Time)
		})
	}
	t.Run("reads pgx's time, converted to UTC", func(t *testing.T) {
		read := database.At(at.Add(time.Hour))
		require.NoError(t, read.ScanTimestamptz(pgtype.Timestamptz{Time: at.In(east), Valid: true}))
		require.Equal(t, at, read.Time)
		require.NoError(t, read.ScanTimestamptz(pgtype.Timestamptz{}))
		require.Zero(t, read.Time)
	})
	for name, src := range map[string]any{
		"another type": 7, "malformed text": canary, "text of another layout": "2026-11-22 22:29:36" + canary,
	} {
		t.Run("rejects "+name+" without quoting it", func(t *testing.T) {
			err := new(database.Time).Scan(src)
			require.Error(t, err)
			require.NotContains(t, err.Error(), canary)
		})
	}
	t.Run("orders texts like times", rapid.MakeCheck(func(t *rapid.T) {
		const year1, year9999 = -62_135_596_800_000_000, 253_402_300_799_999_999
		instant := rapid.Map(rapid.Int64Range(year1, year9999), time.UnixMicro)
		a, b := instant.Draw(t, "a"), instant.Draw(t, "b")
		if a.UTC().IsZero() || b.UTC().IsZero() {
			t.Skip("the zero time is stored as NULL")
		}
		textA, err := database.At(a).Value()
		require.NoError(t, err)
		textB, err := database.At(b).Value()
		require.NoError(t, err)
		require.Equal(t, a.Before(b), textA.(string) < textB.(string))
	}))
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		text   database.Text
		stored driver.Value
	}{{"", nil}, {"a", "a"}, {" ", " "}} {
		t.Run(`reads "`+string(c.text)+`" as it was stored`, func(t *testing.T) {
			stored, err := c.text.Value()
			require.NoError(t, err)
			require.Equal(t, c.stored, stored)
			read := database.Text("before")
			require.NoError(t, read.Scan(stored))
			require.Equal(t, c.text, read)
		})
	}
	t.Run("rejects another type", func(t *testing.T) {
		require.ErrorContains(t, new(database.Text).Scan(7), "int")
	})
}

// TestStoredColumns verifies on both engines that stored times and texts are read unchanged.
func TestStoredColumns(t *testing.T) {
	t.Parallel()
	type row struct {
		At   database.Time
		Text database.Text
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		timestamp := "timestamptz"
		if db.Engine() == database.SQLite {
			timestamp = "text"
		}
		exec(t, db, `CREATE TABLE columns_test (at `+timestamp+`, text text UNIQUE)`)
		for _, stored := range []row{
			{database.At(time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)), "a"},
			{database.At(time.Date(1969, time.December, 31, 23, 59, 59, 1000, time.UTC)), "ä𝒜"},
			{database.Time{}, ""},
			{database.Time{}, ""}, // the unique constraint ignores empty texts
		} {
			require.NoError(t, db.Write(t.Context()).Table("columns_test").Create(&stored).Error)
			var read []row
			require.NoError(t, db.Read(t.Context()).Table("columns_test").Find(&read).Error)
			require.Equal(t, stored, read[0])
			exec(t, db, `DELETE FROM columns_test WHERE text IS NOT NULL`)
		}
	})
}

// TestTimesOfAnotherSessionTimeZone verifies that times are read in UTC, whatever the time zone of the session. The
// simple protocol transfers times as text in that zone.
func TestTimesOfAnotherSessionTimeZone(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite has no sessions")
		}
		cfg.PoolSize = 1 // so that all statements use one session
		for _, mode := range []string{"cache_statement", "simple_protocol"} {
			cfg.URL = changeURL(t, cfg.URL, func(u *url.URL) {
				query := u.Query()
				query.Set("default_query_exec_mode", mode)
				u.RawQuery = query.Encode()
			})
			db := openStore(t, cfg, zap.NewNop())
			exec(t, db, `SET TIME ZONE 'Asia/Kolkata'`)
			var zone string
			require.NoError(t, db.Read(t.Context()).Raw(`SHOW TIME ZONE`).Scan(&zone).Error)
			require.Equal(t, "Asia/Kolkata", zone)
			var read []struct{ At database.Time }
			require.NoError(t, db.Read(t.Context()).
				Table(`(SELECT timestamptz '2026-11-22 22:29:36.410959+00' AS at) AS instants`).Find(&read).Error)
			require.Equal(t, time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC), read[0].At.Time, mode)
		}
	})
}
