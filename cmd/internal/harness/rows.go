package harness

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx of database/sql
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/audittest"
	"healthcare/modules/doctors"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// AddLargePatients gives the client patients with the longest notes, written as the store has them, for speed.
func (s *Service) AddLargePatients(t *testing.T, c *Client, count, notes int) {
	t.Helper()
	first := c.AddPatient()
	columns := "owner_id, name, gender, age, birth_date, email, phone, address, " +
		"medical_record_number, search_text, version, created_at, updated_at"
	numbers := "SELECT n FROM generate_series(1, ?) AS numbers (n)"
	id := "gen_random_uuid()"
	if s.DB.Engine() == database.SQLite {
		numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) " +
			"SELECT n FROM numbers"
		id = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || " +
			"hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))"
	}
	statement := "INSERT INTO patients (id, notes, " + columns + ") " +
		"SELECT " + id + ", ?, " + columns + " FROM patients, (" + numbers + ") AS series WHERE id = ?"
	require.NoError(t, s.DB.Write(t.Context()).Exec(statement, strings.Repeat("𝒜", notes), count, first).Error)
}

// AuditEntries returns the audit entries of the request with that id, in order.
func (s *Service) AuditEntries(t *testing.T, request string) (entries []Object) {
	t.Helper()
	return s.FindAuditEntries(t, func(e Object) bool { return e["request_id"] == request })
}

// FindAuditEntries returns the entries for which matches is true, in order.
func (s *Service) FindAuditEntries(t testing.TB, matches func(Object) bool) (entries []Object) {
	t.Helper()
	for _, e := range audittest.Entries(context.Background(), t, s.DB) {
		if matches(e) {
			entries = append(entries, e)
		}
	}
	return entries
}

// AddAssignedPatients adds that many patients of the user, all assigned to the doctor.
func (s *Service) AddAssignedPatients(t testing.TB, owner, doctor string, count int) (patients []string) {
	t.Helper()
	at, people, assigned := database.At(time.Now()), []Object{}, []Object{}
	for range count {
		patient := uuid.Must(uuid.NewV7()).String()
		patients = append(patients, patient)
		people = append(people, Object{
			"id": patient, "owner_id": owner, "name": "P", "gender": "Other", "age": 1,
			"email": "", "phone": "", "address": "", "notes": "", "version": 1,
			"created_at": at, "updated_at": at,
		})
		assigned = append(
			assigned,
			Object{
				"id":          uuid.Must(uuid.NewV7()).String(),
				"owner_id":    owner,
				"patient_id":  patient,
				"doctor_id":   doctor,
				"assigned_at": at,
			},
		)
	}
	require.NoError(t, s.DB.Do(t.Context(), func(ctx context.Context) error {
		require.NoError(t, s.DB.Write(ctx).Table("patients").CreateInBatches(people, 500).Error)
		return s.DB.Write(ctx).Table("assignments").CreateInBatches(assigned, 500).Error
	}))
	return patients
}

// ReleaseDoctor ends or moves a batch of the doctor's assignments, as a job does, and returns how many.
func (s *Service) ReleaseDoctor(t testing.TB, released doctors.Assignments, doctor, to string) (ended int) {
	t.Helper()
	who := auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Admin}
	id, err := doctors.ParseID(doctor)
	require.NoError(t, err)
	var other *doctors.ID
	if to != "" {
		id, err := doctors.ParseID(to)
		require.NoError(t, err)
		other = &id
	}
	require.NoError(t, s.DB.Do(t.Context(), func(ctx context.Context) error {
		ended, err = released.Release(ctx, who, id, other, 500)
		return err
	}))
	return ended
}

// LargeCount is the number of patients of a user who closes the account: more than one request removes.
func LargeCount() int {
	if os.Getenv("SOAK") == "1" {
		return 50_000
	}
	return 1_500
}

// AddPatients stores n patients of the owner.
func (s *Service) AddPatients(t *testing.T, owner string, n int) {
	t.Helper()
	rows, now := make([]map[string]any, n), database.At(time.Now())
	for i := range rows {
		rows[i] = map[string]any{
			"id": uuid.Must(uuid.NewV7()), "owner_id": owner, "name": "canary of many",
			"gender": "Other", "age": 1, "email": "", "phone": "",
			"address": "", "notes": "", "version": 1, "created_at": now, "updated_at": now,
		}
	}
	require.NoError(t, s.DB.Write(t.Context()).Table("patients").CreateInBatches(rows, 500).Error)
}

// AddJob adds a job without a handler, and returns its id.
func (s *Service) AddJob(t *testing.T) string {
	t.Helper()
	id, now := uuid.NewString(), database.At(time.Now())
	require.NoError(t, s.DB.Write(t.Context()).Exec(`INSERT INTO jobs
		(id, kind, parameters, state, done, total, failures, due_at, created_at)
		VALUES (?, 'of the test', '{}', 'pending', 0, 1, 0, ?, ?)`, id, now, now).Error)
	return id
}

// Rows has all stored rows by table, with every value as text.
type Rows map[string][]map[string]string

// StoredRowsOf reads the tables.
func (s *Service) StoredRowsOf(t *testing.T, tables ...string) Rows {
	t.Helper()
	all := Rows{}
	for _, table := range tables {
		all[table] = s.rowsOf(t, table)
	}
	return all
}

// StoredRows reads every table of the catalogue except the audit trail, which grows with every read.
func (s *Service) StoredRows(t *testing.T) Rows {
	t.Helper()
	isTrail := func(table string) bool { return strings.HasPrefix(table, "audit_") }
	all := s.StoredRowsOf(t, slices.DeleteFunc(s.TableNames(t), isTrail)...)
	require.Contains(t, all, "patients")
	return all
}

// rowsOf returns the rows of a table in the order of their values. Tests read all tables thousands of times, so that
// each row is converted once, and sorted by a key that is made once.
func (s *Service) rowsOf(t *testing.T, table string) []map[string]string {
	t.Helper()
	read, err := s.DB.Read(t.Context()).Table(table).Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(read.Err(), read.Close())) }()
	columns, err := read.Columns()
	require.NoError(t, err)
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	type keyed struct {
		key string
		row map[string]string
	}
	var found []keyed
	for read.Next() {
		require.NoError(t, read.Scan(into...))
		texts, row := make([]string, len(columns)), make(map[string]string, len(columns))
		for i, column := range columns {
			texts[i] = ValueText(values[i])
			row[column] = texts[i]
		}
		found = append(found, keyed{strings.Join(texts, "\x00"), row})
	}
	slices.SortFunc(found, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	rows := make([]map[string]string, len(found))
	for i := range found {
		rows[i] = found[i].row
	}
	return rows
}

// ValueText returns a stored value as text.
func ValueText(value any) string {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case string:
		return v
	case []byte:
		return string(v)
	}
	return fmt.Sprint(value)
}

// TableNames returns the tables of the database's catalogue.
func (s *Service) TableNames(t *testing.T) (names []string) {
	t.Helper()
	catalogue := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
	if s.DB.Engine() == database.Postgres {
		catalogue = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
	}
	require.NoError(t, s.DB.Read(t.Context()).Raw(catalogue).Scan(&names).Error)
	return names
}

// ColumnNames returns the names of all columns of all tables.
func (s *Service) ColumnNames(t *testing.T) (names []string) {
	t.Helper()
	for _, table := range s.TableNames(t) {
		columns, err := s.columnsOf(t, table)
		require.NoError(t, err)
		names = append(names, columns...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Service) columnsOf(t *testing.T, table string) ([]string, error) {
	t.Helper()
	read, err := s.DB.Read(t.Context()).Table(table).Limit(0).Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(read.Err(), read.Close())) }()
	return read.Columns()
}

// BelongingTo returns the rows with one of the ids in a column of ids.
func (all Rows) BelongingTo(ids ...string) Rows {
	kept := Rows{}
	for table, content := range all {
		for _, row := range content {
			for column, value := range row {
				if (column == "id" || strings.HasSuffix(column, "_id")) && slices.Contains(ids, value) {
					kept[table] = append(kept[table], row)
					break
				}
			}
		}
	}
	return kept
}

// Exec runs SQL beside the program, as an operator might.
func Exec(t *testing.T, db database.Config, all ...string) {
	t.Helper()
	driver, source := "sqlite", db.Path
	if db.URL != "" {
		driver, source = "pgx", db.URL
	}
	pool, err := sql.Open(driver, source)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	for _, statement := range all {
		_, err := pool.Exec(statement)
		require.NoError(t, err, statement)
	}
}
