package transfer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/database/transfer"
	"healthcare/platform/databasetest"
)

const (
	asha   = "018f4c1e-0000-7000-8000-000000000001"
	secret = "Zyxcanary" // must not be part of an error
)

// copyEnv is a SQLite database with rows in most tables, and an empty PostgreSQL database as the target.
type copyEnv struct {
	t        *testing.T
	from, to *database.DB
	config   transfer.CopyConfig
}

func newCopyEnv(t *testing.T) copyEnv {
	t.Helper()
	t.Parallel()
	lite, pg := databasetest.Both(t)
	e := copyEnv{t, open(t, lite), open(t, pg), transfer.CopyConfig{
		From: lite.Path, To: pg, Migrations: migrations.All(), Clock: clock.New(), Progress: ignoreProgress,
	}}
	e.insertRows()
	return e
}

func open(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(t.Context()))
	return db
}

func run(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}

// id returns an id; ids sort by n.
func id(n int) string { return fmt.Sprintf("018f4c1e-0000-7000-8000-%012x", n) }

// insertRows inserts rows with the limits and special characters of every column type.
func (e copyEnv) insertRows() {
	e.t.Helper()
	const at = "2026-11-25T00:10:20.000001Z"
	insert := func(statement string, values ...any) { run(e.t, e.from, "INSERT INTO "+statement, values...) }
	insert(`users
		(id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at) VALUES
		(?, ?, 'A@b.example', 'a@b.example', 'asha', '$argon2id$', 1, 3, '0001-12-31T23:59:59.999999Z', ?),
		(?, 'Ravi', 'r@b.example', 'r@b.example', 'ravi', '', 0, 0, ?, ?)`,
		asha, secret+" 李小龍 e\u0301 \U0001F3E5", "9999-12-31T23:59:59.999999Z", id(2), at, at)
	insert(`user_mailboxes (user_id, mailbox, holds) VALUES (?, 'a@b.example', 1)`, asha)
	insert(`sessions VALUES (?, ?, 2147483647, 'curl', '10.0.0.0/24', ?, ?, ?)`, id(3), asha, at, at, at)
	insert(`signin_attempts (key, failures, expires_at) VALUES ('k', 0, ?)`, at)
	insert(`known_clients (user_id, client, signed_in_at) VALUES (?, 'k', ?)`, asha, at)
	insert(`user_mail_tokens VALUES (?, ?, 9223372036854775807, 0, 1)`, asha, strings.Repeat("a", 64))
	insert(`registrations (network, full_at) VALUES ('k', ?)`, at)
	insert(`deliveries VALUES (?, 'mail', 'account.password-changed', 'user', ?, ?, 9223372036854775807, 'pending', ?,
		?, 3, '451 4.7.1', ?, NULL), (?, 'webhook', 'appointment.booked', 'endpoint', ?, ?, 1, 'sent', NULL, ?, 1,
		'', ?, ?)`,
		id(4), asha, asha, at, at, at, id(5), id(6), id(7), at, at, at)
	insert(`notification_preferences VALUES (?, 'de', 'Europe/Berlin', 'none', 'appointment.booked', 2, ?)`, asha, at)
	insert(`webhook_endpoints VALUES (?, 'https://hooks.example.com/x', '', '', 'k.sealed', '', NULL, 1, '', NULL, 1, ?,
		?, ?)`, id(6), asha, at, at)
	insert(`idempotency_keys VALUES (?, 'POST /', '"quoted" \N	tab', 'f', 201, '{"a": ["b"]}', ?, ?)`,
		asha, []byte{0, 1, 255, '\\', '\n'}, at)
	insert(`idempotency_keys VALUES (?, 'POST /', 'empty', 'f', 201, '{}', x'', ?)`, asha, at)
	for i := range 20 {
		var age, born, number any = 150, nil, nil
		if i%2 == 0 {
			age, born, number = nil, "1904-02-29", fmt.Sprint("MRN-", i)
		}
		insert(`patients VALUES (?, ?, ?, 'Female', ?, ?, '', '', ?, ?, ?, ?, 1, ?, ?)`,
			id(100+i), asha, secret, age, born, "line\r\nline\ttab \\N \\. \x01", number,
			strings.Repeat("ß", i*1000), secret, at, at)
	}
	insert(`doctors VALUES (?, 'Dr. Khanna', 'Dermatology', 0, '', '', NULL, '', 1, ?, ?)`, id(200), at, at)
	insert(`doctor_links VALUES (?, ?, ?, ?)`, id(200), asha, id(2), at)
	insert(`doctor_invitations VALUES (?, ?, x'00ff', ?, ?, ?)`, id(200), id(201), asha, at, at)
	insert(`patient_grants VALUES (?, ?, 'care', ?, 'read', ?, ?, NULL, ?, ?, ?)`,
		id(100), id(200), id(300), asha, at, at, at, secret)
	insert(`patient_invitations VALUES (?, ?, x'00ff', 'self', NULL, ?, ?, ?, 0, ?, ?, ?, 'read')`,
		id(500), id(100), asha, at, at, asha, at, at)
	insert(`patient_restrictions VALUES (?, ?, 'user', ?, ?)`, id(800), id(100), asha, at)
	insert(`emergency_accesses VALUES (?, ?, ?, 'other', ?, ?, ?, NULL, NULL, '', NULL, NULL, 1)`,
		id(900), id(100), asha, secret, at, at)
	insert(`patient_corrections VALUES (?, ?, 'phone', ?, ?, ?, ?, 'accepted', '', ?, ?, 2)`,
		id(600), id(100), secret, secret, id(2), at, asha, at)
	insert(`acting VALUES (?, ?, 'doctor', ?, '', NULL), (?, ?, 'practice', ?, 'keep', ?)`, asha, id(200), at,
		asha, id(700), at, at)
	insert(`practices VALUES (?, ?, ?)`, id(700), secret, at)
	insert(`acting_invitations VALUES (?, ?, 'practice', 'read', NULL, x'00ff', ?, ?, ?)`,
		id(701), id(700), asha, at, at)
	insert(`assignments VALUES (?, ?, ?, ?, ?, 'read', 1)`, id(300), asha, id(100), id(200), at)
	insert(`patient_doctors VALUES (?, ?, ?)`, id(200), id(100), id(300))
	mac := []byte(strings.Repeat("m", 32))
	for i, month := range []string{"2019-12", "2026-10", "2026-11", "2026-11"} {
		insert(`audit_entries VALUES
			(1, ?, ?, ?, 'r', NULL, '', ?, '', 'read', 'Patient', NULL, ?, 'success', 200, '', 0, '', 'k', ?)`,
			i+1, month+"-30T23:59:59.999999Z", id(400+i), id(3), id(100), mac)
	}
	insert(`audit_subjects SELECT patient_id, created_at, id, chain, sequence FROM audit_entries LIMIT 1`)
	run(e.t, e.from,
		`UPDATE audit_heads SET sequence = 4, mac = ?, last_at = '2026-11-30T23:59:59.999999Z' WHERE chain = 1`, mac)
	for number := range 3 {
		insert(`audit_segments VALUES (?, ?, 2, 1, 2, 3, 'k', ?, 9, ?)`, number+1, 1+2*number, mac, mac[:9])
	}
	run(e.t, e.from, `UPDATE audit_chain SET number = 3, sequence = 6, mac = ?, sealed_to = 40, claimed = '39,40',
		anchor_number = 1, anchor_sequence = 2, anchor_mac = ?, closed = 1`, mac, mac)
	insert(`audit_inbox VALUES (41, 2, x'0203')`)
	insert(`audit_index VALUES (zeroblob(17), 2, x'0001')`)
	e.fillAppointments()
}

// fillAppointments inserts appointments of the patients and the doctor of fill. Constraints allow each because of
// another column: the time, the group, the status, or that it is overbooked.
func (e copyEnv) fillAppointments() {
	e.t.Helper()
	const at = "2026-11-25T00:10:20.000001Z"
	insert := func(statement string, values ...any) { run(e.t, e.from, "INSERT INTO "+statement, values...) }
	insert(`appointment_types VALUES (?, ?, 30, 5, 10, 10, 1, 0, 1, 1, ?, ?)`, id(1000), secret, at, at)
	insert(`availability VALUES (?, 'Europe/Berlin', 15, 60, 365, 1, ?)`, id(200), at)
	insert(`availability_windows VALUES (?, ?, 1, 540, 1020, NULL, NULL, NULL),
		(?, ?, 0, 1320, 1500, '2026-01-01', '2026-12-31', ?)`, id(1010), id(200), id(1011), id(200), id(1000))
	insert(`availability_exceptions VALUES (?, ?, '2026-12-24', '2026-12-26', NULL, NULL, 'closed', ?, ?, ?),
		(?, NULL, '2026-12-31', '2026-12-31', 540, 720, 'hours', '', ?, ?)`,
		id(1020), id(200), secret, asha, at, id(1021), asha, at)
	next := 1030
	add := func(patient int, doctor any, session, seat int, hour, status string, overbooked int, expires any) {
		next++
		if session == 0 {
			session = next
		}
		name := map[bool]string{true: secret}[doctor == nil]
		insert(`appointments VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?,
			'2026-12-01T10:00', 'Europe/Berlin', ?, ?,
			?, ?, '', ?, 1, 2, ?, ?, ?)`, id(next), asha, id(100+patient), doctor, name, id(1000), id(session), seat,
			"2026-12-01T"+hour+":00:00.000000Z", "2026-12-01T"+hour+":30:00.000000Z",
			"2026-12-01T"+hour+":00:00.000000Z", "2026-12-01T"+hour+":40:00.123456Z", status, overbooked,
			secret, secret, expires, asha, at, at)
	}
	add(0, id(200), 0, 0, "09", "booked", 0, nil)
	add(1, id(200), 0, 0, "09", "cancelled", 0, nil)
	add(2, id(200), 0, 0, "09", "booked", 1, nil) // overbooked
	add(0, id(200), 1090, 0, "10", "arrived", 0, nil)
	add(1, id(200), 1090, 1, "10", "pending", 0, nil) // of the same group
	add(3, id(200), 0, 0, "11", "held", 0, at)
	add(4, nil, 0, 0, "12", "booked", 0, nil) // of a removed doctor
	add(5, nil, 0, 0, "12", "fulfilled", 0, nil)
	insert(`waiting_entries VALUES (?, ?, ?, ?, ?, '2026-12-01', '2026-12-31', 'morning', 'offered', ?, ?, 2, ?, ?, ?),
		(?, ?, ?, NULL, ?, '2026-12-01', '2026-12-01', 'any', 'waiting', NULL, NULL, 1, ?, ?, ?)`,
		id(1050), asha, id(103), id(200), id(1000), id(1036), at, asha, at, at,
		id(1051), asha, id(104), id(1000), asha, at, at)
	insert(`calendar_feeds VALUES (?, ?, ?, 'initials', ?, ?, '2026-11-30'), (?, ?, x'00ff', 'busy', ?, ?, NULL)`,
		id(1060), id(200), []byte(strings.Repeat("\x00", 32)), asha, at, id(1061), id(200), asha, at)
}

// copy copies the rows, without an error.
func (e copyEnv) copy() transfer.CopyResult {
	e.t.Helper()
	result, err := transfer.Copy(e.t.Context(), e.config)
	require.NoError(e.t, err)
	return result
}

// copyFails asserts that the copy fails for the given reason and that the target is unchanged.
func (e copyEnv) copyFails(reason string) {
	e.t.Helper()
	before := e.targetRows()
	_, err := transfer.Copy(e.t.Context(), e.config)
	require.ErrorContains(e.t, err, reason)
	require.ErrorContains(e.t, err, "nothing was copied")
	require.NotContains(e.t, err.Error(), secret)
	require.Equal(e.t, before, e.targetRows())
}

// tables lists the tables of all migrations.
var tables = []string{
	"users", "user_mailboxes", "sessions", "signin_attempts",
	"known_clients", "user_mail_tokens", "registrations", "idempotency_keys", "patients",
	"doctors", "assignments", "audit_entries", "audit_subjects",
	"audit_heads", "audit_inbox", "audit_segments", "audit_index", "audit_chain",
	"last_writes", "breaking_migrations", "jobs",
	"closed_accounts", "doctor_creators", "doctor_removals", "patient_grants", "acting",
	"patient_doctors", "practices", "acting_invitations", "patient_restrictions", "emergency_accesses",
	"patient_invitations", "doctor_links", "doctor_invitations", "patient_corrections",
	"appointment_types", "availability", "availability_windows", "availability_exceptions", "appointments",
	"waiting_entries", "calendar_feeds", "deliveries", "notification_preferences", "webhook_endpoints",
}

// targetRows returns the number of rows of each table of the target, and the length of its trail as "sequence".
func (e copyEnv) targetRows() map[string]int64 {
	e.t.Helper()
	counts := map[string]int64{}
	for _, table := range tables {
		var n int64
		require.NoError(e.t, e.to.Read(e.t.Context()).Table(table).Count(&n).Error)
		counts[table] = n
	}
	var sequence int64
	require.NoError(e.t, e.to.Read(e.t.Context()).Raw("SELECT sum(sequence) FROM audit_heads").Scan(&sequence).Error)
	counts["sequence"] = sequence
	return counts
}
