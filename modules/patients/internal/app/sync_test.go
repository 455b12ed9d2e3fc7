package app_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
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
	trail         *audittest.Recorder
}

func newCareEnv(t *testing.T, db *database.DB) careEnv {
	t.Helper()
	service, trail := newService(db, 0)
	h := careEnv{env: service, trail: trail, owner: newUser(t, db), doctor: newUser(t, db)}
	patient := h.registered(t, h.owner, ananya())
	record := recordid.New[doctors.ID]()
	h.doctor.For = []auth.Capacity{{ID: record.UUID, Kind: auth.AsDoctor}}
	h.link = assignments.Link{
		ID: recordid.New[assignments.ID](), Patient: patient.ID.UUID, Doctor: record.UUID, Access: assignments.None,
	}
	h.care = app.NewCare(store.NewGrants(db), store.NewCareTeams(db), store.NewRestrictions(db), h.trail, h.clock)
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
			recorded          string // the action and the level
		}{
			{"assigned without access", assignments.Assigned{Links: links{h.link}, By: h.owner}, false, true, ""},
			{"still none", assignments.AccessChanged{Link: h.link, By: h.owner}, false, true, ""},
			{"read", assignments.AccessChanged{Link: with(assignments.Read), By: h.owner}, true, true,
				"granted [read]"},
			{"write", assignments.AccessChanged{Link: with(assignments.Write), By: h.owner}, true, true,
				"granted [write]"},
			{"none", assignments.AccessChanged{Link: h.link, By: h.owner}, false, true, "withdrawn []"},
			{"read again", assignments.AccessChanged{Link: with(assignments.Read), By: h.owner}, true, true,
				"granted [read]"},
			{"discharged", assignments.Ended{IDs: []assignments.ID{h.link.ID}, By: h.owner}, false, false,
				"withdrawn []"},
			{"assigned to read", assignments.Assigned{Links: links{with(assignments.Read)}, By: h.owner}, true, true,
				"granted [read]"},
			{"doctor deleted", doctors.Deleted{ID: doctors.ID{UUID: h.link.Doctor}, By: h.owner}, false, false,
				"withdrawn []"},
		} {
			t.Run(step.name, func(t *testing.T) {
				before := len(h.trail.Recorded())
				require.NoError(t, publisher.Publish(t.Context(), step.event))
				h.requireRecorded(t, h.trail.Recorded()[before:], h.owner, step.recorded)
				visible, filtered := h.sees(t)
				require.Equal(t, step.visible, visible, "visible")
				require.Equal(t, step.filtered, filtered, "filtered")
			})
		}
	})
}

// requireRecorded requires one entry of the grant by the user, or none.
func (h careEnv) requireRecorded(t *testing.T, got []audittest.Recorded, by auth.Principal, want string) {
	t.Helper()
	if want == "" {
		require.Empty(t, got)
		return
	}
	require.Len(t, got, 1)
	require.Equal(t, want, fmt.Sprint(got[0].Entry.Action, " ", got[0].Entry.Fields))
	require.Equal(t, by, got[0].Who)
	require.Equal(t, h.link.Patient, got[0].Entry.PatientID)
	require.Equal(t, auth.Reason{Basis: "care", Grant: h.link.ID.UUID, For: h.link.Doctor}, got[0].Entry.Reason)
}

const (
	differs  = "the grant has another patient, grantee, level or end"
	outdated = "the grant has an earlier name or time of the patient"
)

func TestSync(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newCareEnv(t, db)
		read := h.link
		read.Access = assignments.Read
		run := func(t *testing.T, all links, mend bool) (found []string) {
			t.Helper()
			compared := 0
			sync := app.NewSync(h.care, all, store.NewInvitations(db), db)
			err := sync.Run(t.Context(), auth.Operator, mend, func(n int) { compared = n },
				func(d app.Difference) {
					require.Equal(t, "assignment", d.Kind)
					require.Equal(t, h.link.ID.UUID, d.ID)
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
			recorded          string
		}{
			{"an assignment of an earlier release", links{h.link}, "the care team lacks it", false, true, ""},
			{"a grant that is missing", links{read}, "the grant is missing", true, true, "granted [read]"},
			{"a surplus grant", links{h.link}, "it grants nothing, but there is a grant", false, true, "withdrawn []"},
			{"a missing grant again", links{read}, "the grant is missing", true, true, "granted [read]"},
			{"an assignment that an earlier release ended", nil, "it has ended or never existed", false, false,
				"withdrawn []"},
		} {
			t.Run("finds and mends "+step.name, func(t *testing.T) {
				require.Equal(t, []string{step.found}, run(t, step.stored, false))
				require.Equal(t, []string{step.found}, run(t, step.stored, false), "nothing was mended")
				before := len(h.trail.Recorded())
				require.Equal(t, []string{step.found}, run(t, step.stored, true))
				h.requireRecorded(t, h.trail.Recorded()[before:], auth.Operator, step.recorded)
				require.Empty(t, run(t, step.stored, false))
				requireSees(t, step.visible, step.filtered)
			})
		}
		t.Run("finds and mends another level", func(t *testing.T) {
			write := h.link
			write.Access = assignments.Write
			run(t, links{read}, true)
			require.Equal(t, []string{differs}, run(t, links{write}, true))
			require.Empty(t, run(t, links{write}, false))
			_, err := store.New(db).Lock(t.Context(), patients.ChangeableBy(h.doctor, now),
				patients.ID{UUID: h.link.Patient})
			require.NoError(t, err)
		})
		t.Run("finds and mends an earlier name of the patient", func(t *testing.T) {
			run(t, links{read}, true)
			require.NoError(t, db.Write(t.Context()).Exec(`UPDATE patient_grants SET patient_name = 'Other'`).Error)
			before := len(h.trail.Recorded())
			require.Equal(t, []string{outdated}, run(t, links{read}, true))
			require.Empty(t, run(t, links{read}, false))
			require.Len(t, h.trail.Recorded(), before, "the grant neither began nor ended")
			requireSees(t, true, true)
		})
		t.Run("fills nothing twice", func(t *testing.T) {
			sync := app.NewSync(h.care, links{}, store.NewInvitations(db), db)
			require.NoError(t, sync.Fill(t.Context()))
			requireSees(t, true, true) // not even compared
			run(t, links{}, true)
			require.NoError(t, app.NewSync(h.care, links{read}, store.NewInvitations(db), db).Fill(t.Context()))
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
	sync := app.NewSync(h.care, all, store.NewInvitations(db), db)
	count := func(mend bool) (pages []int, differences int) {
		require.NoError(t, sync.Run(t.Context(), auth.Operator, mend, func(n int) { pages = append(pages, n) },
			func(app.Difference) { differences++ }))
		return pages, differences
	}
	pages, differences := count(true)
	require.Equal(t, []int{1000, 2000, 2100, 2100}, pages, "the last one is that of invitations")
	require.Equal(t, 2100, differences)
	_, differences = count(false)
	require.Zero(t, differences)
	for _, i := range []int{0, 999, 1000, 2099} { // at the ends of pages
		sync = app.NewSync(
			h.care, slices.Delete(slices.Clone(all), i, i+1), store.NewInvitations(db), db)
		_, differences = count(false)
		require.Equal(t, 1, differences, i)
	}
}

func TestSyncOfInvitations(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newInvitationEnv(t, db)
		keeper, person := newUser(t, db), newUser(t, db)
		patient := h.registered(t, keeper, born()).ID
		invited := h.invited(t, keeper, patient)
		grant, err := h.Claim(t.Context(), person, proof(invited, birthDate))
		require.NoError(t, err)
		care := app.NewCare(store.NewGrants(db), store.NewCareTeams(db), store.NewRestrictions(db), h.trail, h.clock)
		sync := app.NewSync(care, links{}, store.NewInvitations(db), db)
		run := func(mend bool) (found []string) {
			require.NoError(t, sync.Run(t.Context(), auth.Operator, mend, func(int) {}, func(d app.Difference) {
				require.Equal(t, "invitation", d.Kind)
				found = append(found, d.ID.String()+" "+d.Text)
			}))
			return found
		}
		stored := func() domain.Grant {
			one, err := store.NewGrants(db).Find(t.Context(), patient, invited.ID.UUID)
			require.NoError(t, err)
			return one
		}
		require.Empty(t, run(false))
		bogus := uuid.New()
		for change, want := range map[string]string{
			`DELETE FROM patient_grants`:                        "the grant is missing",
			`UPDATE patient_grants SET level = 'keep'`:          differs,
			`UPDATE patient_grants SET basis = 'self'`:          differs,
			`UPDATE patient_grants SET expires_at = granted_at`: differs,
			`UPDATE patient_grants SET patient_name = 'Other'`:  outdated,
			`INSERT INTO patient_grants SELECT patient_id, grantee_id, 'delegate', '` + bogus.String() + `',
				level, granted_by, granted_at, expires_at, patient_created_at, patient_updated_at, patient_name
				FROM patient_grants`: "",
		} {
			require.NoError(t, db.Write(t.Context()).Exec(change).Error)
			found := invited.ID.String() + " " + want
			if want == "" {
				found = bogus.String() + " it has ended or never existed"
			}
			require.Equal(t, []string{found}, run(true), change)
			require.Empty(t, run(false), change)
			require.Equal(t, grant, stored(), change)
		}
	})
}

func TestExpire(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newInvitationEnv(t, db)
		keeper, person := newUser(t, db), newUser(t, db)
		patient := h.registered(t, keeper, born()).ID
		end := now.Add(time.Hour)
		invited, err := h.Invite(t.Context(), keeper, patient,
			domain.InvitationInput{As: "delegate", Until: new(end.Format(time.RFC3339Nano))})
		require.NoError(t, err)
		_, err = h.Claim(t.Context(), person, proof(invited, birthDate))
		require.NoError(t, err)
		_, err = h.Claim(t.Context(), newUser(t, db), proof(h.invited(t, keeper, patient), birthDate))
		require.NoError(t, err, "without an end")
		care := app.NewCare(store.NewGrants(db), store.NewCareTeams(db), store.NewRestrictions(db), h.trail, h.clock)
		sync := app.NewSync(care, links{}, store.NewInvitations(db), db)
		before := len(h.trail.Recorded())
		require.NoError(t, sync.Expire(t.Context()))
		require.Len(t, h.trail.Recorded(), before, "none has expired")
		h.clock.Advance(time.Hour)
		require.NoError(t, sync.Expire(t.Context()))
		recorded := h.trail.Recorded()[before:]
		require.Len(t, recorded, 1)
		require.Equal(t, audit.Withdrawn, recorded[0].Entry.Action)
		require.Equal(t, invited.ID.UUID, recorded[0].Entry.Reason.Grant)
		require.Zero(t, recorded[0].Who)
		left, err := store.NewInvitations(db).OfPatient(t.Context(), patient)
		require.NoError(t, err)
		require.Len(t, left, 1)
		require.NoError(t, sync.Expire(t.Context()))
		require.Len(t, h.trail.Recorded(), before+1)
	})
}
