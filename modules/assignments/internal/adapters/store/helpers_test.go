package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// each runs test once per engine, on an empty repository.
func each(t *testing.T, test func(t *testing.T, db *database.DB, repository ports.Repository)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, db, store.New(db)) })
}

// The rows that assignments refer to are other modules'; only their keys matter here.

func someone(t *testing.T, db *database.DB) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	insert(t, db, `INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		VALUES (?, 'A', 'a@example.com', ?, ?, '-', ?, 0, ?, ?)`, id, id.String(), id.String(), true, database.At(now), database.At(now))
	return id
}

func patientOf(t *testing.T, db *database.DB, owner uuid.UUID) patients.ID {
	t.Helper()
	id := recordid.New[patients.ID]()
	insert(t, db, `INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`, id, owner, database.At(now), database.At(now))
	return id
}

func doctor(t *testing.T, db *database.DB) doctors.ID {
	t.Helper()
	id := recordid.New[doctors.ID]()
	insert(t, db, `INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
		VALUES (?, 'D', 'S', 1, '', '', 1, ?, ?)`, id, database.At(now), database.At(now))
	return id
}

func insert(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}

// kept is the assignment as it was just stored.
func kept(t *testing.T, repository ports.Repository, assignment domain.Assignment) domain.Assignment {
	t.Helper()
	require.NoError(t, repository.Add(t.Context(), assignment))
	return assignment
}

func newID() assignments.ID { return recordid.New[assignments.ID]() }

// whole is a list on one page, newest first.
var whole = paging.Request{Limit: 500, Order: []paging.Order{{Column: "assigned_at", Descending: true}, {Column: "id", Descending: true}}}

// listed is every assignment of a scope that passes the filter.
func listed(ctx context.Context, t *testing.T, repository ports.Repository, scope patients.Scope, filter domain.Filter) []domain.Assignment {
	t.Helper()
	page, err := repository.List(ctx, scope, filter, whole)
	require.NoError(t, err)
	require.Nil(t, page.Next)
	return page.Items
}
