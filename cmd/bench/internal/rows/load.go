package rows

import (
	"context"
	"strings"

	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
)

// Progress receives the number of rows of a table.
type Progress func(table string, done, all int)

// Load migrates an empty database and fills it. Indexes are created afterwards, and foreign keys are not checked if
// that can be disabled. Errors: those of the store.
func Load(ctx context.Context, cfg database.Config, plan Plan, progress Progress) error {
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
		return loadPostgres(ctx, cfg.URL, plan, progress)
	}
	pool, err := db.Write(ctx).DB()
	if err != nil {
		return err
	}
	return loadSQLite(ctx, pool, plan, progress)
}

// withoutIndexes drops the indexes, runs load and creates them again. Then it executes the statement last.
func withoutIndexes(
	definitions []string, exec func(string) error, load func() error, last string, progress Progress,
) error {
	for _, definition := range definitions {
		if err := exec("DROP INDEX " + nameOf(definition)); err != nil {
			return err
		}
	}
	if err := load(); err != nil {
		return err
	}
	for i, definition := range definitions {
		progress("indexes", i, len(definitions))
		if err := exec(definition); err != nil {
			return err
		}
	}
	progress("indexes", len(definitions), len(definitions))
	return exec(last)
}

// nameOf returns the name of CREATE INDEX name ON … or CREATE UNIQUE INDEX name ON …
func nameOf(definition string) string {
	_, name, _ := strings.Cut(definition, "INDEX ")
	return strings.Fields(name)[0]
}

func reportProgress(progress Progress, t table, n int) {
	if n%100_000 == 0 || n == t.rows {
		progress(t.name, n, t.rows)
	}
}
