package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"healthcare/platform/database/internal/fault"
)

// UnusableError reports a store that this release must not use until an operator changes it. Retrying is pointless.
type UnusableError = fault.UnusableError

// Violates reports whether err is a violation of the named constraint, on either engine. SQLite does not report the
// names of foreign keys. Therefore check for the referenced row inside the transaction that inserts, which is serial on
// SQLite. On PostgreSQL the constraint's name identifies a concurrent deletion.
func Violates(err error, constraint string) bool { return fault.Violates(err, constraint) }

// DeleteError explains err, the error of a deletion from table. If other rows refer to the deleted ones, a module does
// not react to event, which announces the deletion. This is a defect: the response is 500, and the log names the
// foreign keys. Other errors are returned unchanged.
func (db *DB) DeleteError(ctx context.Context, err error, table, event string) error {
	var f *fault.Error
	if !errors.As(err, &f) || !f.ForeignKey {
		return err
	}
	keys := []string{f.Constraint}
	if db.engine == SQLite { // does not report the name
		keys = nil
		found := db.Write(ctx).Raw(
			`SELECT m.name || '_' || k."from" || '_fkey' FROM sqlite_master m, pragma_foreign_key_list(m.name) k
			WHERE m.type = 'table' AND k."table" = ? AND k.on_delete IN ('NO ACTION', 'RESTRICT') ORDER BY 1`,
			table,
		).Scan(&keys)
		if found.Error != nil {
			return found.Error
		}
	}
	return fmt.Errorf(
		"other rows refer to the rows deleted from %s, by %s: the module of their table must react to %s: %w",
		table, strings.Join(keys, " or "), event, f,
	)
}
