package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"healthcare/platform/database/internal/fault"
)

// UnusableError is a store that this release must not work with until an operator changes it. Trying again is pointless.
type UnusableError = fault.UnusableError

// Violates reports whether err is a violation of the constraint of that name, on either engine. SQLite does not report the
// name of a foreign key: check inside the transaction that inserts (its transactions are serial), and let PostgreSQL's name
// catch the race.
func Violates(err error, constraint string) bool { return fault.Violates(err, constraint) }

// Deleted explains err, with which the deletion of rows of table was rejected. If other rows refer to them, a module
// does not react to event, the announcement of the deletion: a fault of the program, which is answered 500 and whose
// log line names the foreign keys. It returns other errors unchanged.
func (db *DB) Deleted(ctx context.Context, err error, table, event string) error {
	var f *fault.Error
	if !errors.As(err, &f) || !f.ForeignKey {
		return err
	}
	keys := []string{f.Constraint}
	if db.Engine() == SQLite { // does not report the name
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
	return fmt.Errorf("rows refer to what is deleted from %s, by %s: the module of that table must react to %s: %w",
		table, strings.Join(keys, " or "), event, f)
}
