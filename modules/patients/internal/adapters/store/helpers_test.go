package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
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

// ananya returns a patient with all fields except the birth date.
func ananya(owner uuid.UUID) domain.Patient {
	return domain.Patient{
		ID: recordid.New[patients.ID](), OwnerID: owner, Version: 1, Reason: patients.Owned,
		CreatedAt: now, UpdatedAt: now.Add(time.Microsecond),
		Details: domain.Details{
			Name: "Ananya Verma", Gender: "Female", Age: 31, Email: "ananya@example.com", Phone: "+91 98 7654 3210",
			Address: "1 Lake Road\n2nd floor", MedicalRecordNumber: "MRN-7", Notes: "Allergic to penicillin. ä𝒜",
		},
	}
}

// ben returns a patient with the required fields only.
func ben(t *testing.T, owner uuid.UUID) domain.Patient {
	t.Helper()
	born, err := domain.ParseDate("2004-02-29")
	require.NoError(t, err)
	return domain.Patient{
		ID: recordid.New[patients.ID](), OwnerID: owner, Version: 1, CreatedAt: now, UpdatedAt: now,
		Reason:  patients.Owned,
		Details: domain.Details{Name: "Ben", Gender: "Unknown", BirthDate: born},
	}
}

// mustAdd stores the patient and returns it.
func mustAdd(t *testing.T, repository ports.Repository, patient domain.Patient) domain.Patient {
	t.Helper()
	require.NoError(t, repository.Add(t.Context(), patient))
	return patient
}

// listAll returns the whole list of a scope.
func listAll(ctx context.Context, t *testing.T, repository ports.Repository, scope patients.Scope) []domain.Patient {
	t.Helper()
	page, err := repository.List(ctx, scope, domain.Filter{}, newestFirst)
	require.NoError(t, err)
	return page.Items
}

// rename returns a valid rule for Change.
func rename(name string) func(*domain.Patient) error {
	return func(p *domain.Patient) error {
		p.Details.Name = name
		p.Version++
		p.UpdatedAt = now.Add(time.Hour)
		return nil
	}
}

// newestFirst requests a whole list on one page.
var newestFirst = databasetest.NewestFirst("created_at")

// lock calls Lock and ignores the version.
func lock(ctx context.Context, repository ports.Repository, scope patients.Scope, id patients.ID) error {
	_, err := repository.Lock(ctx, scope, id)
	return err
}
