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

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// access is a model of who may see which patient, beside the repositories that it is compared with.
type access struct {
	t          *rapid.T
	db         *database.DB
	repository ports.Repository
	stored     ports.Grants
	now        time.Time
	users      []auth.Principal
	grantees   []uuid.UUID
	patients   []domain.Patient
	grants     []domain.Grant
}

// level returns the level at which the user may use the patient, or "".
func (a *access) level(who auth.Principal, patient domain.Patient) patients.Level {
	if patient.OwnerID == who.UserID {
		return patients.Keep
	}
	var most patients.Level
	for _, g := range a.grants {
		acts := slices.ContainsFunc(who.For, func(c auth.Capacity) bool { return c.ID == g.GranteeID })
		live := g.ExpiresAt.IsZero() || g.ExpiresAt.After(a.now)
		if g.PatientID == patient.ID && acts && live && (most == "" || g.Level.Includes(most)) {
			most = g.Level
		}
	}
	return most
}

var (
	orders   = []string{"created_at", "updated_at", "name"}
	anyName  = rapid.SampledFrom([]string{"A", "B", "a", "Ä"})
	anyLevel = rapid.SampledFrom([]patients.Level{patients.Read, patients.Write})
)

// check compares what a user finds, locks, lists and counts with the model.
func (a *access) check() {
	ctx := a.t.Context()
	who := rapid.SampledFrom(a.users).Draw(a.t, "user")
	var visible []domain.Patient
	for _, patient := range a.patients {
		level := a.level(who, patient)
		if level != "" {
			visible = append(visible, patient)
		}
		found, err := a.repository.Find(ctx, patients.VisibleTo(who, a.now), patient.ID)
		require.Equal(a.t, level != "", err == nil, "find %v: %v", patient.ID, err)
		if err == nil {
			a.checkReason(who, found)
		}
		_, err = a.repository.Lock(ctx, patients.ChangeableBy(who, a.now), patient.ID)
		require.Equal(a.t, level.Includes(patients.Write), err == nil, "lock %v: %v", patient.ID, err)
	}
	found, err := a.repository.FindAll(ctx, patients.VisibleTo(who, a.now), idsOf(a.patients))
	require.NoError(a.t, err)
	require.ElementsMatch(a.t, idsOf(visible), idsOf(found))
	column, descending := rapid.SampledFrom(orders).Draw(a.t, "order"), rapid.Bool().Draw(a.t, "descending")
	slices.SortFunc(visible, func(x, y domain.Patient) int { return compare(x, y, column, descending) })
	require.Equal(a.t, idsOf(visible), a.paged(who, column, descending), "by %s %v", column, descending)
}

// checkReason compares the reason for which the user sees a patient with the model: ownership, or a grant of the
// highest level, of a doctor if there is one.
func (a *access) checkReason(who auth.Principal, found domain.Patient) {
	if found.OwnerID == who.UserID {
		require.Equal(a.t, patients.Owned, found.Reason)
		return
	}
	var reasons, ofCare []auth.Reason
	level := a.level(who, found)
	for _, g := range a.grants {
		live := g.ExpiresAt.IsZero() || g.ExpiresAt.After(a.now)
		if g.PatientID != found.ID || !who.ActsFor(g.GranteeID) || !live || g.Level != level {
			continue
		}
		reasons = append(reasons, g.Reason())
		if g.Basis == domain.Care {
			ofCare = append(ofCare, g.Reason())
		}
	}
	if ofCare != nil {
		reasons = ofCare
	}
	require.Contains(a.t, reasons, found.Reason)
}

// compare compares patients in the order of a list by the column.
func compare(a, b domain.Patient, column string, descending bool) int {
	order := strings.Compare(a.ID.String(), b.ID.String())
	switch column {
	case "created_at":
		order = cmp.Or(a.CreatedAt.Compare(b.CreatedAt), order)
	case "updated_at":
		order = cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), order)
	default:
		order = cmp.Or(strings.Compare(a.Details.Name, b.Details.Name), order)
	}
	if descending {
		return -order
	}
	return order
}

// paged returns the user's list, read by pages of two, and compares its count.
func (a *access) paged(who auth.Principal, column string, descending bool) []patients.ID {
	filter := domain.Filter{}
	if rapid.Bool().Draw(a.t, "filtered") {
		filter.Gender = "Other" // that of every patient
	}
	request := paging.Request{Limit: 2, Count: true, Order: []paging.Order{
		{Column: column, Descending: descending}, {Column: "id", Descending: descending},
	}}
	all := []patients.ID{}
	for {
		page, err := a.repository.List(a.t.Context(), patients.VisibleTo(who, a.now), filter, request)
		require.NoError(a.t, err)
		for _, found := range page.Items {
			a.checkReason(who, found)
			found.Reason = patients.Owned // as the model has it
			require.Contains(a.t, a.patients, found)
			all = append(all, found.ID)
		}
		if page.Next == nil {
			require.EqualValues(a.t, len(all), *page.Total)
			return all
		}
		request.After = page.Next
	}
}

func idsOf(all []domain.Patient) []patients.ID {
	ids := make([]patients.ID, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	return ids
}

// TestAccessEqualsModel changes patients and grants at random. After each change, every user finds, counts and lists
// exactly the patients that the model has for them, in every order and on pages of two.
func TestAccessEqualsModel(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rapid.Check(t, func(rt *rapid.T) {
			a := &access{t: rt, db: db, repository: store.New(db), stored: store.NewGrants(db), now: now}
			for range 3 {
				a.users = append(a.users, auth.Principal{UserID: databasetest.NewUser(t, db)})
			}
			doctors := []uuid.UUID{newUUID(), newUUID()}
			for i := range a.users {
				who := &a.users[i]
				some := rapid.SliceOfDistinct(rapid.SampledFrom(doctors), rapid.ID[uuid.UUID])
				for _, doctor := range some.Draw(rt, "acts for") {
					who.For = append(who.For, auth.Capacity{ID: doctor, Kind: auth.AsDoctor})
				}
				if rapid.Bool().Draw(rt, "acts for themselves") {
					who.For = append(who.For, auth.Capacity{ID: who.UserID, Kind: auth.AsSelf})
				}
				a.grantees = append(a.grantees, who.UserID)
			}
			a.grantees = append(a.grantees, doctors...)
			rt.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) { a.t = t; a.check() },
				"add a patient": func(t *rapid.T) {
					patient := ananya(rapid.SampledFrom(a.users).Draw(t, "owner").UserID)
					patient.ID, patient.Details.MedicalRecordNumber = recordid.New[patients.ID](), ""
					patient.Details.Gender, patient.Details.Name = "Other", anyName.Draw(t, "name")
					patient.CreatedAt = now.Add(seconds(t, 3))
					patient.UpdatedAt = patient.CreatedAt
					require.NoError(t, a.repository.Add(t.Context(), patient))
					a.patients = append(a.patients, patient)
				},
				"change a patient": func(t *rapid.T) {
					i := a.anyPatient(t)
					owned := patients.OwnedBy(a.patients[i].OwnerID)
					_, err := a.repository.Change(t.Context(), owned, a.patients[i].ID,
						func(p *domain.Patient) error {
							p.Details.Name = anyName.Draw(t, "name")
							p.UpdatedAt = p.UpdatedAt.Add(seconds(t, 2))
							p.Version++
							a.patients[i] = *p
							return nil
						})
					require.NoError(t, err)
				},
				"remove a patient": func(t *rapid.T) {
					i := a.anyPatient(t)
					id := a.patients[i].ID
					require.NoError(t, a.repository.Remove(t.Context(), patients.OwnedBy(a.patients[i].OwnerID), id))
					a.patients = slices.Delete(a.patients, i, i+1)
					a.forget(func(g domain.Grant) bool { return g.PatientID == id })
				},
				"grant": func(t *rapid.T) {
					patient := a.patients[a.anyPatient(t)]
					grant := domain.Grant{
						PatientID: patient.ID, GranteeID: rapid.SampledFrom(a.grantees).Draw(t, "grantee"),
						Basis:    rapid.SampledFrom([]domain.Basis{domain.Care, domain.Delegate}).Draw(t, "basis"),
						SourceID: newUUID(), Level: anyLevel.Draw(t, "level"),
						GrantedBy: patient.OwnerID, GrantedAt: a.now,
					}
					if rapid.Bool().Draw(t, "expires") {
						grant.ExpiresAt = a.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "for")) * time.Minute)
					}
					require.NoError(t, a.stored.Put(t.Context(), grant))
					a.grants = append(a.grants, grant)
				},
				"change a grant": func(t *rapid.T) {
					g := &a.grants[a.anyGrant(t)]
					g.Level, g.ExpiresAt = anyLevel.Draw(t, "level"), time.Time{}
					require.NoError(t, a.stored.Put(t.Context(), *g))
				},
				"end a source": func(t *rapid.T) {
					ended := a.grants[a.anyGrant(t)]
					removed, err := a.stored.RemoveBySources(
						t.Context(), []domain.Basis{ended.Basis}, []uuid.UUID{ended.SourceID})
					require.NoError(t, err)
					require.Equal(t, []domain.Grant{ended}, removed)
					a.forget(func(g domain.Grant) bool { return g.SourceID == ended.SourceID })
				},
				"remove a grantee": func(t *rapid.T) {
					grantee := rapid.SampledFrom(a.grantees).Draw(t, "grantee")
					ended, err := a.stored.RemoveOfGrantee(t.Context(), grantee)
					require.NoError(t, err)
					before := len(a.grants)
					a.forget(func(g domain.Grant) bool { return g.GranteeID == grantee })
					require.Len(t, ended, before-len(a.grants))
				},
				"wait": func(t *rapid.T) { a.now = a.now.Add(time.Minute) },
			})
		})
	})
}

func (a *access) anyPatient(t *rapid.T) int {
	if len(a.patients) == 0 {
		t.Skip("no patient")
	}
	return rapid.IntRange(0, len(a.patients)-1).Draw(t, "patient")
}

func (a *access) anyGrant(t *rapid.T) int {
	if len(a.grants) == 0 {
		t.Skip("no grant")
	}
	return rapid.IntRange(0, len(a.grants)-1).Draw(t, "grant")
}

func (a *access) forget(ended func(domain.Grant) bool) { a.grants = slices.DeleteFunc(a.grants, ended) }

func seconds(t *rapid.T, most int) time.Duration {
	return time.Duration(rapid.IntRange(0, most).Draw(t, "seconds")) * time.Second
}

func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
