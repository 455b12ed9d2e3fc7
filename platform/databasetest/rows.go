package databasetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// created is the time at which the rows of this file were created.
var created = database.At(time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC))

// NewUser inserts a user, for the foreign keys of other tables, and returns its id.
func NewUser(t testing.TB, db *database.DB) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	AddUser(t, db, id)
	return id
}

// AddUser inserts a user with that id unless one exists.
func AddUser(t testing.TB, db *database.DB, id uuid.UUID) {
	t.Helper()
	insert(t, db, `INSERT INTO users
		(id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		VALUES (?, 'A', ?, ?, ?, '-', ?, 0, ?, ?) ON CONFLICT (id) DO NOTHING`,
		id, id.String()+"@example.com", id.String(), id.String(), true, created, created)
}

// NewPatient inserts a patient of the owner, for the foreign keys of other tables, and returns its id.
func NewPatient(t testing.TB, db *database.DB, owner uuid.UUID) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	insert(t, db, `INSERT INTO patients
		(id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`, id, owner, created, created)
	return id
}

// NewDoctor inserts a doctor, for the foreign keys of other tables, and returns its id.
func NewDoctor(t testing.TB, db *database.DB) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	insert(t, db, `INSERT INTO doctors
		(id, name, specialization, experience, email, phone, version, created_at, updated_at)
		VALUES (?, 'D', 'S', 1, '', '', 1, ?, ?)`, id, created, created)
	return id
}

func insert(t testing.TB, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}

// Assign inserts an assignment of the doctor to the owner's patient, in the transaction of ctx.
func Assign(ctx context.Context, db *database.DB, owner, patient, doctor uuid.UUID) error {
	return db.Do(ctx, func(ctx context.Context) error {
		return db.Write(ctx).Exec(
			`INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) VALUES (?, ?, ?, ?, ?)`,
			uuid.Must(uuid.NewV7()), owner, patient, doctor, created).Error
	})
}

// NewestFirst requests a whole list on one page, ordered by a column of times and by id, both descending.
func NewestFirst(column string) paging.Request {
	return paging.Request{
		Limit: 10_000, Order: []paging.Order{{Column: column, Descending: true}, {Column: "id", Descending: true}},
	}
}

// KeyAt returns the paging key of the row at an offset of the ordered rows.
func KeyAt(t testing.TB, rows *gorm.DB, order []paging.Order, offset int) []string {
	t.Helper()
	found := make(map[string]any)
	rows = rows.Limit(1).Offset(offset)
	for _, o := range order {
		rows = rows.Order(clause.OrderByColumn{Column: clause.Column{Name: o.Column}, Desc: o.Descending})
	}
	require.NoError(t, rows.Take(&found).Error)
	key := make([]string, len(order))
	for i, o := range order {
		if at, ok := found[o.Column].(time.Time); ok {
			found[o.Column], _ = database.At(at).Value()
		}
		key[i] = fmt.Sprint(found[o.Column])
	}
	return key
}
