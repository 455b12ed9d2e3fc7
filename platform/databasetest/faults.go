package databasetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/database"
)

// ErrInjected is the error that RunWithFaults injects.
var ErrInjected = errors.New("injected fault")

// faults records the steps of one run of a use case, one of which fails.
type faults struct {
	failing int // 1 is the first step
	mu      sync.Mutex
	steps   []string
}

type faultsKey struct{}

// InjectFault counts a step of the use case that runs with ctx, and returns ErrInjected if the step must fail. Fakes of
// dependencies call it. Statements and audittest.Recorder already do.
func InjectFault(ctx context.Context, step string) error {
	f, _ := ctx.Value(faultsKey{}).(*faults)
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, step)
	if len(f.steps) != f.failing {
		return nil
	}
	return ErrInjected
}

// RunWithFaults runs a use case once for each of its steps, which fails in that run: its statements, audit entries and
// calls of InjectFault. The use case must return the error and leave all tables unchanged, except the ignored ones. The
// last run has no fault, and RunWithFaults returns its error. All runs must have the same steps up to the fault,
// because a step that is missing from later runs, such as a cached query, shifts those after it: they would not fail.
// Tests that use one database must not run in parallel.
func RunWithFaults(t testing.TB, db *database.DB, useCase func(ctx context.Context) error, ignored ...string) error {
	t.Helper()
	return runWithFaults(t, db, useCase, true, ignored)
}

// ResumeWithFaults is RunWithFaults for a use case of several transactions, which continues where it failed. The steps
// of its runs differ.
func ResumeWithFaults(
	t testing.TB, db *database.DB, useCase func(ctx context.Context) error, ignored ...string,
) error {
	t.Helper()
	return runWithFaults(t, db, useCase, false, ignored)
}

func runWithFaults(
	t testing.TB, db *database.DB, useCase func(ctx context.Context) error, sameSteps bool, ignored []string,
) error {
	t.Helper()
	registerFaults(t, db)
	before := contents(t, db, ignored)
	steps := []string{} // of the previous run, up to its fault
	for n := 1; ; n++ {
		f := &faults{failing: n, steps: []string{}}
		err := useCase(context.WithValue(t.Context(), faultsKey{}, f))
		if sameSteps {
			require.Equal(t, steps, f.steps[:min(n-1, len(f.steps))], "the steps of run %d", n)
		}
		if len(f.steps) < n {
			require.Greater(t, n, 1, "the use case has no step that can fail")
			return err
		}
		failed := f.steps[n-1]
		require.ErrorIs(t, err, ErrInjected, "the error of step %d (%s) is dropped", n, failed)
		after := contents(t, db, ignored)
		for table, rows := range before {
			require.Equal(t, rows, after[table], "table %s after the fault of step %d (%s)", table, n, failed)
		}
		steps = f.steps[:n]
	}
}

const faultCallback = "test:fault"

// registerFaults makes the statements of db steps of InjectFault.
func registerFaults(t testing.TB, db *database.DB) {
	t.Helper()
	for _, pool := range []*gorm.DB{db.Write(t.Context()), db.Read(t.Context())} {
		do := pool.Callback()
		if do.Query().Get(faultCallback) != nil {
			continue
		}
		inject := func(kind string) func(*gorm.DB) {
			return func(tx *gorm.DB) {
				if tx.Error == nil && !tx.DryRun { // a subquery is built by a dry run
					step := fmt.Sprintf("%s of %s", kind, cmp.Or(tx.Statement.Table, tx.Statement.SQL.String()))
					_ = tx.AddError(InjectFault(tx.Statement.Context, step))
				}
			}
		}
		require.NoError(t, errors.Join(
			do.Create().Before("gorm:create").Register(faultCallback, inject("insert")),
			do.Query().Before("gorm:query").Register(faultCallback, inject("query")),
			do.Update().Before("gorm:update").Register(faultCallback, inject("update")),
			do.Delete().Before("gorm:delete").Register(faultCallback, inject("delete")),
			do.Row().Before("gorm:row").Register(faultCallback, inject("query")),
			do.Raw().Before("gorm:raw").Register(faultCallback, inject("statement")),
		))
	}
}

// contents returns the rows of every table, as texts.
func contents(t testing.TB, db *database.DB, ignored []string) map[string][]string {
	t.Helper()
	catalogue := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if db.Engine() == database.Postgres {
		catalogue = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
	}
	var tables []string
	require.NoError(t, db.Read(t.Context()).Raw(catalogue).Scan(&tables).Error)
	all := map[string][]string{}
	for _, table := range tables {
		if slices.Contains(ignored, table) || strings.HasPrefix(table, "goose_") {
			continue
		}
		var rows []map[string]any
		require.NoError(t, db.Read(t.Context()).Table(table).Find(&rows).Error)
		texts := make([]string, len(rows))
		for i, row := range rows {
			texts[i] = fmt.Sprint(row)
		}
		slices.Sort(texts)
		all[table] = texts
	}
	return all
}
