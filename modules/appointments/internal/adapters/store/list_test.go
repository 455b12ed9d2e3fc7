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

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// matches reports whether the filter matches the appointment.
func matches(filter domain.Filter, a domain.Appointment) bool {
	return (filter.Patient == nil || a.PatientID.UUID == *filter.Patient) &&
		(filter.Doctor == nil || a.DoctorID.UUID == *filter.Doctor) &&
		(filter.Series == nil || a.SeriesID == *filter.Series) &&
		(filter.Status == "" || a.Status == filter.Status) &&
		(filter.From.IsZero() || !a.StartsAt.Before(filter.From)) &&
		(filter.To.IsZero() || a.StartsAt.Before(filter.To))
}

// listed sorts the appointments of a list, and returns their ids.
func listed(all []domain.Appointment, descending bool) []appointments.ID {
	slices.SortFunc(all, func(a, b domain.Appointment) int {
		order := cmp.Or(a.StartsAt.Compare(b.StartsAt), strings.Compare(a.ID.String(), b.ID.String()))
		if descending {
			return -order
		}
		return order
	})
	ids := make([]appointments.ID, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	return ids
}

// TestVisibleEqualsModel lists random appointments for users who own patients, stand in for colleagues, act for doctors
// and represent patients, in several ways at once. The pages have each appointment of the model once, in both orders,
// and so has the count.
func TestVisibleEqualsModel(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		owners := []uuid.UUID{f.owner, databasetest.NewUser(t, f.db), databasetest.NewUser(t, f.db)}
		var people []patients.ID
		ownerOf := map[patients.ID]uuid.UUID{}
		for i := range 6 {
			patient := f.newPatient(t, owners[i%3])
			people, ownerOf[patient] = append(people, patient), owners[i%3]
		}
		series := uuid.New()
		rapid.Check(t, func(rt *rapid.T) {
			f.exec(t, "DELETE FROM appointments")
			var all []domain.Appointment
			for range rapid.IntRange(0, 14).Draw(rt, "appointments") {
				start := at(rapid.IntRange(9, 11).Draw(rt, "hour"), 0)
				a := overbookedVisit(f, 0, 0, start, start.Add(time.Hour))
				a.PatientID = rapid.SampledFrom(people).Draw(rt, "patient")
				a.OwnerID = ownerOf[a.PatientID]
				a.DoctorID = rapid.SampledFrom(append([]doctors.ID{{}}, f.doctors...)).Draw(rt, "doctor")
				a.Status = rapid.SampledFrom([]appointments.Status{
					appointments.Booked, appointments.Cancelled, appointments.Fulfilled,
				}).Draw(rt, "status")
				if rapid.Bool().Draw(rt, "in a series") {
					a.SeriesID = series
				}
				all = append(all, f.mustAdd(t, a))
			}
			who := auth.Principal{UserID: owners[0]}
			treating := rapid.SliceOfNDistinct(rapid.SampledFrom(f.doctors), 0, 2, rapid.ID[doctors.ID])
			own := treating.Draw(rt, "acts for")
			for _, doctor := range own {
				who.For = append(who.For, auth.Capacity{ID: doctor.UUID, Kind: auth.AsDoctor})
			}
			colleagues := rapid.SliceOfNDistinct(rapid.SampledFrom(owners[1:]), 0, 2, rapid.ID[uuid.UUID])
			mine := colleagues.Draw(rt, "deputy of")
			for _, colleague := range mine {
				who.For = append(who.For, auth.Capacity{ID: colleague, Kind: auth.AsDeputy, Level: auth.Read})
			}
			mine = append(mine, who.UserID)
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
				{}, {}, {Doctor: &f.doctors[0].UUID}, {Patient: &people[1].UUID}, {Series: &series},
				{Status: appointments.Booked}, {From: at(10, 0)}, {To: at(11, 0)}, {From: at(10, 0), To: at(11, 0)},
				{Patient: &people[0].UUID, Doctor: &f.doctors[0].UUID, Status: appointments.Booked},
			}).Draw(rt, "filter")
			// A doctor sees all own appointments, also those of restricted patients. The use case hides the patient.
			expected := slices.DeleteFunc(slices.Clone(all), func(a domain.Appointment) bool {
				owned := a.OwnerID == who.UserID ||
					slices.Contains(mine, a.OwnerID) && !slices.Contains(restricted, a.PatientID)
				ofDoctor := slices.Contains(own, a.DoctorID)
				asPatient := slices.Contains(represented, a.PatientID)
				return !owned && !ofDoctor && !asPatient || !matches(filter, a)
			})
			descending := rapid.Bool().Draw(rt, "descending")
			want := listed(expected, descending)
			request := paging.Request{
				Limit: rapid.SampledFrom([]int{2, 3, 50}).Draw(rt, "limit"), Count: true, Order: []paging.Order{
					{Column: "starts_at", Descending: descending}, {Column: "id", Descending: descending},
				},
			}
			pages := func(next func() (paging.Page[domain.Appointment], error)) (found []domain.Appointment) {
				for request.After = nil; ; {
					page, err := next()
					require.NoError(rt, err)
					require.EqualValues(rt, len(want), *page.Total)
					found = append(found, page.Items...)
					require.LessOrEqual(rt, len(found), len(want))
					if request.After = page.Next; page.Next == nil {
						return found
					}
				}
			}
			found := pages(func() (paging.Page[domain.Appointment], error) {
				return f.List(t.Context(), patients.VisibleTo(who, midnight), except, filter, request)
			})
			require.Equal(rt, append([]domain.Appointment{}, expected...), append([]domain.Appointment{}, found...))
			if filter.Patient != nil {
				all = slices.DeleteFunc(all, func(a domain.Appointment) bool { return !matches(filter, a) })
				want = listed(all, descending)
				found = pages(func() (paging.Page[domain.Appointment], error) {
					return f.ListOf(t.Context(), filter, request)
				})
				require.Equal(rt, want, listed(found, descending), "ListOf")
			}
		})
	})
}

// A user can act for the maximum number of others and represent the maximum number of patients.
func TestListOfTheMostRanges(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		who, owner := auth.Principal{UserID: databasetest.NewUser(t, f.db)}, databasetest.NewUser(t, f.db)
		for i := range auth.MaxCapacities {
			kind := []auth.CapacityKind{auth.AsDoctor, auth.AsDeputy}[i%2]
			who.For = append(who.For, auth.Capacity{ID: uuid.New(), Kind: kind, Level: auth.Read})
		}
		except := patients.Exceptions{}
		for i := range patients.MaxRepresented {
			a := f.visit(0, 0, at(i, 0), at(i, 30))
			a.OwnerID, a.PatientID = owner, f.newPatient(t, owner)
			except.Represented = append(except.Represented, f.mustAdd(t, a).PatientID)
		}
		for range patients.MaxRestricted {
			except.Restricted = append(except.Restricted, patients.ID{UUID: uuid.New()})
		}
		for filter, want := range map[domain.Filter]int{
			{}: patients.MaxRepresented, {From: at(10, 0)}: patients.MaxRepresented - 10,
		} {
			request := databasetest.NewestFirst("starts_at")
			request.Count = true
			page, err := f.List(t.Context(), patients.VisibleTo(who, midnight), except, filter, request)
			require.NoError(t, err)
			require.Len(t, page.Items, want)
			require.EqualValues(t, want, *page.Total)
		}
	})
}
