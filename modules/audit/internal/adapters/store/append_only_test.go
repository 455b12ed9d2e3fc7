package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
)

// TestR43_TheTrailOnlyGrows runs SQL over the connection of the service.
func TestR43_TheTrailOnlyGrows(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		appendEntries(t.Context(), t, db, now, fullEntries(5)...)
		prepareMonth(t.Context(), t, db, now.AddDate(0, 1, 0))
		appendEntries(t.Context(), t, db, now.AddDate(0, 1, 0), fullEntries(2)...)
		statements := []string{
			"UPDATE audit_entries SET status = 200",
			"UPDATE audit_entries SET outcome = 'success' WHERE sequence = 3",
			"DELETE FROM audit_entries",
			"DELETE FROM audit_entries WHERE sequence = 6",
			"INSERT INTO audit_entries SELECT * FROM audit_entries WHERE sequence = 2",
			"UPDATE audit_subjects SET patient_id = id",
			"DELETE FROM audit_subjects",
			"DELETE FROM audit_heads",
			"UPDATE audit_heads SET sequence = sequence - 1",
			"UPDATE audit_heads SET chain = 2",
			"UPDATE audit_heads SET anchor_sequence = -1",
			"UPDATE audit_heads SET anchor_sequence = 100",
		}
		if db.Engine() == database.SQLite {
			statements = append(statements,
				"REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE sequence = 2",
				"UPDATE OR REPLACE audit_entries SET sequence = 1 WHERE sequence = 2",
				"REPLACE INTO audit_subjects SELECT patient_id, created_at, id, 1, 1 FROM audit_subjects",
				"REPLACE INTO audit_heads SELECT * FROM audit_heads")
		} else {
			statements = append(statements,
				"TRUNCATE audit_entries",
				"TRUNCATE audit_entries_default",
				"TRUNCATE audit_entries_2026_12",
				"TRUNCATE audit_heads",
				"TRUNCATE audit_subjects",
				"DELETE FROM audit_entries_2026_12",
				"UPDATE audit_entries_2026_12 SET status = 1")
		}
		for _, statement := range statements {
			t.Run("rejects "+statement, func(t *testing.T) {
				require.Error(t, db.Write(t.Context()).Exec(statement).Error)
				require.NoError(t, verify(t, ledger))
			})
		}
	})
}

// TestR43_Roles sets up the roles of cmd/healthcare/AUDIT.md: the role of the application can
// only append to the trail.
func TestR43_Roles(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		if db.Engine() != database.Postgres {
			t.Skip("SQLite has no roles")
		}
		application, auditor := newRole(t, db), newRole(t, db)
		for _, grant := range []string{
			"GRANT INSERT, SELECT ON audit_entries, audit_subjects TO " + application,
			"GRANT SELECT, UPDATE ON audit_heads TO " + application,
			"GRANT SELECT ON audit_entries, audit_subjects, audit_heads TO " + auditor,
		} {
			require.NoError(t, db.Write(t.Context()).Exec(grant).Error)
		}
		as := func(role string, do func(ctx context.Context) error) error {
			return db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, db.Write(ctx).Exec("SET LOCAL ROLE "+role).Error)
				return do(ctx)
			})
		}
		t.Run("the application appends and creates partitions", func(t *testing.T) {
			require.NoError(t, as(application, func(ctx context.Context) error {
				prepareMonth(ctx, t, db, now)
				appendEntries(ctx, t, db, now, fullEntries(3)...)
				return nil
			}))
			var partition string
			partitions := db.Read(t.Context()).Raw("SELECT DISTINCT tableoid::regclass FROM audit_entries")
			require.NoError(t, partitions.Scan(&partition).Error)
			require.Equal(t, "audit_entries_2026_11", partition)
			require.NoError(t, verify(t, ledger))
		})
		t.Run("the auditor only reads", func(t *testing.T) {
			require.NoError(t, as(auditor, func(ctx context.Context) error {
				read, err := ledger.Read(ctx, 1, 0, 10)
				require.Len(t, read, 3)
				return err
			}))
			requireDenied(t, as(auditor, func(ctx context.Context) error {
				return db.Write(ctx).Exec("INSERT INTO audit_entries SELECT * FROM audit_entries").Error
			}))
			requireDenied(t, as(auditor, func(ctx context.Context) error {
				return db.Write(ctx).Exec("UPDATE audit_heads SET sequence = 9").Error
			}))
		})
		for _, statement := range []string{
			"UPDATE audit_entries SET status = 1",
			"DELETE FROM audit_entries",
			"TRUNCATE audit_entries",
			"TRUNCATE audit_entries_2026_11",
			"DELETE FROM audit_heads",
			"DROP TABLE audit_entries_2026_11",
			"ALTER TABLE audit_entries DISABLE TRIGGER USER",
			"SELECT audit_drop_months('2030-01-01')",
			"SET LOCAL session_replication_role = replica",
		} {
			t.Run("the application is denied "+statement, func(t *testing.T) {
				requireDenied(t, as(application, func(ctx context.Context) error {
					return db.Write(ctx).Exec(statement).Error
				}))
			})
		}
	})
}

// requireDenied requires PostgreSQL's insufficient_privilege.
func requireDenied(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "42501")
}

// newRole creates a role for the duration of the test.
func newRole(t *testing.T, db *database.DB) string {
	t.Helper()
	name := "audit_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	require.NoError(t, db.Write(t.Context()).Exec("CREATE ROLE "+name).Error)
	t.Cleanup(func() {
		for _, end := range []string{"DROP OWNED BY ", "DROP ROLE "} {
			if err := db.Write(context.Background()).Exec(end + name).Error; err != nil {
				t.Error(err)
			}
		}
	})
	return name
}
