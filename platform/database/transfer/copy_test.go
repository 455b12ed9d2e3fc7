package transfer_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database/transfer"
)

// values returns the results of one query for each engine.
func (e copyEnv) values(sqlite, postgres string) (source, target []string) {
	e.t.Helper()
	require.NoError(e.t, e.from.Read(e.t.Context()).Raw(sqlite).Scan(&source).Error)
	require.NoError(e.t, e.to.Read(e.t.Context()).Raw(postgres).Scan(&target).Error)
	return source, target
}

func TestCopyIncludesAllRows(t *testing.T) {
	e := newCopyEnv(t)
	result := e.copy()
	require.False(t, result.Behind)
	names, rows := []string{}, map[string]int64{}
	for _, table := range result.Tables {
		names, rows[table.Name] = append(names, table.Name), table.Rows
		require.Len(t, table.Checksum, 64)
	}
	require.ElementsMatch(t, tables, names)
	require.Equal(t, map[string]int64{
		"users": 2, "user_mailboxes": 1, "sessions": 1, "signin_attempts": 1, "known_clients": 1,
		"user_mail_tokens": 1, "registrations": 1, "idempotency_keys": 2, "patients": 20, "doctors": 1,
		"assignments": 1, "audit_entries": 4,
		"audit_subjects": 1, "audit_heads": 8, "audit_inbox": 1, "audit_segments": 3, "audit_index": 1,
		"audit_chain": 1, "last_writes": 0, "breaking_migrations": 0, "jobs": 0,
		"closed_accounts": 0, "doctor_creators": 0, "doctor_removals": 0, "patient_grants": 1, "acting": 2,
		"patient_doctors": 1, "practices": 1, "acting_invitations": 1,
		"patient_restrictions": 1, "emergency_accesses": 1,
		"patient_invitations": 1, "doctor_links": 1, "doctor_invitations": 1, "patient_corrections": 1,
		"appointment_types": 1, "availability": 1, "availability_windows": 2, "availability_exceptions": 2,
		"appointments": 8, "waiting_entries": 2, "calendar_feeds": 2,
		"deliveries": 2, "notification_preferences": 1, "webhook_endpoints": 1,
	}, rows)
	const utc = ` at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
	for _, test := range []struct{ name, sqlite, postgres string }{
		{
			"text",
			"SELECT name || email || username || length(search_text) FROM users ORDER BY id",
			"SELECT name || email || username || length(search_text) FROM users ORDER BY id",
		},
		{
			"notes",
			"SELECT hex(notes) || hex(address) FROM patients ORDER BY id",
			"SELECT upper(encode(convert_to(notes || address, 'UTF8'), 'hex')) FROM patients ORDER BY id",
		},
		{
			"times",
			"SELECT created_at || updated_at FROM users ORDER BY id",
			"SELECT to_char(created_at" + utc + " || to_char(updated_at" + utc + " FROM users ORDER BY id",
		},
		{
			"days",
			"SELECT coalesce(birth_date, 'none') || coalesce(age, -1) FROM patients ORDER BY id",
			"SELECT coalesce(birth_date::text, 'none') || coalesce(age, -1) FROM patients ORDER BY id",
		},
		{
			"booleans",
			"SELECT active || '' FROM users ORDER BY id",
			"SELECT active::int || '' FROM users ORDER BY id",
		},
		{
			"bytes",
			"SELECT lower(hex(body)) || key || header FROM idempotency_keys ORDER BY key",
			"SELECT encode(body, 'hex') || key || header FROM idempotency_keys ORDER BY key",
		},
		{
			"heads of the trail",
			"SELECT sequence || lower(hex(mac)) || coalesce(last_at, '') FROM audit_heads ORDER BY chain",
			"SELECT sequence || encode(mac, 'hex') || coalesce(to_char(last_at" + utc +
				", '') FROM audit_heads ORDER BY chain",
		},
		{
			"the end of the trail",
			"SELECT number || ' ' || sequence || lower(hex(mac)) || sealed_to || claimed || anchor_number || " +
				"anchor_sequence || lower(hex(anchor_mac)) || closed FROM audit_chain",
			"SELECT number || ' ' || sequence || encode(mac, 'hex') || sealed_to || claimed || anchor_number || " +
				"anchor_sequence || encode(anchor_mac, 'hex') || closed::int FROM audit_chain",
		},
		{
			"segments",
			"SELECT number || ' ' || first || key_id || lower(hex(packed)) FROM audit_segments ORDER BY number",
			"SELECT number || ' ' || first || key_id || encode(packed, 'hex') FROM audit_segments ORDER BY number",
		},
		{
			"appointments",
			"SELECT coalesce(doctor_id, '') || doctor_name || session_id || seat || blocks_from || " +
				"blocks_to || status || " +
				"overbooked || reason || coalesce(expires_at, '') FROM appointments ORDER BY id",
			"SELECT coalesce(doctor_id::text, '') || doctor_name || session_id || seat || to_char(blocks_from" + utc +
				" || to_char(blocks_to" + utc +
				" || status || overbooked::int || reason || coalesce(to_char(expires_at" +
				utc + ", '') FROM appointments ORDER BY id",
		},
		{
			"opening hours",
			"SELECT weekday || ' ' || from_minute || coalesce(valid_from || valid_to || type_id, '') " +
				"FROM availability_windows ORDER BY id",
			"SELECT weekday || ' ' || from_minute || coalesce(valid_from::text || valid_to || type_id, '') " +
				"FROM availability_windows ORDER BY id",
		},
		{
			"calendar feeds",
			"SELECT lower(hex(token_hash)) || coalesce(last_used_on, '') FROM calendar_feeds ORDER BY id",
			"SELECT encode(token_hash, 'hex') || coalesce(last_used_on::text, '') FROM calendar_feeds ORDER BY id",
		},
	} {
		source, target := e.values(test.sqlite, test.postgres)
		require.NotEmpty(t, source)
		require.Equal(t, source, target, test.name)
	}
	t.Run("stores each audit entry in the partition of its month", func(t *testing.T) {
		_, partitions := e.values("SELECT 1", "SELECT tableoid::regclass::text FROM audit_entries ORDER BY sequence")
		require.Equal(t, []string{
			"audit_entries_2019_12", "audit_entries_2026_10", "audit_entries_2026_11", "audit_entries_2026_11",
		}, partitions)
	})
	t.Run("fails the second time", func(t *testing.T) {
		e := e
		e.t = t
		e.copyFails("the target is not empty and was not changed: " +
			"acting (rows: 2), acting_invitations (rows: 1), appointment_types (rows: 1), appointments (rows: 8), " +
			"assignments (rows: 1), audit_entries (rows: 4), audit_inbox (rows: 1), " +
			"audit_index (rows: 1), audit_segments (rows: 3), audit_subjects (rows: 1)")
	})
}

func TestCopyMigratesTheTarget(t *testing.T) {
	e := newCopyEnv(t)
	run(t, e.to, "DROP SCHEMA public CASCADE")
	run(t, e.to, "CREATE SCHEMA public")
	e.copy()
	require.EqualValues(t, 20, e.targetRows()["patients"])
}

func TestCopyRejectsATargetInUse(t *testing.T) {
	t.Run("with rows", func(t *testing.T) {
		e := newCopyEnv(t)
		run(t, e.to, `INSERT INTO doctors
			(id, name, specialization, experience, email, phone, version, created_at, updated_at)
			VALUES (?, 'A', 'B', 1, '', '', 1, now(), now())`, id(9))
		e.copyFails("the target is not empty and was not changed: doctors (rows: 1)")
	})
	t.Run("with a changed row of a migration", func(t *testing.T) {
		e := newCopyEnv(t)
		run(t, e.to, `UPDATE audit_heads SET sequence = 1 WHERE chain = 3`)
		e.copyFails("audit_heads has been written to")
	})
}

func TestCopyRejectsAnUnknownSource(t *testing.T) {
	t.Run("with an older schema", func(t *testing.T) {
		e := newCopyEnv(t)
		run(t, e.from, "DELETE FROM goose_identity WHERE version_id = (SELECT max(version_id) FROM goose_identity)")
		e.copyFails("run healthcare migrate up on it first")
	})
	t.Run("without a file", func(t *testing.T) {
		e := newCopyEnv(t)
		e.config.From += "-missing"
		e.copyFails("no database at ")
		require.NoFileExists(t, e.config.From)
	})
}

func TestCopyDetectsRowsThatTheTargetChanges(t *testing.T) {
	for name, body := range map[string]string{
		"a changed value": "BEGIN NEW.notes := NEW.notes || ' '; RETURN NEW; END",
		"a missing row":   "BEGIN IF NEW.id = '" + id(107) + "' THEN RETURN NULL; END IF; RETURN NEW; END",
	} {
		t.Run(name, func(t *testing.T) {
			e := newCopyEnv(t)
			run(t, e.to, "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$"+body+"$$")
			run(t, e.to, "CREATE TRIGGER spoil BEFORE INSERT ON patients FOR EACH ROW EXECUTE FUNCTION spoil()")
			if name == "a missing row" {
				run(t, e.from, "DELETE FROM assignments")
			}
			e.copyFails("table patients differs: 20 rows")
			run(t, e.to, "DROP TRIGGER spoil ON patients")
			e.copy()
		})
	}
}

func TestCopyRejectsAValueThatItsColumnCannotHold(t *testing.T) {
	e := newCopyEnv(t)
	run(t, e.from, "PRAGMA foreign_keys = 0")
	pool, err := e.from.Write(t.Context()).DB() // GORM rejects text with NUL
	require.NoError(t, err)
	set := func(column string, value any) {
		_, err := pool.ExecContext(t.Context(), "UPDATE patients SET "+column+" = ? WHERE id = ?", value, id(104))
		require.NoError(t, err)
	}
	for column, wrong := range map[string]any{
		"birth_date": secret,
		"updated_at": "2026-11-25",
		"notes":      "a\x00" + secret,
		"version":    int64(1) << 40,
		"owner_id":   strings.ToUpper(asha),
	} {
		var before any
		query := "SELECT " + column + " FROM patients WHERE id = ?"
		require.NoError(t, pool.QueryRowContext(t.Context(), query, id(104)).Scan(&before))
		set(column, wrong)
		e.copyFails("patients." + column + ": row 5 has a value that the PostgreSQL column cannot hold")
		set(column, before)
	}
	e.copy()
}

func TestInterruptedCopyLeavesTheTargetEmpty(t *testing.T) {
	e := newCopyEnv(t)
	before := e.targetRows()
	for _, step := range []string{"copying patients", "verifying patients", "verifying audit_heads"} {
		ctx, cancel := context.WithCancel(t.Context())
		config := e.config
		config.Progress = func(label string, _, _ int64) {
			if strings.HasPrefix(label, step) {
				cancel()
			}
		}
		_, err := transfer.Copy(ctx, config)
		require.EqualError(t, err, "nothing was copied: the copy was interrupted", step)
		require.Equal(t, before, e.targetRows())
	}
	e.copy()
}

func TestCopyDuringAWrite(t *testing.T) {
	writeDuringCopy := func(t *testing.T, e *copyEnv) {
		var once sync.Once
		e.config.Progress = func(label string, _, _ int64) {
			if strings.HasPrefix(label, "copying doctors") { // before users and patients
				once.Do(func() { run(t, e.from, "UPDATE users SET token_version = 7 WHERE id = ?", asha) })
			}
		}
	}
	t.Run("fails and names the reason", func(t *testing.T) {
		e := newCopyEnv(t)
		writeDuringCopy(t, &e)
		e.copyFails("a server is writing to the source: stop it and copy again")
	})
	t.Run("with Snapshot has the rows of one moment and reports that it is behind", func(t *testing.T) {
		e := newCopyEnv(t)
		writeDuringCopy(t, &e)
		e.config.Snapshot = true
		require.True(t, e.copy().Behind)
		_, version := e.values("SELECT 1", "SELECT token_version || '' FROM users WHERE name LIKE '"+secret+"%'")
		require.Equal(t, []string{"3"}, version)
	})
}
