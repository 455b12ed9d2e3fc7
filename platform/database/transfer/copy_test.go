package transfer_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database/transfer"
)

// values asks both sides for the same thing, each in its own words.
func (h copyEnv) values(lite, pg string) (of, there []string) {
	h.t.Helper()
	require.NoError(h.t, h.from.Read(h.t.Context()).Raw(lite).Scan(&of).Error)
	require.NoError(h.t, h.to.Read(h.t.Context()).Raw(pg).Scan(&there).Error)
	return of, there
}

func TestCopyTakesEverything(t *testing.T) {
	h := newCopyEnv(t)
	done := h.copied()
	require.False(t, done.Behind)
	names, rows := []string{}, map[string]int64{}
	for _, table := range done.Tables {
		names, rows[table.Name] = append(names, table.Name), table.Rows
		require.Len(t, table.Checksum, 64)
	}
	require.ElementsMatch(t, tables, names)
	require.Equal(t, map[string]int64{
		"users": 2, "user_mailboxes": 1, "sessions": 1, "signin_attempts": 1, "known_clients": 1,
		"registrations": 1, "idempotency_keys": 1, "patients": 20, "doctors": 1, "assignments": 1, "audit_entries": 4,
		"audit_subjects": 1, "audit_heads": 8, "last_writes": 0, "breaking_migrations": 0, "jobs": 0, "closed_accounts": 0,
		"doctor_creators": 0, "doctor_removals": 0,
	}, rows)
	const utc = ` at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
	for what, ask := range map[string][2]string{
		"text":      {"SELECT name || email || username || length(search_text) FROM users ORDER BY id", "SELECT name || email || username || length(search_text) FROM users ORDER BY id"},
		"notes":     {"SELECT hex(notes) || hex(address) FROM patients ORDER BY id", "SELECT upper(encode(notes::bytea, 'hex')) FROM (SELECT id, convert_to(notes || address, 'UTF8') AS notes FROM patients) p ORDER BY id"},
		"times":     {"SELECT created_at || updated_at FROM users ORDER BY id", "SELECT to_char(created_at" + utc + " || to_char(updated_at" + utc + " FROM users ORDER BY id"},
		"days":      {"SELECT coalesce(birth_date, 'none') || coalesce(age, -1) FROM patients ORDER BY id", "SELECT coalesce(birth_date::text, 'none') || coalesce(age, -1) FROM patients ORDER BY id"},
		"booleans":  {"SELECT active || '' FROM users ORDER BY id", "SELECT active::int || '' FROM users ORDER BY id"},
		"bytes":     {"SELECT lower(hex(body)) || key || header FROM idempotency_keys", "SELECT encode(body, 'hex') || key || header FROM idempotency_keys"},
		"the heads": {"SELECT sequence || lower(hex(mac)) || coalesce(last_at, '') FROM audit_heads ORDER BY chain", "SELECT sequence || encode(mac, 'hex') || coalesce(to_char(last_at" + utc + ", '') FROM audit_heads ORDER BY chain"},
	} {
		of, there := h.values(ask[0], ask[1])
		require.NotEmpty(t, of)
		require.Equal(t, of, there, what)
	}
	t.Run("and each entry of the trail to its month", func(t *testing.T) {
		_, parts := h.values("SELECT 1", "SELECT tableoid::regclass::text FROM audit_entries ORDER BY sequence")
		require.Equal(t, []string{"audit_entries_2019_12", "audit_entries_2026_10", "audit_entries_2026_11", "audit_entries_2026_11"}, parts)
	})
	t.Run("and is refused a second time", func(t *testing.T) {
		h := h
		h.t = t
		h.refused("it is not empty, and is left as it is: assignments (rows: 1), audit_entries (rows: 4), audit_subjects (rows: 1), doctors (rows: 1)")
	})
}

func TestCopyMigratesTheTarget(t *testing.T) {
	h := newCopyEnv(t)
	run(t, h.to, "DROP SCHEMA public CASCADE")
	run(t, h.to, "CREATE SCHEMA public")
	h.copied()
	require.EqualValues(t, 20, h.there()["patients"])
}

func TestCopyRefusesATargetThatPeopleHaveUsed(t *testing.T) {
	t.Run("rows", func(t *testing.T) {
		h := newCopyEnv(t)
		run(t, h.to, `INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at) VALUES (?, 'A', 'B', 1, '', '', 1, now(), now())`, id(9))
		h.refused("it is not empty, and is left as it is: doctors (rows: 1)")
	})
	t.Run("a trail that was begun", func(t *testing.T) {
		h := newCopyEnv(t)
		run(t, h.to, `UPDATE audit_heads SET sequence = 1 WHERE chain = 3`)
		h.refused("audit_heads has been written to")
	})
}

func TestCopyRefusesASourceOfAnotherSchema(t *testing.T) {
	t.Run("an older one", func(t *testing.T) {
		h := newCopyEnv(t)
		run(t, h.from, "DELETE FROM goose_identity WHERE version_id = (SELECT max(version_id) FROM goose_identity)")
		h.refused("run healthcare migrate up on it first")
	})
	t.Run("no database", func(t *testing.T) {
		h := newCopyEnv(t)
		h.move.From += "-of-another"
		h.refused("no database at ")
		require.NoFileExists(t, h.move.From)
	})
}

func TestCopyFindsWhatArrivesChanged(t *testing.T) {
	for what, body := range map[string]string{
		"a value": "BEGIN NEW.notes := NEW.notes || ' '; RETURN NEW; END",
		"a row":   "BEGIN IF NEW.id = '" + id(107) + "' THEN RETURN NULL; END IF; RETURN NEW; END",
	} {
		t.Run(what, func(t *testing.T) {
			h := newCopyEnv(t)
			run(t, h.to, "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$"+body+"$$")
			run(t, h.to, "CREATE TRIGGER spoil BEFORE INSERT ON patients FOR EACH ROW EXECUTE FUNCTION spoil()")
			if what == "a row" {
				run(t, h.from, "DELETE FROM assignments")
			}
			h.refused("patients is not the same on both sides: 20 rows")
			run(t, h.to, "DROP TRIGGER spoil ON patients")
			h.copied()
		})
	}
}

func TestCopyRefusesWhatAColumnCannotHold(t *testing.T) {
	h := newCopyEnv(t)
	run(t, h.from, "PRAGMA foreign_keys = 0")
	pool, err := h.from.Write(t.Context()).DB() // GORM refuses text with NUL
	require.NoError(t, err)
	for column, value := range map[string]any{
		"birth_date": secret, "updated_at": "2026-11-25", "notes": "a\x00" + secret, "version": int64(1) << 40, "owner_id": strings.ToUpper(asha),
	} {
		var was any
		require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT "+column+" FROM patients WHERE id = ?", id(104)).Scan(&was))
		for _, v := range []any{value, was} {
			_, err = pool.ExecContext(t.Context(), "UPDATE patients SET "+column+" = ? WHERE id = ?", v, id(104))
			require.NoError(t, err)
			if v != was {
				h.refused("patients." + column + ": row 5 holds what PostgreSQL's column cannot")
			}
		}
	}
	h.copied()
}

func TestCopyThatIsStoppedLeavesNothing(t *testing.T) {
	h := newCopyEnv(t)
	before := h.there()
	for _, when := range []string{"copying patients", "verifying patients", "verifying audit_heads"} {
		ctx, stop := context.WithCancel(t.Context())
		move := h.move
		move.Progress = func(what string, _, _ int64) {
			if strings.HasPrefix(what, when) {
				stop()
			}
		}
		_, err := transfer.Copy(ctx, move)
		require.EqualError(t, err, "nothing was copied: stopped before it was done", when)
		require.Equal(t, before, h.there())
	}
	h.copied()
}

func TestCopyBesideAWriter(t *testing.T) {
	writing := func(t *testing.T, h *copyEnv) {
		var once sync.Once
		h.move.Progress = func(what string, _, _ int64) {
			if strings.HasPrefix(what, "copying doctors") { // before users and patients
				once.Do(func() { run(t, h.from, "UPDATE users SET token_version = 7 WHERE id = ?", asha) })
			}
		}
	}
	t.Run("is given up, and says why", func(t *testing.T) {
		h := newCopyEnv(t)
		writing(t, &h)
		h.refused("a server is writing to the source: stop it and copy again")
	})
	t.Run("is of one moment with Snapshot, and says that it is behind", func(t *testing.T) {
		h := newCopyEnv(t)
		writing(t, &h)
		h.move.Snapshot = true
		require.True(t, h.copied().Behind)
		_, version := h.values("SELECT 1", "SELECT token_version || '' FROM users WHERE name LIKE '"+secret+"%'")
		require.Equal(t, []string{"3"}, version)
	})
}
