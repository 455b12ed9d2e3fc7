package database_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestIDsAndTimes verifies that ids of every type that modules use, and times, are stored unchanged and find their
// rows.
func TestIDsAndTimes(t *testing.T) {
	t.Parallel()
	type own struct{ uuid.UUID }
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		id, at := "uuid", "timestamptz"
		if db.Engine() == database.SQLite {
			id, at = "text", "text"
		}
		exec(t, db, `CREATE TABLE named (id `+id+` PRIMARY KEY, parent `+id+`, at `+at+`)`)
		one, now := own{uuid.Must(uuid.NewV7())}, database.At(time.Now().Truncate(time.Microsecond).UTC())
		exec(t, db, `INSERT INTO named (id, parent, at) VALUES (?, ?, ?)`, one, (*uuid.UUID)(nil), now)
		exec(t, db, `INSERT INTO named (id, parent, at) VALUES (?, ?, ?)`, uuid.New(), &one.UUID, database.Time{})
		for what, value := range map[string]any{
			"a module's type": one, "a UUID": one.UUID, "a pointer": &one, "a text": one.String(),
		} {
			var found []struct {
				ID     own
				Parent *uuid.UUID
				At     database.Time
			}
			byID := db.Read(t.Context()).Raw(`SELECT * FROM named WHERE id = ? AND at = ?`, value, now)
			require.NoError(t, byID.Scan(&found).Error, what)
			require.Len(t, found, 1, what)
			require.Equal(t, one, found[0].ID, what)
			require.Nil(t, found[0].Parent, what)
			require.Equal(t, now, found[0].At, what)
			byParent := db.Read(t.Context()).Raw(`SELECT * FROM named WHERE parent IN ? AND at IS NULL`, []any{value})
			require.NoError(t, byParent.Scan(&found).Error, what)
			require.Len(t, found, 1, what)
		}
	})
}
