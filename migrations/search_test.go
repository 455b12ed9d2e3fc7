package migrations_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestStaleSearchTextsAreIndexed checks that the index of each table has the condition of the query for stale rows, and
// that both planners use it.
func TestStaleSearchTextsAreIndexed(t *testing.T) {
	t.Parallel()
	for table, file := range map[string]string{
		"patients": "patients/%s/0003", "doctors": "doctors/%s/0003", "users": "identity/%s/0005",
	} {
		t.Run(table, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				engine := db.Engine()
				condition := database.StaleSearchTextCondition(engine)
				folder := map[string]string{"users": "identity"}[table]
				if folder == "" {
					folder = table
				}
				name := folder + "/" + string(engine) + "/" + file[len(file)-4:] + "_search_text_stale.sql"
				sql, err := fs.ReadFile(migrations.All().Files, name)
				require.NoError(t, err)
				require.Contains(t, string(sql), condition)
				index := table + "_search_text_stale_idx"
				query := databasetest.Statement{
					SQL:    "SELECT id FROM " + table + " WHERE " + condition + " AND id > ? ORDER BY id LIMIT 100",
					Values: []any{"00000000-0000-0000-0000-000000000000"},
				}
				if engine == database.SQLite {
					require.Contains(t, query.QueryPlan(t, db), "USING INDEX "+index)
					return
				}
				fill(t, db)
				query.SQL = "SELECT id FROM " + table + " WHERE " + condition + " AND id > $1 ORDER BY id LIMIT 100"
				for _, mode := range databasetest.PlanModes {
					steps := query.Explain(t, db, mode).Steps()
					require.Equal(t, index, steps[len(steps)-1].Index)
				}
			})
		})
	}
}

// fill makes the tables so large that PostgreSQL prefers an index to a sequential scan.
func fill(t *testing.T, db *database.DB) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version, search_text,
				created_at, updated_at)
			SELECT gen_random_uuid(), 'A', 'a@' || n, 'a@' || n, 'a' || n, '-', true, 0, 'a' || n, now(), now()
			FROM generate_series(1, 5000) n`,
		`INSERT INTO doctors (id, name, specialization, experience, email, phone, search_text, version, created_at,
				updated_at)
			SELECT gen_random_uuid(), 'A', 'B', 1, '', '', 'a' || n, 1, now(), now() FROM generate_series(1, 5000) n`,
		`INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, search_text, version,
				created_at, updated_at)
			SELECT gen_random_uuid(), id, 'A', 'Other', 1, '', '', '', '', 'a' || search_text, 1, now(), now()
			FROM users`,
		`UPDATE users SET search_text = search_text || chr(8203) WHERE search_text LIKE 'a7%'`,
		`ANALYZE`,
	} {
		require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
	}
}

// TestMigrationMarksStaleSearchTexts checks that the migration marks users whose search text an earlier one computed in
// SQL. It may run again over an index that an interrupted attempt left behind.
func TestMigrationMarksStaleSearchTexts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		write := db.Write(t.Context())
		id := uuid.Must(uuid.NewV7())
		insert := func(id uuid.UUID, name, email, text string) {
			at := database.At(time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC))
			require.NoError(t, write.Exec(`INSERT INTO users
				(id, name, email, mailbox, username, password_hash, active, token_version, search_text,
				created_at, updated_at)
				VALUES (?, ?, ?, ?, ?, '-', ?, 0, ?, ?, ?)`, id, name, email, email, email, true, text, at, at).Error)
		}
		lower := "josÉ\ne@x.example" // on PostgreSQL too: the name's collation is "C"
		insert(id, "JosÉ", "e@x.example", lower)
		insert(uuid.Must(uuid.NewV7()), "Ana", "a@x.example", "ana\na@x.example")
		require.NoError(t, write.Exec("DELETE FROM goose_identity WHERE version_id >= 5").Error)
		for _, later := range []string{"known_clients", "registrations", "closed_accounts", "acting",
			"practices", "acting_invitations", "user_mail_tokens"} {
			require.NoError(t, write.Exec("DROP TABLE "+later).Error)
		}
		require.NoError(t, write.Exec("ALTER TABLE users DROP COLUMN self_registered").Error)
		if db.Engine() == database.SQLite {
			require.NoError(t, write.Exec("DROP INDEX users_search_text_stale_idx").Error)
		}
		_, err := db.Migrate(t.Context(), migrations.All())
		require.NoError(t, err)
		var stale []string
		users := db.Read(t.Context()).Table("users").Where(database.StaleSearchTextCondition(db.Engine()))
		require.NoError(t, users.Pluck("id", &stale).Error)
		require.Equal(t, []string{id.String()}, stale)
	})
}
