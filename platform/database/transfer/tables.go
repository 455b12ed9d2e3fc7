package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"healthcare/platform/database/internal/fault"
)

// errCommitUnknown is the only error after which the target may hold the rows.
var errCommitUnknown = errors.New("the connection broke during the commit, so the copy may be complete: " +
	"copy again, which fails if the target already holds the rows")

// progressInterval is the number of rows after which a copy reports its progress and checks the source for writes.
const progressInterval = 1000

// copyTables copies all tables in one transaction and verifies them before it commits.
func (cfg CopyConfig) copyTables(
	ctx context.Context, from *source, to *target, pristine reader, result *CopyResult,
) (err error) {
	if err := to.execute(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = to.execute(context.WithoutCancel(ctx), "ROLLBACK") // fails if the connection is lost
		}
	}()
	if err := result.prepare(ctx, from, to, pristine); err != nil {
		return err
	}
	for i := range result.Tables {
		if err := cfg.copyTable(ctx, from, to, &result.Tables[i]); err != nil {
			return err
		}
	}
	// the lock excludes writes between the last check and the commit
	return from.withWriteLock(ctx, func(version int64) error {
		if result.Behind = version != from.version; result.Behind && !cfg.Snapshot {
			return errSourceChanged
		}
		if err := to.execute(ctx, "COMMIT"); err != nil {
			return fmt.Errorf("%w (%w)", errCommitUnknown, err)
		}
		return nil
	})
}

// prepare sorts the tables by their references and locks them. It returns an error if the target has rows that
// migrations did not insert.
func (result *CopyResult) prepare(ctx context.Context, from *source, to *target, pristine reader) error {
	for i, table := range result.Tables {
		names, err := from.columns(ctx, table.Name)
		if err != nil {
			return err
		}
		if result.Tables[i].columns, err = to.columns(ctx, table.Name, names); err != nil {
			return err
		}
	}
	sorted, err := sortByReferences(result.Tables, func(name string) ([]string, error) {
		return to.referenced(ctx, name)
	})
	if err != nil {
		return err
	}
	result.Tables = sorted
	for _, table := range sorted {
		if err := to.lock(ctx, table.Name); err != nil {
			return err
		}
	}
	if err := to.checkEmpty(ctx, sorted); err != nil {
		return err
	}
	for i := range sorted {
		if err := sorted[i].checkSeeds(ctx, pristine, to); err != nil {
			return err
		}
	}
	return nil
}

// sortByReferences returns the tables, each after the tables that it references. Errors: a cycle.
func sortByReferences(tables []Table, referenced func(string) ([]string, error)) (sorted []Table, err error) {
	remaining, references := slices.Clone(tables), map[string][]string{}
	for _, table := range tables {
		if references[table.Name], err = referenced(table.Name); err != nil {
			return nil, err
		}
	}
	isRemaining := func(name string) bool {
		return slices.ContainsFunc(remaining, func(t Table) bool { return t.Name == name })
	}
	for len(remaining) > 0 {
		next := slices.IndexFunc(remaining, func(t Table) bool {
			return !slices.ContainsFunc(references[t.Name], isRemaining)
		})
		if next < 0 {
			return nil, fmt.Errorf("tables reference each other: %s and others", remaining[0].Name)
		}
		sorted = append(sorted, remaining[next])
		remaining = slices.Delete(remaining, next, next+1)
	}
	return sorted, nil
}

// copyTable copies one table, reads it back and compares the checksums.
func (cfg CopyConfig) copyTable(ctx context.Context, from *source, to *target, table *Table) error {
	rows, err := from.count(ctx, table.Name)
	if err != nil {
		return err
	}
	if err := createPartitions(ctx, from, to, table.Name); err != nil {
		return fmt.Errorf("%s: %w", table.Name, err)
	}
	sent, err := sendRows(ctx, from, to, table, cfg.onRow(ctx, from, "copying "+table.Name+": row", rows))
	if err != nil {
		return fmt.Errorf("%s: %w", table.Name, err)
	}
	if err := to.advanceSequences(ctx, table.Name); err != nil {
		return err
	}
	stored, err := to.digest(ctx, table, cfg.onRow(ctx, from, "verifying "+table.Name+": row", rows))
	if err != nil {
		return err
	}
	if !sent.equals(stored) || sent.rows != rows {
		return fmt.Errorf(
			"table %s differs: %d rows with checksum %s were sent, %d rows with checksum %s are in the target",
			table.Name, sent.rows, sent, stored.rows, stored)
	}
	table.Rows, table.Checksum = stored.rows, stored.String()
	return to.execute(ctx, "ANALYZE "+quoted(table.Name)) // else the first plans assume an empty table
}

// onRow returns a function to call after each row. At intervals it reports the progress and returns an error if the
// source was written to, so that a copy that must fail ends early.
func (cfg CopyConfig) onRow(ctx context.Context, from *source, label string, all int64) func(int64) error {
	return func(rows int64) error {
		if rows%progressInterval != 0 && rows != all {
			return nil
		}
		cfg.Progress(label, rows, all)
		if version, err := from.dataVersion(ctx); err != nil || cfg.Snapshot || version == from.version {
			return err
		}
		return errSourceChanged
	}
}

// createPartitions creates the monthly partitions for the rows of a table.
func createPartitions(ctx context.Context, from *source, to *target, table string) error {
	by, ensure, err := to.monthlyPartitioning(ctx, table)
	if err != nil || by == "" {
		return err
	}
	months, err := from.texts(ctx, fmt.Sprintf(
		"SELECT min(%[1]s) FROM %[2]s GROUP BY substr(%[1]s, 1, 7) ORDER BY 1", quoted(by), quoted(table)))
	if err != nil {
		return err
	}
	for _, month := range months {
		at, ok := parseInstant(month)
		if !ok {
			return errors.New("a stored time is malformed")
		}
		if _, err := to.conn.Exec(ctx, "SELECT "+ensure+"($1)", at); err != nil {
			return fault.Explain(err)
		}
	}
	return nil
}
