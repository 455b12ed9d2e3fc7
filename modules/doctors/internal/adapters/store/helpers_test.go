package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
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

// vikram returns a doctor with all fields.
func vikram() domain.Doctor {
	return domain.Doctor{
		ID: newID(), Version: 1, CreatedAt: now, UpdatedAt: now.Add(time.Microsecond),
		Details: domain.Details{
			Name: "Dr. Vikram Khanna", Specialization: "Dermatology ä𝒜", Experience: 9, Email: "vikram@example.com",
			Phone: "+91 22 1234", LicenseNumber: "MH-1234",
		},
	}
}

// novice returns a doctor with the required fields only.
func novice() domain.Doctor {
	return domain.Doctor{
		ID: newID(), Version: 1, CreatedAt: now, UpdatedAt: now,
		Details: domain.Details{Name: "N", Specialization: "S"},
	}
}

func newID() doctors.ID { return recordid.New[doctors.ID]() }

// mustAdd stores the doctor and returns it.
func mustAdd(t *testing.T, repository ports.Repository, doctor domain.Doctor) domain.Doctor {
	t.Helper()
	require.NoError(t, repository.Add(t.Context(), doctor))
	return doctor
}

// listAll returns the whole directory.
func listAll(ctx context.Context, t *testing.T, repository ports.Repository) []domain.Doctor {
	t.Helper()
	page, err := repository.List(ctx, domain.Filter{}, newestFirst)
	require.NoError(t, err)
	return page.Items
}

// rename returns a valid rule for Change.
func rename(name string) func(*domain.Doctor) error {
	return func(d *domain.Doctor) error {
		d.Name = name
		d.Version++
		d.UpdatedAt = now.Add(time.Hour)
		return nil
	}
}

// newestFirst requests a whole list on one page.
var newestFirst = databasetest.NewestFirst("created_at")

// lock calls Lock and ignores the version.
func lock(ctx context.Context, repository ports.Repository, id doctors.ID) error {
	_, err := repository.Lock(ctx, id)
	return err
}
