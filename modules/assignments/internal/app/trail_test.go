package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// withTrail returns h with a trail that the test reads, and a limit.
func (h env) withTrail(limit app.Limit) (env, *audittest.Recorder) {
	trail := new(audittest.Recorder)
	h.Service = app.New(store.New(h.db), h.patients, h.doctors, trail, h.db, events.New(), h.clock, limit,
		assignments.Config{Default: assignments.Read})
	return h, trail
}

// recorded returns the entries that call records.
func recorded(t *testing.T, trail *audittest.Recorder, call func() error) []audit.Entry {
	t.Helper()
	before := len(trail.Recorded())
	require.NoError(t, call())
	var entries []audit.Entry
	for _, r := range trail.Recorded()[before:] {
		entries = append(entries, r.Entry)
	}
	return entries
}

func TestTrail(t *testing.T) {
	t.Parallel()
	h, trail := newEnv(t, databasetest.SQLite(t)).withTrail(app.Limit{})
	who, stranger := h.newUser(t), h.newUser(t)
	ann, doctor := h.patientOf(t, who, "Ann"), h.doctor(t, "First")
	made := h.assigned(t, who, ann, doctor)
	again := h.assigned(t, who, ann, h.doctor(t, "Second"))
	success := audit.Entry{Outcome: audit.Success, Status: http.StatusOK}
	browse := func(who auth.Principal, filter domain.Filter) func() error {
		return func() error {
			_, err := h.Browse(t.Context(), who, filter, wholeList)
			return err
		}
	}
	t.Run("names the patient of an assignment", func(t *testing.T) {
		for _, r := range trail.Recorded() {
			require.Equal(t, ann.ID.UUID, r.PatientID)
		}
		shown := recorded(t, trail, func() error {
			_, err := h.Find(t.Context(), who, made.ID)
			return err
		})
		require.Len(t, shown, 1)
		require.Equal(t, ann.ID.UUID, shown[0].PatientID)
		require.Equal(t, patients.Owned, shown[0].Reason)
	})
	page := success
	page.Action, page.Resource, page.Count = audit.List, "Assignment", 2
	page.IDs = []uuid.UUID{again.ID.UUID, made.ID.UUID}
	t.Run("names the assignments of a list, and each of their patients once", func(t *testing.T) {
		shown := success
		shown.Action, shown.Resource, shown.IDs, shown.Count = audit.List, audit.Patient, []uuid.UUID{ann.ID.UUID}, 1
		shown.Reason = patients.Owned
		require.Equal(t, []audit.Entry{page, shown}, recorded(t, trail, browse(who, domain.Filter{})))
	})
	t.Run("names the patient of a list by patient", func(t *testing.T) {
		ofAnn := page
		ofAnn.PatientID, ofAnn.Reason = ann.ID.UUID, patients.Owned
		require.Equal(t, []audit.Entry{ofAnn},
			recorded(t, trail, browse(who, domain.Filter{Patient: &ann.ID.UUID})))
	})
	t.Run("has one entry of an empty list", func(t *testing.T) {
		none := success
		none.Action, none.Resource = audit.List, "Assignment"
		require.Equal(t, []audit.Entry{none}, recorded(t, trail, browse(stranger, domain.Filter{})))
	})
	t.Run("records a filter by a patient of another user as a refusal", func(t *testing.T) {
		require.Equal(t, []audit.Entry{audit.NewRefusal(audit.Patient, ann.ID.UUID, http.StatusOK)},
			recorded(t, trail, browse(stranger, domain.Filter{Patient: &ann.ID.UUID})))
	})
}

func TestTrailOfAReleasedDoctor(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	h, trail := newEnv(t, db), new(audittest.Recorder)
	ofDoctors := app.NewDoctorAssignments(app.NewReleaser(store.New(db), trail, h.clock, app.Limit{}), events.New())
	who := h.newUser(t)
	first, second := h.doctor(t, "First"), h.doctor(t, "Second")
	release := func(t *testing.T, to *doctors.ID) (ended int) {
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) (err error) {
			ended, err = ofDoctors.Release(ctx, who, first.ID, to, 10)
			return err
		}))
		return ended
	}
	t.Run("is empty without an assignment", func(t *testing.T) {
		require.Zero(t, release(t, nil))
		require.Zero(t, release(t, &second.ID))
		require.Empty(t, trail.Recorded())
	})
	ids := []uuid.UUID{}
	for range 3 {
		patient := h.patientOf(t, who, "P")
		h.assigned(t, who, patient, first)
		ids = append(ids, patient.ID.UUID)
	}
	t.Run("has the assignments that were made and ended, and the patients once, in order", func(t *testing.T) {
		require.Equal(t, 3, release(t, &second.ID))
		for _, a := range h.browsed(t, who) {
			require.Equal(t, second.ID, a.DoctorID)
		}
		all := trail.Recorded()
		require.Len(t, all, 3)
		require.Equal(t, audit.Create, all[0].Action)
		require.Len(t, all[0].IDs, 3)
		require.Equal(t, audit.Delete, all[1].Action)
		require.Len(t, all[1].IDs, 3)
		require.Equal(t, audit.Update, all[2].Action)
		require.Equal(t, []string{"assignments"}, all[2].Fields)
		require.Equal(t, ids, all[2].IDs)
	})
}

// released is a repository with these numbers of assignments of a doctor, one after the other.
type released struct {
	ports.Repository
	found []int
	last  error
}

func (r *released) OfDoctor(context.Context, doctors.ID, int) ([]domain.Assignment, error) {
	found := r.found[0]
	r.found = r.found[1:]
	if len(r.found) == 0 {
		return make([]domain.Assignment, found), r.last
	}
	return make([]domain.Assignment, found), nil
}

func (r *released) RemoveAll(_ context.Context, all []domain.Assignment) ([]domain.Assignment, error) {
	return all, nil
}

func (r *released) AfterCommit(_ context.Context, do func()) { do() }

func TestAllAssignmentsOfARemovedDoctorEnd(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for name, r := range map[string]*released{
		"until fewer than 1000 ended": {found: []int{1000, 1000, 999}},
		"until none is left":          {found: []int{1000, 0}},
		"until the store fails":       {found: []int{1000, 1000}, last: failed},
	} {
		t.Run(name, func(t *testing.T) {
			releaser := app.NewReleaser(r, new(audittest.Recorder), clock.At(now), app.Limit{})
			publisher := events.New(app.WhenDoctorDeleted(releaser))
			require.ErrorIs(t, publisher.Publish(t.Context(), doctors.Deleted{}), r.last)
			require.Empty(t, r.found)
		})
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who := h.newUser(t)
	made := h.assigned(t, who, h.patientOf(t, who, "Ann"), h.doctor(t, "First"))
	t.Run("returns an assignment", func(t *testing.T) {
		found, exists, err := h.Lookup(t.Context(), who, made.ID)
		require.NoError(t, err)
		require.True(t, exists)
		require.Equal(t, made, found)
	})
	t.Run("reports that it does not exist, without a refusal", func(t *testing.T) {
		h, trail := h.withTrail(app.Limit{})
		_, exists, err := h.Lookup(t.Context(), who, newID())
		require.NoError(t, err)
		require.False(t, exists)
		require.Empty(t, trail.Recorded())
	})
	t.Run("returns the error of the store", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, exists, err := h.Lookup(ended, who, made.ID)
		require.Error(t, err)
		require.False(t, exists)
	})
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	h := newEnv(t, databasetest.SQLite(t))
	who := h.newUser(t)
	huge := h.doctor(t, strings.Repeat("D", paging.MaxBytes*2/3))
	first := h.assigned(t, who, h.patientOf(t, who, "Ann"), huge)
	second := h.assigned(t, who, h.patientOf(t, who, "Bob"), huge)
	t.Run("a page ends before the assignment that would exceed its size", func(t *testing.T) {
		page, err := h.Browse(t.Context(), who, domain.Filter{}, wholeList)
		require.NoError(t, err)
		require.Equal(t, []app.Assigned{second}, page.Items)
		require.NotNil(t, page.Next)
	})
	t.Run("an assignment that exceeds it alone is shown", func(t *testing.T) {
		require.Equal(t, []app.Assigned{first},
			h.browsedOf(t, who, patients.Patient{ID: first.PatientID}))
	})
	t.Run("small assignments fit", func(t *testing.T) {
		other := h.newUser(t)
		small := h.doctor(t, strings.Repeat("D", paging.MaxBytes/3))
		h.assigned(t, other, h.patientOf(t, other, "Ann"), small)
		h.assigned(t, other, h.patientOf(t, other, "Bob"), small)
		require.Len(t, h.browsed(t, other), 2)
	})
}

func TestEndedAssignmentsMakeRoom(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		limit := app.NewLimit(assignments.Config{MaxPerUser: 2}, store.New(db))
		h, _ := newEnv(t, db).withTrail(limit)
		who := h.newUser(t)
		ann := h.patientOf(t, who, "Ann")
		assign := func() (app.Assigned, error) {
			return h.Assign(t.Context(), who, ann.ID, h.doctor(t, "D").ID, "")
		}
		first, err := assign()
		require.NoError(t, err)
		_, err = assign()
		require.NoError(t, err)
		require.Error(t, h.Discharge(t.Context(), who, newID(), revision.Match{}))
		_, err = assign()
		require.ErrorIs(t, err, assignments.ErrLimitReached)
		require.NoError(t, h.Discharge(t.Context(), who, first.ID, revision.Match{}))
		_, err = assign()
		require.NoError(t, err)
		_, err = assign()
		require.ErrorIs(t, err, assignments.ErrLimitReached)
	})
}
