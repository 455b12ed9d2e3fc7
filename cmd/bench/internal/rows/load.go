package rows

import (
	"context"
	"strings"

	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
)

// Progress hears how many rows of a table there are.
type Progress func(table string, done, all int)

// Load migrates an empty database and fills it as planned. Indexes are made afterwards, and foreign keys are not checked where that can be turned off:
// the rows are known to fit. Errors: the store's.
func Load(ctx context.Context, cfg database.Config, plan Plan, tell Progress) error {
	db, err := database.Open(cfg, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Connect(ctx); err != nil {
		return err
	}
	if _, err := db.Migrate(ctx, migrations.All()); err != nil {
		return err
	}
	if cfg.URL != "" {
		return loadPostgres(ctx, cfg.URL, plan, tell)
	}
	pool, err := db.Write(ctx).DB()
	if err != nil {
		return err
	}
	return loadSQLite(ctx, pool, plan, tell)
}

// withoutIndexes has load run while there are none but those of constraints, and makes them again. The statement last ends it.
func withoutIndexes(definitions []string, exec func(string) error, load func() error, last string, tell Progress) error {
	for _, definition := range definitions {
		if err := exec("DROP INDEX " + nameOf(definition)); err != nil {
			return err
		}
	}
	if err := load(); err != nil {
		return err
	}
	for i, definition := range definitions {
		tell("indexes", i, len(definitions))
		if err := exec(definition); err != nil {
			return err
		}
	}
	tell("indexes", len(definitions), len(definitions))
	return exec(last)
}

// nameOf is the third word of CREATE INDEX name ON …
func nameOf(definition string) string {
	return strings.Fields(definition)[2]
}

func told(tell Progress, t table, n int) {
	if n%100_000 == 0 || n == t.rows {
		tell(t.name, n, t.rows)
	}
}
