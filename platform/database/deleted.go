package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Deleted explains err, with which the deletion of rows of table was refused. If other rows refer to them, a module
// does not react to event, the announcement of the deletion: a fault of the program, which is answered 500 and whose
// log line names the foreign keys. Other errors pass.
func (db *DB) Deleted(ctx context.Context, err error, table, event string) error {
	var f *Fault
	if !errors.As(err, &f) || !f.referred {
		return err
	}
	keys := []string{f.constraint}
	if db.Engine() == SQLite { // it names no foreign key
		keys = nil
		named := db.Write(ctx).Raw(
			`SELECT m.name || '_' || k."from" || '_fkey' FROM sqlite_master m, pragma_foreign_key_list(m.name) k
			WHERE m.type = 'table' AND k."table" = ? AND k.on_delete IN ('NO ACTION', 'RESTRICT') ORDER BY 1`,
			table,
		).Scan(&keys)
		if named.Error != nil {
			return named.Error
		}
	}
	return fmt.Errorf("rows refer to what is deleted from %s, by %s: the module of that table must react to %s: %w",
		table, strings.Join(keys, " or "), event, f)
}
