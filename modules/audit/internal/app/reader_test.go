package app_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

func TestReading(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		var directory patientstest.Directory
		owner, patient := newStaff(), patients.Patient{ID: recordid.New[patients.ID]()}
		directory.Add(owner.UserID, patient)
		var recorder audittest.Recorder
		reader := h.newReader(&recorder, &directory)
		about := reading()
		about.PatientID = patient.ID.UUID
		require.NoError(t, h.Record(t.Context(), owner, about, reading()))
		newest := paging.Request{Limit: 10, Order: []paging.Order{
			{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
		}}

		t.Run("the owner of a patient reads the access log, which is recorded", func(t *testing.T) {
			page, err := reader.AccessLog(t.Context(), owner, patient.ID, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			require.Equal(t, owner.UserID, page.Items[0].ActorID)
			require.Equal(t, []audittest.Recorded{{Who: owner, Entry: audit.Entry{
				Action:    audit.TrailRead,
				Resource:  "AuditEvent",
				PatientID: patient.ID.UUID,
				Reason:    patients.Owned,
				Outcome:   audit.Success,
				Status:    200,
				IDs:       []uuid.UUID{page.Items[0].ID},
			}}}, recorder.Recorded())
		})
		t.Run("another user cannot read the access log", func(t *testing.T) {
			_, err := reader.AccessLog(t.Context(), newStaff(), patient.ID, newest)
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("the access log has the names of actors who have an account", func(t *testing.T) {
			former := newStaff()
			require.NoError(t, h.Record(t.Context(), former, about))
			require.NoError(t, h.Record(t.Context(), auth.Principal{}, about))
			asked := h
			asked.names = accountNames{{UUID: owner.UserID}: "Asha Rao"}
			reader := asked.newReader(&recorder, &directory)
			namesOf := func(ctx context.Context) (names []string) {
				page, err := reader.AccessLog(ctx, owner, patient.ID, newest)
				require.NoError(t, err)
				for _, access := range page.Items {
					names = append(names, access.ActorName)
				}
				return names
			}
			require.Equal(t, []string{"", "", "Asha Rao"}, namesOf(t.Context()))
			head := audit.WithRequest(t.Context(), audit.Request{ShowsNothing: true})
			require.Equal(t, []string{"", "", ""}, namesOf(head), "a response without a body")
		})
		t.Run("an auditor reads all entries", func(t *testing.T) {
			page, err := reader.Browse(t.Context(), newStaff(), domain.Filter{}, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 4)
			page, err = reader.Browse(t.Context(), newStaff(), domain.Filter{Patient: &patient.ID.UUID}, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 3)
		})
		t.Run("returns no entries if the reading cannot be recorded", func(t *testing.T) {
			recorder.Refuse(trail.ErrUnavailable)
			page, err := reader.Browse(t.Context(), newStaff(), domain.Filter{}, newest)
			require.Equal(t, errs.Unavailable, errs.KindOf(err))
			require.Empty(t, page.Items)
			accesses, err := reader.AccessLog(t.Context(), owner, patient.ID, newest)
			require.Equal(t, errs.Unavailable, errs.KindOf(err))
			require.Empty(t, accesses.Items)
		})
	})
}
