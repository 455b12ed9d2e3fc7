package app_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// failingPatients is a patients.Directory that databasetest.RunWithFaults lets fail.
type failingPatients struct{ patientstest.Directory }

func (d *failingPatients) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	if err := databasetest.InjectFault(ctx, "patient"); err != nil {
		return patients.Patient{}, err
	}
	return d.Directory.Find(ctx, scope, id)
}

// severalTransactions are the tables of use cases that continue in further transactions.
var severalTransactions = []string{"audit_inbox", "audit_segments", "audit_chain", "audit_index", "audit_heads"}

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	page := paging.Request{Limit: 10, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}}
	for _, c := range []struct {
		name    string
		run     func(ctx context.Context, h fixture) error
		want    error
		ignored []string
	}{
		{"record in a transaction", func(ctx context.Context, h fixture) error {
			return h.db.Do(ctx, func(ctx context.Context) error {
				return h.Record(ctx, newStaff(), reading(), reading())
			})
		}, nil, nil},
		{"verify", func(ctx context.Context, h fixture) error {
			_, err := h.Verify(ctx, "", noProgress)
			return err
		}, nil, nil},
		{"export", func(ctx context.Context, h fixture) error {
			_, err := h.Export(ctx, io.Discard, noProgress)
			return err
		}, nil, severalTransactions},
		{"prune", func(ctx context.Context, h fixture) error {
			h.record(t, 1)
			h.clock.Advance(25 * time.Hour)
			_, err := h.Prune(ctx, h.clock.Now(), noProgress)
			return err
		}, nil, severalTransactions},
		{"time of the newest entry", func(ctx context.Context, h fixture) error {
			_, err := h.Newest(ctx)
			return err
		}, nil, nil},
		{"browse", func(ctx context.Context, h fixture) error {
			reader := h.newReader(new(audittest.Recorder), new(failingPatients))
			_, err := reader.Browse(ctx, auth.Principal{}, domain.Filter{}, page)
			return err
		}, nil, nil},
		{"access log of a patient", func(ctx context.Context, h fixture) error {
			who, directory := newStaff(), new(failingPatients)
			patient := patients.Patient{ID: patients.ID{UUID: h.entries(t)[0].PatientID}}
			directory.Add(who.UserID, patient)
			reader := h.newReader(new(audittest.Recorder), directory)
			_, err := reader.AccessLog(ctx, who, patient.ID, page)
			return err
		}, nil, nil},
		{"access log of a patient of another user", func(ctx context.Context, h fixture) error {
			reader := h.newReader(new(audittest.Recorder), new(failingPatients))
			_, err := reader.AccessLog(ctx, newStaff(), patients.ID{UUID: h.entries(t)[0].PatientID}, page)
			return err
		}, patients.ErrNotFound, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				h := newFixture(db)
				h.record(t, 3)
				h.seal(t)
				run := func(ctx context.Context) error { return c.run(ctx, h) }
				withFaults := databasetest.RunWithFaults
				if c.ignored != nil {
					withFaults = databasetest.ResumeWithFaults
				}
				require.ErrorIs(t, withFaults(t, db, run, c.ignored...), c.want)
			})
		})
	}
}

// An auditor's reading of a patient's entries belongs to that patient's access log.
func TestReadingAPatientsEntriesNamesThePatient(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, trail := newFixture(db), new(audittest.Recorder)
		h.record(t, 1)
		patient := h.entries(t)[0].PatientID
		reader := h.newReader(trail, new(patientstest.Directory))
		page := paging.Request{Limit: 10, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}}
		_, err := reader.Browse(t.Context(), newStaff(), domain.Filter{Patient: &patient}, page)
		require.NoError(t, err)
		require.Len(t, trail.Recorded(), 1)
		entry := trail.Recorded()[0].Entry
		require.Equal(t, audit.TrailRead, entry.Action)
		require.Equal(t, patient, entry.PatientID)
		require.Len(t, entry.IDs, 1)
	})
}
