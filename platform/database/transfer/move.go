package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"healthcare/platform/database/internal/fault"
)

// errUnknown is the one failure after which rows may be there.
var errUnknown = errors.New("the connection broke while the copy was being committed, so it may be there: copy again, which refuses a target that holds it")

// lookEvery is after how many rows a copy says how far it is, and looks whether the source is written to.
const lookEvery = 1000

func (m CopyConfig) move(ctx context.Context, from *source, to *target, pristine reader, done *CopyResult) (err error) {
	if err := to.begin(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = to.execute(context.WithoutCancel(ctx), "ROLLBACK") // a connection that is gone has none to make
		}
	}()
	if err := m.prepare(ctx, from, to, pristine, done); err != nil {
		return err
	}
	for i := range done.Tables {
		if err := m.table(ctx, from, to, &done.Tables[i]); err != nil {
			return err
		}
	}
	return from.withWriteLock(ctx, func(seen int64) error { // nobody writes between the last look and the commit
		if done.Behind = seen != from.seen; done.Behind && !m.Snapshot {
			return errWritten
		}
		if err := to.execute(ctx, "COMMIT"); err != nil {
			return fmt.Errorf("%w (%w)", errUnknown, err)
		}
		return nil
	})
}

// prepare puts the tables in order, and makes sure that the target has nothing but what migrations put there, and gets nothing else.
func (m CopyConfig) prepare(ctx context.Context, from *source, to *target, pristine reader, done *CopyResult) error {
	for i, table := range done.Tables {
		names, err := from.columns(ctx, table.Name)
		if err != nil {
			return err
		}
		if done.Tables[i].columns, err = to.columns(ctx, table.Name, names); err != nil {
			return err
		}
	}
	ordered, err := inOrder(done.Tables, func(name string) ([]string, error) { return to.referenced(ctx, name) })
	if err != nil {
		return err
	}
	done.Tables = ordered
	for _, table := range ordered {
		if err := to.lock(ctx, table.Name); err != nil {
			return err
		}
	}
	if err := to.mustBeEmpty(ctx, ordered); err != nil {
		return err
	}
	for _, table := range ordered {
		if err := table.hasOnlySeeds(ctx, pristine, to); err != nil {
			return err
		}
	}
	return nil
}

// hasOnlySeeds refuses a target in which the rows of migrations are not as those made them: somebody has worked with it.
func (table Table) hasOnlySeeds(ctx context.Context, pristine reader, to *target) error {
	if table.seeded == 0 {
		return nil
	}
	there, err := to.read(ctx, table.Name, table.columns, func(int64) error { return nil })
	if err != nil {
		return err
	}
	seeds := &digest{}
	columns := list(table.columns, func(c column) string { return quoted(c.name) })
	if err := pristine.each(ctx, "SELECT "+columns+" FROM "+quoted(table.Name), nil, seeds.add); err != nil {
		return err
	}
	if !there.equals(seeds) {
		return fmt.Errorf("the target is not empty, and is left as it is: %s has been written to", table.Name)
	}
	return nil
}

// inOrder is the tables, each after those that it references. Errors: they reference each other.
func inOrder(tables []Table, referenced func(string) ([]string, error)) (ordered []Table, err error) {
	waiting, waitsFor := slices.Clone(tables), map[string][]string{}
	for _, table := range tables {
		if waitsFor[table.Name], err = referenced(table.Name); err != nil {
			return nil, err
		}
	}
	for len(waiting) > 0 {
		free := slices.IndexFunc(waiting, func(t Table) bool {
			return !slices.ContainsFunc(waiting, func(other Table) bool { return slices.Contains(waitsFor[t.Name], other.Name) })
		})
		if free < 0 {
			return nil, fmt.Errorf("tables reference each other: %s and others", waiting[0].Name)
		}
		ordered = append(ordered, waiting[free])
		waiting = slices.Delete(waiting, free, free+1)
	}
	return ordered, nil
}

// table copies one, and reads it back.
func (m CopyConfig) table(ctx context.Context, from *source, to *target, table *Table) error {
	rows, err := from.count(ctx, table.Name)
	if err != nil {
		return err
	}
	if err := makeMonths(ctx, from, to, table.Name); err != nil {
		return fmt.Errorf("%s: %w", table.Name, err)
	}
	sent, err := pour(ctx, from, to, table.Name, table.columns, table.seeded > 0, m.ticking(ctx, from, "copying "+table.Name+": row", rows))
	if err != nil {
		return fmt.Errorf("%s: %w", table.Name, err)
	}
	if err := to.advanceSequences(ctx, table.Name); err != nil {
		return err
	}
	there, err := to.read(ctx, table.Name, table.columns, m.ticking(ctx, from, "verifying "+table.Name+": row", rows))
	if err != nil {
		return err
	}
	if !sent.equals(there) || sent.rows != rows {
		return fmt.Errorf("%s is not the same on both sides: %d rows with checksum %s were sent, %d rows with checksum %s arrived",
			table.Name, sent.rows, sent, there.rows, there)
	}
	table.Rows, table.Checksum = there.rows, there.String()
	return to.execute(ctx, "ANALYZE "+quoted(table.Name)) // or the first plans know nothing of the rows
}

// ticking says how far it is, and ends a copy early that will not stand.
func (m CopyConfig) ticking(ctx context.Context, from *source, what string, all int64) func(int64) error {
	return func(rows int64) error {
		if rows%lookEvery != 0 && rows != all {
			return nil
		}
		m.Progress(what, rows, all)
		if seen, err := from.sees(ctx); err != nil || m.Snapshot || seen == from.seen {
			return err
		}
		return errWritten
	}
}

// makeMonths makes the partitions that the rows of a table belong into.
func makeMonths(ctx context.Context, from *source, to *target, table string) error {
	by, ensure, err := to.monthly(ctx, table)
	if err != nil || by == "" {
		return err
	}
	months, err := from.texts(ctx, fmt.Sprintf("SELECT min(%[1]s) FROM %[2]s GROUP BY substr(%[1]s, 1, 7) ORDER BY 1", quoted(by), quoted(table)))
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
