package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

func TestEveryChangedFieldIsStored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service := newEnv(t, db)
		first := service.registered(t, domain.Details{
			Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9,
			Email: "khanna@clinic.example", Phone: "1", LicenseNumber: "KA-20431",
		})
		require.Equal(t, first, service.found(t, first))

		service.clock.Advance(time.Hour)
		second, err := service.Revise(t.Context(), anyAdmin, first.ID, revision.Match{}, domain.Details{
			Name: "Dr. B", Specialization: "Surgery", Experience: 10,
			Email: "b@clinic.example", Phone: "2", LicenseNumber: "KA-20432",
		})
		require.NoError(t, err)
		databasetest.RequireAllDiffer(t, first, second, "ID", "CreatedAt")
		databasetest.RequireAllDiffer(t, first.Details, second.Details)
		require.Equal(t, second, service.found(t, first))

		third, err := service.Revise(t.Context(), anyAdmin, first.ID, revision.Match{}, domain.Details{
			Name: "C", Specialization: "S",
		})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "C", Specialization: "S"}, third.Details)
		require.Equal(t, third, service.found(t, first))
	})
}
