package store_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// ids returns the ids of assignments.
func ids(all []domain.Assignment) []assignments.ID {
	found := make([]assignments.ID, len(all))
	for i, a := range all {
		found[i] = a.ID
	}
	return found
}

// matches reports whether the filter matches the assignment.
func matches(filter domain.Filter, a domain.Assignment) bool {
	return (filter.Doctor == nil || a.DoctorID.UUID == *filter.Doctor) &&
		(filter.AssignedAfter.IsZero() || a.AssignedAt.After(filter.AssignedAfter)) &&
		(filter.AssignedBefore.IsZero() || a.AssignedAt.Before(filter.AssignedBefore))
}

// TestVisibleEqualsModel lists random assignments for users who own patients, act for doctors and represent patients,
// in several ways at once. The pages have each assignment of the model once, in both orders, and so has the count.
func TestVisibleEqualsModel(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		var people []patients.ID
		var treating []doctors.ID
		users := []uuid.UUID{databasetest.NewUser(t, db), databasetest.NewUser(t, db)}
		ownerOf := map[patients.ID]uuid.UUID{}
		for i := range 6 {
			patient := newPatient(t, db, users[i%2])
			people, ownerOf[patient] = append(people, patient), users[i%2]
			treating = append(treating, newDoctor(t, db))
		}
		rapid.Check(t, func(rt *rapid.T) {
			run(t, db, `DELETE FROM assignments`)
			var all []domain.Assignment
			for _, patient := range people {
				team := rapid.SliceOfDistinct(rapid.SampledFrom(treating), rapid.ID[doctors.ID]).Draw(rt, "team")
				for _, doctor := range team {
					at := now.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "at")) * time.Second)
					a := domain.New(ownerOf[patient], patient, doctor, at)
					a.Access = rapid.SampledFrom([]assignments.Access{"none", "read", "write"}).Draw(rt, "access")
					all = append(all, mustAdd(t, repository, a))
				}
			}
			who := auth.Principal{UserID: users[0]}
			own := rapid.SliceOfNDistinct(rapid.SampledFrom(treating), 0, 2, rapid.ID[doctors.ID]).Draw(rt, "acts for")
			for _, doctor := range own {
				who.For = append(who.For, auth.Capacity{ID: doctor.UUID, Kind: auth.AsDoctor})
			}
			var represented []patients.ID
			if rapid.Bool().Draw(rt, "as a patient") {
				who.For = append(who.For, auth.Capacity{ID: who.UserID, Kind: auth.AsSelf})
				some := rapid.SliceOfDistinct(rapid.SampledFrom(people), rapid.ID[patients.ID])
				represented = some.Draw(rt, "represents")
			}
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(people), 0, 3, rapid.ID[patients.ID])
			restricted := slices.DeleteFunc(some.Draw(rt, "restricted"), func(id patients.ID) bool {
				return slices.Contains(represented, id)
			})
			except := patients.Exceptions{Represented: represented, Restricted: restricted}
			filter := rapid.SampledFrom([]domain.Filter{
				{}, {}, {Doctor: &treating[0].UUID}, {AssignedAfter: now}, {AssignedBefore: now.Add(2 * time.Second)},
			}).Draw(rt, "filter")
			descending := rapid.Bool().Draw(rt, "descending")
			expected := slices.DeleteFunc(slices.Clone(all), func(a domain.Assignment) bool {
				treats := slices.Contains(own, a.DoctorID) && a.Access != assignments.None &&
					!slices.Contains(restricted, a.PatientID)
				visible := a.OwnerID == who.UserID || treats || slices.Contains(represented, a.PatientID)
				return !visible || !matches(filter, a)
			})
			slices.SortFunc(expected, func(a, b domain.Assignment) int {
				order := cmp.Or(a.AssignedAt.Compare(b.AssignedAt), strings.Compare(a.ID.String(), b.ID.String()))
				if descending {
					return -order
				}
				return order
			})
			request := paging.Request{Limit: rapid.SampledFrom([]int{2, 3, 50}).Draw(rt, "limit"), Count: true,
				Order: []paging.Order{
					{Column: "assigned_at", Descending: descending}, {Column: "id", Descending: descending},
				}}
			var found []domain.Assignment
			for {
				page, err := repository.List(t.Context(), patients.VisibleTo(who, now), except, filter, request)
				require.NoError(rt, err)
				require.EqualValues(rt, len(expected), *page.Total)
				found = append(found, page.Items...)
				require.LessOrEqual(rt, len(found), len(expected))
				if request.After = page.Next; page.Next == nil {
					break
				}
			}
			require.Equal(rt, ids(expected), ids(found))
		})
	})
}

// A user can act for the maximum number of others and represent the maximum number of patients.
func TestListOfTheMostRepresented(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		who, owner := auth.Principal{UserID: databasetest.NewUser(t, db)}, databasetest.NewUser(t, db)
		doctor := newDoctor(t, db)
		for range auth.MaxCapacities {
			who.For = append(who.For, auth.Capacity{ID: uuid.New(), Kind: auth.AsDoctor})
		}
		var represented []patients.ID
		for i := range patients.MaxRepresented {
			represented = append(represented, newPatient(t, db, owner))
			mustAdd(t, repository, domain.New(owner, represented[i], doctor, now.Add(time.Duration(i)*time.Second)))
		}
		for filter, expected := range map[domain.Filter]int{
			{}: 100, {AssignedAfter: now.Add(9 * time.Second)}: 90,
		} {
			request := newestFirst
			request.Count = true
			except := patients.Exceptions{Represented: represented}
			page, err := repository.List(t.Context(), patients.VisibleTo(who, now), except, filter, request)
			require.NoError(t, err)
			require.Len(t, page.Items, expected)
			require.EqualValues(t, expected, *page.Total)
		}
	})
}

// TestX21_RepresentedPlans verifies X21 for a user who represents patients, one of whom has a large care team: the
// first page and a deep one read one index for each patient, and few rows more than they return.
func TestX21_RepresentedPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()]
		owner, patient, _ := insertAssignments(t, db, rows)
		represented := []patients.ID{{UUID: patient}}
		var others []uuid.UUID
		require.NoError(t, db.Read(t.Context()).Table("patients").Where("owner_id <> ?", owner).Order("id").Limit(4).
			Pluck("id", &others).Error)
		for _, id := range others {
			represented = append(represented, patients.ID{UUID: id})
		}
		who := auth.Principal{UserID: databasetest.NewUser(t, db)}
		who.For = []auth.Capacity{{ID: who.UserID, Kind: auth.AsSelf}}
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
		list := func(t *testing.T, filter domain.Filter, request paging.Request) paging.Page[domain.Assignment] {
			except := patients.Exceptions{Represented: represented}
			page, err := repository.List(t.Context(), patients.VisibleTo(who, now), except, filter, request)
			require.NoError(t, err)
			return page
		}
		for name, filter := range map[string]domain.Filter{
			"all": {}, "before a time": {AssignedBefore: now.AddDate(1, 0, 0)},
		} {
			for _, descending := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{
						{Column: "assigned_at", Descending: descending}, {Column: "id", Descending: descending},
					}}
					for depth := range 2 {
						page := list(t, filter, request)
						if db.Engine() == database.SQLite {
							plan := sent.QueryPlan(t, db)
							require.NotContains(t, plan, "SCAN assignments")
							search := "assignments_patient_id_assigned_at_idx (patient_id=?"
							if depth == 1 && filter == (domain.Filter{}) {
								search += " AND (assigned_at,id)"
							}
							require.Contains(t, plan, search)
						} else {
							modes := databasetest.PlanModes
							if filter != (domain.Filter{}) {
								modes = []string{"force_custom_plan"} // as the store has PostgreSQL plan it
							}
							for _, mode := range modes {
								plan := sent.Explain(t, db, mode)
								require.Less(t, plan.Buffers(), 200, "%s: %+v", mode, plan)
							}
						}
						require.NotNil(t, page.Next)
						before := request
						before.Limit = rows * 4 / 5
						request.After = list(t, filter, before).Next
					}
				})
			}
		}
	})
}
