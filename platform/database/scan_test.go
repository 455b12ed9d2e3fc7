package database_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// kept is a row with a field of each type that modules use.
type kept struct {
	ID    keptID
	Name  string
	Note  database.Text
	Count int
	Age   *int
	Open  bool
	At    database.Time
	Until database.Time
}

type keptID struct{ uuid.UUID }

func (kept) TableName() string { return "kept" }

func eachWithKept(t *testing.T, test func(t *testing.T, db *database.DB)) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		id, at, yes, end := "uuid", "timestamptz", "boolean", ""
		if db.Engine() == database.SQLite {
			id, at, yes, end = "text", "text", "integer", " STRICT"
		}
		exec(t, db, `CREATE TABLE kept (id `+id+` PRIMARY KEY, name text NOT NULL, note text, count integer NOT NULL,
			age integer, open `+yes+` NOT NULL, at `+at+` NOT NULL, until `+at+`)`+end)
		test(t, db)
	})
}

// Rows are read as they were written, by every kind of query and in every state of a transaction.
func TestReadingRows(t *testing.T) {
	age, at := 7, time.Date(2026, 11, 25, 4, 5, 6, 7000, time.UTC)
	full := kept{keptID{uuid.New()}, "a", "b", 3, &age, true, database.At(at), database.At(at.Add(time.Hour))}
	bare := kept{ID: keptID{uuid.New()}, Name: "z", At: database.At(at)}
	eachWithKept(t, func(t *testing.T, db *database.DB) {
		require.NoError(t, db.Write(t.Context()).Create([]kept{full, bare}).Error)
		outside := func(t *testing.T, do func(ctx context.Context)) { do(t.Context()) }
		first := func(t *testing.T, do func(ctx context.Context)) {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				do(ctx)
				return nil
			}))
		}
		later := func(t *testing.T, do func(ctx context.Context)) {
			first(t, func(ctx context.Context) {
				require.NoError(t, add(ctx, db, uuid.NewString()))
				do(ctx)
			})
		}
		for name, in := range map[string]func(*testing.T, func(context.Context)){
			"outside a transaction":         outside,
			"in the first statement of one": first,
			"in a later statement of one":   later,
		} {
			t.Run(name, func(t *testing.T) {
				ordered := func(ctx context.Context) *gorm.DB { return db.Read(ctx).Model(&kept{}).Order("name") }
				in(t, func(ctx context.Context) {
					all := []kept{{Name: "previous content"}, full, full}
					require.NoError(t, ordered(ctx).Limit(5).Find(&all).Error)
					require.Equal(t, []kept{full, bare}, all)
				})
				in(t, func(ctx context.Context) {
					var one kept
					require.NoError(t, ordered(ctx).Where("id = ?", bare.ID).Take(&one).Error)
					require.Equal(t, bare, one)
				})
				in(t, func(ctx context.Context) {
					var none []kept
					found := ordered(ctx).Where("name = ?", "nobody").Find(&none)
					require.NoError(t, found.Error)
					require.Zero(t, found.RowsAffected)
					require.Empty(t, none)
					err := ordered(ctx).Where("name = ?", "nobody").Take(&kept{}).Error
					require.ErrorIs(t, err, gorm.ErrRecordNotFound)
				})
				in(t, func(ctx context.Context) {
					var ids []keptID
					require.NoError(t, ordered(ctx).Pluck("id", &ids).Error)
					require.Equal(t, []keptID{full.ID, bare.ID}, ids)
					var n int64
					require.NoError(t, db.Read(ctx).Model(&kept{}).Count(&n).Error)
					require.EqualValues(t, 2, n)
				})
				in(t, func(ctx context.Context) {
					var part []struct {
						Name  string
						Count int
					}
					query := "SELECT name, count, 'no field' AS other FROM kept ORDER BY name"
					found := db.Read(ctx).Raw(query).Find(&part)
					require.NoError(t, found.Error)
					require.EqualValues(t, 2, found.RowsAffected)
					require.Equal(t, "a", part[0].Name)
					require.Equal(t, 3, part[0].Count)
				})
			})
		}
	})
}

// Selected columns and subqueries are read like whole rows. On SQLite, the former are joined into one.
func TestReadingSelectedColumns(t *testing.T) {
	age := 7
	row := kept{
		ID: keptID{uuid.New()}, Name: "a,b|c \x01\n𝒜", Note: "", Count: -3, Age: &age, Open: true,
		At: database.At(time.Date(2026, 11, 25, 4, 5, 6, 7000, time.UTC)),
	}
	eachWithKept(t, func(t *testing.T, db *database.DB) {
		require.NoError(t, db.Write(t.Context()).Create(&row).Error)
		sent := databasetest.LastQuery(t, db)
		var some []kept
		require.NoError(t, db.Read(t.Context()).Select("age", "name", "note").Find(&some).Error)
		require.Equal(t, []kept{{Name: row.Name, Age: &age}}, some)
		require.Equal(t, db.Engine() == database.SQLite, strings.Contains(sent.SQL, "concat_ws"), sent.SQL)

		pairs := db.Read(t.Context()).Model(&kept{}).Select("name", "count")
		var all []kept
		require.NoError(t, db.Read(t.Context()).Where("(name, count) IN (?)", pairs).Find(&all).Error)
		require.Equal(t, []kept{row}, all)
	})
}

// A row that another program stored, with values that this one does not store, is an error that does not quote them.
func TestReadingRowsOfAnotherProgram(t *testing.T) {
	eachWithKept(t, func(t *testing.T, db *database.DB) {
		if db.Engine() != database.SQLite {
			t.Skip("PostgreSQL rejects such values")
		}
		exec(t, db, `CREATE TABLE loose (id, name, note, count, age, open, at, until)`)
		for name, values := range map[string]string{
			"a text with NUL":     "'canary' || char(0), NULL, 1, NULL, 0, NULL, NULL",
			"NULL for a text":     "NULL, 'canary', 1, NULL, 0, NULL, NULL",
			"a text for a number": "'a', NULL, 'canary', NULL, 0, NULL, NULL",
			"a malformed time":    "'a', NULL, 1, NULL, 0, 'canary', NULL",
		} {
			t.Run(name, func(t *testing.T) {
				exec(t, db, "DELETE FROM loose")
				exec(t, db, "INSERT INTO loose VALUES ('"+uuid.NewString()+"', "+values+")")
				err := db.Read(t.Context()).Table("loose").Take(&kept{}).Error
				require.Error(t, err)
				require.NotErrorIs(t, err, gorm.ErrRecordNotFound)
				require.NotContains(t, err.Error(), "canary")
				require.Equal(t, errs.Internal, errs.KindOf(err))
			})
		}
	})
}

// A transaction whose first statement fails is rolled back and leaves a working connection.
func TestFailedFirstStatement(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		cfg.PoolSize, cfg.AcquireTimeout = 1, 10*time.Second
		db := openStore(t, cfg, zap.NewNop())
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		require.NoError(t, add(t.Context(), db, "a"))
		for name, c := range map[string]struct {
			kind errs.Kind
			do   func(ctx context.Context) error
		}{
			"in the store": {errs.Conflict, func(ctx context.Context) error { return add(ctx, db, "a") }},
			"for an unknown column": {errs.Internal, func(ctx context.Context) error {
				return db.Read(ctx).Raw("SELECT nothing FROM things").Find(&[]kept{}).Error
			}},
			"for an unknown table": {errs.Internal, func(ctx context.Context) error {
				return db.Write(ctx).Exec("INSERT INTO nowhere VALUES (1)").Error
			}},
			"before it is sent": {errs.Invalid, func(ctx context.Context) error {
				return db.Write(ctx).Exec("INSERT INTO things (id, n) VALUES (?, 0)", "\xff").Error
			}},
		} {
			t.Run(name, func(t *testing.T) {
				session := sessionOf(t, db)
				for range 3 {
					err := db.Do(t.Context(), c.do)
					require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				}
				require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
					return add(ctx, db, "after "+name)
				}))
				require.Contains(t, things(t.Context(), t, db), "after "+name)
				require.Equal(t, session, sessionOf(t, db), "the connection should be kept")
			})
		}
		if db.Engine() == database.Postgres {
			var open int
			require.NoError(t, db.Read(t.Context()).Raw(`SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND state LIKE 'idle in transaction%'`).Scan(&open).Error)
			require.Zero(t, open)
		}
	})
}

// sessionOf returns the id of the server process of db's only connection, zero on SQLite.
func sessionOf(t testing.TB, db *database.DB) (pid int) {
	t.Helper()
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Read(t.Context()).Raw("SELECT pg_backend_pid()").Scan(&pid).Error)
	}
	return pid
}
