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
	"healthcare/platform/recordid"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// each runs test once per engine, on an empty repository.
func each(t *testing.T, test func(t *testing.T, db *database.DB, repository ports.Repository)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, db, store.New(db)) })
}

func newPatient(t *testing.T, db *database.DB, owner uuid.UUID) patients.ID {
	t.Helper()
	return patients.ID{UUID: databasetest.NewPatient(t, db, owner)}
}

func newDoctor(t *testing.T, db *database.DB) doctors.ID {
	t.Helper()
	return doctors.ID{UUID: databasetest.NewDoctor(t, db)}
}

func run(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}

// mustAdd stores the assignment and returns it.
func mustAdd(t *testing.T, repository ports.Repository, assignment domain.Assignment) domain.Assignment {
	t.Helper()
	require.NoError(t, repository.Add(t.Context(), assignment))
	return assignment
}

func newID() assignments.ID { return recordid.New[assignments.ID]() }

// newestFirst requests a whole list on one page.
var newestFirst = databasetest.NewestFirst("assigned_at")

// listAll returns all assignments of a scope that match the filter.
func listAll(
	ctx context.Context, t *testing.T, repository ports.Repository, scope patients.Scope, filter domain.Filter,
) []domain.Assignment {
	t.Helper()
	page, err := repository.List(ctx, scope, patients.Exceptions{}, filter, newestFirst)
	require.NoError(t, err)
	require.Nil(t, page.Next)
	return page.Items
}

// remove calls Remove and ignores the assignment.
func remove(ctx context.Context, repository ports.Repository, scope patients.Scope, id assignments.ID) error {
	_, err := repository.Remove(ctx, scope, id)
	return err
}
