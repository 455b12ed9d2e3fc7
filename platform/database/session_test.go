package database_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// multibyte is a text whose characters have one, two, three and four bytes.
const multibyte = "Zoé अनन्या वर्मा 🩺"

// onPostgres opens a new database after executing the statements defaults, in which %[1]s is replaced by its name.
func onPostgres(t *testing.T, change func(*url.URL), defaults ...string) (*database.DB, database.Config) {
	t.Helper()
	cfg := databasetest.PostgresWith(t, "")
	setDefaults(t, cfg, defaults...)
	if change != nil {
		cfg.URL = changeURL(t, cfg.URL, change)
	}
	return openStore(t, cfg, zap.NewNop()), cfg
}

func setDefaults(t *testing.T, cfg database.Config, defaults ...string) {
	t.Helper()
	parsed, err := url.Parse(cfg.URL)
	require.NoError(t, err)
	before := openStore(t, cfg, zap.NewNop())
	for _, statement := range defaults {
		exec(t, before, strings.ReplaceAll(statement, "%[1]s", `"`+strings.TrimPrefix(parsed.Path, "/")+`"`))
	}
	require.NoError(t, before.Close())
}

// settingSource changes the URL or the defaults of a database, from which its sessions get other settings.
type settingSource struct {
	change   func(*url.URL)
	defaults []string
}

// settingSources returns the sources from which a session may get settings.
func settingSources(settings map[string]string) map[string]settingSource {
	inQuery := func(write func(url.Values)) func(*url.URL) {
		return func(u *url.URL) {
			q := u.Query()
			write(q)
			u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
		}
	}
	var byDatabase, byRole []string
	var options strings.Builder
	for name, value := range settings {
		byDatabase = append(byDatabase, fmt.Sprintf(`ALTER DATABASE %%[1]s SET %s = '%s'`, name, value))
		byRole = append(byRole, fmt.Sprintf(`ALTER ROLE app IN DATABASE %%[1]s SET %s = '%s'`, name, value))
		options.WriteString(" -c " + name + "=" + strings.ReplaceAll(value, " ", `\ `))
	}
	return map[string]settingSource{
		"ALTER DATABASE":         {defaults: byDatabase},
		"ALTER ROLE IN DATABASE": {defaults: byRole},
		"the URL": {change: inQuery(func(q url.Values) {
			for name, value := range settings {
				q.Set(name, value)
			}
		})},
		"the URL in capitals": {change: inQuery(func(q url.Values) {
			for name, value := range settings {
				q.Set(strings.ToUpper(name), value)
			}
		})},
		"the options of the URL": {change: inQuery(func(q url.Values) { q.Set("options", options.String()) })},
	}
}

func TestInheritedSettingsAreReplaced(t *testing.T) {
	t.Parallel()
	foreign := map[string]string{
		"client_encoding": "LATIN1", "datestyle": "SQL, DMY", "timezone": "Asia/Kolkata",
		"standard_conforming_strings": "off", "default_transaction_isolation": "serializable",
		"default_transaction_read_only": "on", "synchronous_commit": "off",
		"bytea_output": "escape", "gin_fuzzy_search_limit": "1",
	}
	for name, source := range settingSources(foreign) {
		t.Run("from "+name, func(t *testing.T) {
			t.Parallel()
			db, _ := onPostgres(t, source.change, source.defaults...)
			ctx := t.Context()
			require.NoError(t, db.Connect(ctx))
			for name, foreign := range foreign {
				var value string
				require.NoError(t, db.Read(ctx).Raw(`SELECT current_setting(?)`, name).Scan(&value).Error)
				require.NotEqual(t, strings.ToLower(foreign), strings.ToLower(value), name)
			}
			exec(t, db, `CREATE TABLE notes (body text NOT NULL, at timestamptz NOT NULL)`)
			exec(t, db, `INSERT INTO notes VALUES (?, '2026-03-04T05:06:07Z')`, multibyte)
			var found struct {
				Body              string
				Characters, Bytes int
				Backslash         string
				Day               string
			}
			require.NoError(t, db.Read(ctx).Raw(
				`SELECT body, length(body) AS characters, octet_length(body) AS bytes, '\' AS backslash, at::text AS day
				FROM notes`).Scan(&found).Error)
			require.Equal(t, multibyte, found.Body)
			require.Equal(t, len([]rune(multibyte)), found.Characters)
			require.Equal(t, len(multibyte), found.Bytes)
			require.Equal(t, `\`, found.Backslash)
			require.Equal(t, "2026-03-04 05:06:07+00", found.Day)
		})
	}
}

func TestUnusableDatabases(t *testing.T) {
	t.Parallel()
	requireUnusable := func(t *testing.T, db *database.DB, reasons ...string) {
		t.Helper()
		err := db.Connect(t.Context())
		require.ErrorAs(t, err, new(*database.UnusableError))
		for _, text := range reasons {
			require.ErrorContains(t, err, text)
		}
		_, err = db.Migrate(t.Context(), migrations(""))
		require.ErrorAs(t, err, new(*database.UnusableError), "no table should be created")
	}
	for _, encoding := range []string{"LATIN1", "LATIN9", "SQL_ASCII", "EUC_JP"} {
		t.Run("with the encoding "+encoding, func(t *testing.T) {
			t.Parallel()
			cfg := databasetest.PostgresWith(t, `TEMPLATE template0 ENCODING '`+encoding+`' LOCALE 'C'`)
			db := openStore(t, cfg, zap.NewNop())
			requireUnusable(t, db, "encoded in "+encoding, "ENCODING 'UTF8' TEMPLATE template0")
		})
	}
	for name, foreign := range map[string]string{"session_replication_role": "replica", "search_path": "nowhere"} {
		for how, source := range settingSources(map[string]string{name: foreign}) {
			t.Run("with "+name+" from "+how, func(t *testing.T) {
				t.Parallel()
				db, _ := onPostgres(t, source.change, source.defaults...)
				requireUnusable(t, db, name+" is "+foreign)
			})
		}
	}
	for name, path := range map[string]string{
		"a schema before pg_catalog": "public, pg_catalog", "temporary tables": "pg_temp, public",
		"system tables": "pg_catalog, public",
	} {
		t.Run("with a search_path of "+name, func(t *testing.T) {
			t.Parallel()
			db, _ := onPostgres(t, nil, `ALTER DATABASE %[1]s SET search_path = `+path)
			requireUnusable(t, db, "search_path is")
		})
	}
	t.Run("except one with a separate schema, which works", func(t *testing.T) {
		t.Parallel()
		db, _ := onPostgres(t, nil, `CREATE SCHEMA clinic`, `ALTER DATABASE %[1]s SET search_path = clinic, public`)
		require.NoError(t, db.Connect(t.Context()))
		_, err := db.Migrate(t.Context(), migrations(""))
		require.NoError(t, err)
		var schema string
		q := db.Read(t.Context()).Raw(`SELECT schemaname FROM pg_tables WHERE tablename = 'beds'`)
		require.NoError(t, q.Scan(&schema).Error)
		require.Equal(t, "clinic", schema)
	})
}
