package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

func TestEveryChangedFieldIsStored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service, who := newEnv(t, db), newUser(t, db)
		first := service.registered(t, who, domain.Input{
			Name: "Ananya Verma", Gender: "Female", Age: new(31), Email: "ananya@example.com", Phone: "1",
			Address: "1 Lake Road", MedicalRecordNumber: "MRN-7", Notes: "Allergic to penicillin.",
		})
		require.Equal(t, first, service.found(t, who, first))

		service.clock.Advance(time.Hour)
		second, err := service.Revise(t.Context(), who, first.ID, revision.Match{}, domain.Input{
			Name: "Ben", Gender: "Male", BirthDate: "2004-02-29", Email: "ben@example.com", Phone: "2",
			Address: "2 Hill Road", MedicalRecordNumber: "MRN-8", Notes: "None.",
		})
		require.NoError(t, err)
		databasetest.RequireAllDiffer(t, first, second, "ID", "OwnerID", "CreatedAt", "Reason")
		databasetest.RequireAllDiffer(t, first.Details, second.Details)
		require.Equal(t, second, service.found(t, who, first))

		third, err := service.Revise(t.Context(), who, first.ID, revision.Match{}, domain.Input{
			Name: "C", Gender: "Other", Age: new(0),
		})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "C", Gender: "Other"}, third.Details)
		require.Equal(t, third, service.found(t, who, first))
	})
}
