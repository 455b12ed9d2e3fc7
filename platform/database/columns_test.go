package database_test

import (
	"database/sql/driver"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestTime(t *testing.T) {
	east := time.FixedZone("east", 5*60*60+30*60)
	at := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	for _, c := range []struct {
		what   string
		time   time.Time
		stored driver.Value
	}{
		{"in UTC, with microseconds", at, "2026-11-22T22:29:36.410959Z"},
		{"of another zone in UTC", at.In(east), "2026-11-22T22:29:36.410959Z"},
		{"of a whole second as wide as any other", at.Truncate(time.Second), "2026-11-22T22:29:36.000000Z"},
		{"without what is below a microsecond", at.Add(999), "2026-11-22T22:29:36.410959Z"},
		{"that is none as NULL", time.Time{}, nil},
	} {
		t.Run("stores a time "+c.what, func(t *testing.T) {
			stored, err := database.At(c.time).Value()
			require.NoError(t, err)
			require.Equal(t, c.stored, stored)
		})
	}
	for _, c := range []struct {
		what string
		src  any
		want time.Time
	}{
		{"SQLite's text", "2026-11-22T22:29:36.410959Z", at},
		{"PostgreSQL's time, made UTC", at.In(east), at},
		{"NULL as none", nil, time.Time{}},
	} {
		t.Run("reads "+c.what, func(t *testing.T) {
			read := database.At(at.Add(time.Hour))
			require.NoError(t, read.Scan(c.src))
			require.Equal(t, c.want, read.Time)
		})
	}
	for what, src := range map[string]any{"another type": 7, "malformed text": canary, "text of another layout": "2026-11-22 22:29:36" + canary} {
		t.Run("refuses "+what+", without quoting it", func(t *testing.T) {
			err := new(database.Time).Scan(src)
			require.Error(t, err)
			require.NotContains(t, err.Error(), canary)
		})
	}
	t.Run("as text is ordered as time is", rapid.MakeCheck(func(t *rapid.T) {
		instant := rapid.Map(rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999), time.UnixMicro) // years 1 to 9999
		a, b := instant.Draw(t, "a"), instant.Draw(t, "b")
		if a.UTC().IsZero() || b.UTC().IsZero() {
			t.Skip("none is not a time")
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
		t.Run(`"`+string(c.text)+`" comes back as it was`, func(t *testing.T) {
			stored, err := c.text.Value()
			require.NoError(t, err)
			require.Equal(t, c.stored, stored)
			read := database.Text("before")
			require.NoError(t, read.Scan(stored))
			require.Equal(t, c.text, read)
		})
	}
	t.Run("refuses another type", func(t *testing.T) {
		require.ErrorContains(t, new(database.Text).Scan(7), "int")
	})
}

// TestColumnsOfBothEngines has the engines themselves keep what the tables above say.
func TestColumnsOfBothEngines(t *testing.T) {
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
		for _, kept := range []row{
			{database.At(time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)), "a"},
			{database.At(time.Date(1969, time.December, 31, 23, 59, 59, 1000, time.UTC)), "ä𝒜"},
			{database.Time{}, ""},
			{database.Time{}, ""}, // none is unique to nobody
		} {
			require.NoError(t, db.Write(t.Context()).Table("columns_test").Create(&kept).Error)
			var read []row
			require.NoError(t, db.Read(t.Context()).Table("columns_test").Find(&read).Error)
			require.Equal(t, kept, read[0])
			exec(t, db, `DELETE FROM columns_test WHERE text IS NOT NULL`)
		}
	})
}
