package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthcare/platform/database"
)

// loadPostgres inserts the rows by COPY.
func loadPostgres(ctx context.Context, url string, plan Plan, progress Progress) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, _ = conn.Exec(
		ctx, "SET session_replication_role = replica",
	) // needs a superuser; without, foreign keys are checked
	_, _ = conn.Exec(ctx, "SET maintenance_work_mem = '256MB'")
	rows, err := conn.Query(
		ctx,
		`SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
		AND tablename IN ('patients', 'assignments', 'patient_doctors', 'patient_grants')
		AND indexname LIKE '%\_idx'`,
	)
	if err != nil {
		return err
	}
	definitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	exec := func(statement string) error { _, err := conn.Exec(ctx, statement); return err }
	return withoutIndexes(definitions, exec, func() error {
		for _, t := range plan.tables() {
			n := 0
			_, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromFunc(func() ([]any, error) {
				if n == t.rows {
					return nil, nil
				}
				n++
				reportProgress(progress, t, n)
				return forPostgres(t.row(n - 1)), nil
			}))
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		return nil
	}, "VACUUM (ANALYZE)", progress)
}

// forPostgres converts times and dates to the types of the binary COPY.
func forPostgres(row []any) []any {
	for i, v := range row {
		switch v := v.(type) {
		case database.Time:
			row[i] = v.Time
		case string:
			if day, err := time.Parse(time.DateOnly, v); err == nil {
				row[i] = day
			}
		}
	}
	return row
}
