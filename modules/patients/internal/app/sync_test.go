package app_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
)

// links is an assignments.Directory in memory.
type links []assignments.Link

func (all links) Page(_ context.Context, after assignments.ID, limit int) ([]assignments.Link, error) {
	page := slices.DeleteFunc(slices.Clone(all), func(l assignments.Link) bool { return !later(l.ID, after) })
	return page[:min(limit, len(page))], nil
}

func later(a, b assignments.ID) bool { return bytes.Compare(a.UUID[:], b.UUID[:]) > 0 }

// careEnv has a patient, and a user who acts for a doctor.
type careEnv struct {
	env
	owner, doctor auth.Principal
	link          assignments.Link // of the doctor to the patient, which grants nothing
	care          *app.Care
}

func newCareEnv(t *testing.T, db *database.DB) careEnv {
	t.Helper()
	h := careEnv{env: newEnv(t, db), owner: newUser(t, db), doctor: newUser(t, db)}
	patient := h.registered(t, h.owner, ananya())
	record := recordid.New[doctors.ID]()
	h.doctor.For = []auth.Capacity{{ID: record.UUID, Kind: auth.AsDoctor}}
	h.link = assignments.Link{
		ID: recordid.New[assignments.ID](), Patient: patient.ID.UUID, Doctor: record.UUID, Access: assignments.None,
	}
	h.care = app.NewCare(store.NewGrants(db), store.NewCareTeams(db), h.clock)
	return h
}

// sees reports whether the doctor's user sees the patient, and whether the filter by the doctor finds the patient.
func (h careEnv) sees(t *testing.T) (visible, filtered bool) {
	t.Helper()
	page, err := h.Browse(t.Context(), h.owner, domain.Filter{Doctor: &h.link.Doctor}, wholeList)
	require.NoError(t, err)
	return len(h.browsed(t, h.doctor)) == 1, len(page.Items) == 1
}

func TestCareFollowsAssignments(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newCareEnv(t, db)
		publisher := events.New(app.WhenAssigned(h.care), app.WhenAccessChanged(h.care), app.WhenEnded(h.care),
			app.WhenDoctorDeleted(h.care))
		with := func(access assignments.Access) assignments.Link {
			link := h.link
			link.Access = access
			return link
		}
		for _, step := range []struct {
			name              string
			event             any
			visible, filtered bool
		}{
			{"assigned without access", assignments.Assigned{Links: links{h.link}, By: h.owner}, false, true},
			{"read", assignments.AccessChanged{Link: with(assignments.Read), By: h.owner}, true, true},
			{"write", assignments.AccessChanged{Link: with(assignments.Write), By: h.owner}, true, true},
			{"none", assignments.AccessChanged{Link: h.link, By: h.owner}, false, true},
			{"read again", assignments.AccessChanged{Link: with(assignments.Read), By: h.owner}, true, true},
			{"discharged", assignments.Ended{IDs: []assignments.ID{h.link.ID}, By: h.owner}, false, false},
			{"assigned to read", assignments.Assigned{Links: links{with(assignments.Read)}, By: h.owner}, true, true},
			{"doctor deleted", doctors.Deleted{ID: doctors.ID{UUID: h.link.Doctor}, By: h.owner}, false, false},
		} {
			t.Run(step.name, func(t *testing.T) {
				require.NoError(t, publisher.Publish(t.Context(), step.event))
				visible, filtered := h.sees(t)
				require.Equal(t, step.visible, visible, "visible")
				require.Equal(t, step.filtered, filtered, "filtered")
			})
		}
	})
}

func TestSync(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newCareEnv(t, db)
		read := h.link
		read.Access = assignments.Read
		run := func(t *testing.T, all links, mend bool) (found []string) {
			t.Helper()
			compared := 0
			err := app.NewSync(h.care, all, db).Run(t.Context(), mend, func(n int) { compared = n },
				func(d app.Difference) {
					require.Equal(t, h.link.ID, d.Assignment)
					found = append(found, d.Text)
				})
			require.NoError(t, err)
			require.Equal(t, len(all), compared)
			return found
		}
		requireSees := func(t *testing.T, visible, filtered bool) {
			t.Helper()
			seen, found := h.sees(t)
			require.Equal(t, visible, seen)
			require.Equal(t, filtered, found)
		}
		for _, step := range []struct {
			name              string
			stored            links
			found             string
			visible, filtered bool
		}{
			{"an assignment of an earlier release", links{h.link}, "the care team lacks it", false, true},
			{"a grant that is missing", links{read}, "the grant is missing", true, true},
			{"a surplus grant", links{h.link}, "it grants nothing, but there is a grant", false, true},
			{"a missing grant again", links{read}, "the grant is missing", true, true},
			{"an assignment that an earlier release ended", nil, "the assignment has ended", false, false},
		} {
			t.Run("finds and mends "+step.name, func(t *testing.T) {
				require.Equal(t, []string{step.found}, run(t, step.stored, false))
				require.Equal(t, []string{step.found}, run(t, step.stored, false), "nothing was mended")
				require.Equal(t, []string{step.found}, run(t, step.stored, true))
				require.Empty(t, run(t, step.stored, false))
				requireSees(t, step.visible, step.filtered)
			})
		}
		t.Run("finds and mends another level", func(t *testing.T) {
			write := h.link
			write.Access = assignments.Write
			run(t, links{read}, true)
			require.Equal(t, []string{"the grant has another level, patient or doctor"}, run(t, links{write}, true))
			require.Empty(t, run(t, links{write}, false))
			_, err := store.New(db).Lock(t.Context(), patients.ChangeableBy(h.doctor, now),
				patients.ID{UUID: h.link.Patient})
			require.NoError(t, err)
		})
		t.Run("fills nothing twice", func(t *testing.T) {
			sync := app.NewSync(h.care, links{}, db)
			require.NoError(t, sync.Fill(t.Context()))
			requireSees(t, true, true) // not even compared
			run(t, links{}, true)
			require.NoError(t, app.NewSync(h.care, links{read}, db).Fill(t.Context()))
			requireSees(t, true, true)
		})
	})
}

func TestSyncComparesPageByPage(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	h := newCareEnv(t, db)
	var all links
	for range 2_100 {
		link := h.link
		link.ID, link.Doctor = recordid.New[assignments.ID](), recordid.New[doctors.ID]().UUID
		all = append(all, link)
	}
	sync := app.NewSync(h.care, all, db)
	count := func(mend bool) (pages []int, differences int) {
		require.NoError(t, sync.Run(t.Context(), mend, func(n int) { pages = append(pages, n) },
			func(app.Difference) { differences++ }))
		return pages, differences
	}
	pages, differences := count(true)
	require.Equal(t, []int{1000, 2000, 2100}, pages)
	require.Equal(t, 2100, differences)
	_, differences = count(false)
	require.Zero(t, differences)
	for _, i := range []int{0, 999, 1000, 2099} { // at the ends of pages
		sync = app.NewSync(h.care, slices.Delete(slices.Clone(all), i, i+1), db)
		_, differences = count(false)
		require.Equal(t, 1, differences, i)
	}
}
