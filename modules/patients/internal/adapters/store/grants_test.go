package store_test

import (
	"cmp"
	"flag"
	"os"
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

	restrictions ports.Restrictions
	restricted   []domain.Restriction
	emergencies  ports.Emergencies
	opened       []domain.Emergency
}

// level returns the level at which the user may use the patient, or "", without emergencies.
func (a *access) level(who auth.Principal, patient domain.Patient) patients.Level {
	if patient.OwnerID == who.UserID {
		return patients.Keep
	}
	most, _ := a.shared(who, patient)
	return most
}

// shared returns the level at which the patient is shared with a user who is not the owner, and the reasons of that
// level.
func (a *access) shared(who auth.Principal, patient domain.Patient) (most patients.Level, reasons []auth.Reason) {
	for _, r := range a.restricted {
		if r.PatientID == patient.ID && (r.PartyID == who.UserID || who.ActsFor(r.PartyID)) {
			return "", nil
		}
	}
	add := func(level patients.Level, reason auth.Reason) {
		if most != level && level.Includes(most) || most == "" {
			most, reasons = level, nil
		}
		if level == most {
			reasons = append(reasons, reason)
		}
	}
	for _, c := range who.For {
		if c.Kind == auth.AsDeputy {
			if patient.OwnerID == c.ID {
				add(c.Level, auth.Reason{Basis: "deputy", For: c.ID})
			}
			continue
		}
		for _, g := range a.grants {
			if g.PatientID != patient.ID || g.GranteeID != c.ID || !g.ExpiresAt.IsZero() && !g.ExpiresAt.After(a.now) {
				continue
			}
			level := g.Level
			if c.Kind == auth.AsPractice && level.Includes(c.Level) {
				level = c.Level
			}
			add(level, g.Reason())
		}
	}
	return most, reasons
}

// inEmergency reports whether the user has an open emergency access to the patient.
func (a *access) inEmergency(who auth.Principal, patient domain.Patient) bool {
	return who.ActsFor(who.UserID) && slices.ContainsFunc(a.opened, func(e domain.Emergency) bool {
		return e.UserID == who.UserID && e.PatientID == patient.ID && e.IsOpen(a.now)
	})
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
	var visible, byID []domain.Patient
	for _, patient := range a.patients {
		level := a.level(who, patient)
		if level != "" {
			visible = append(visible, patient)
		}
		seen := level != "" || a.inEmergency(who, patient)
		if seen {
			byID = append(byID, patient)
		}
		found, err := a.repository.Find(ctx, patients.VisibleTo(who, a.now), patient.ID)
		require.Equal(a.t, seen, err == nil, "find %v: %v", patient.ID, err)
		if err == nil {
			a.checkReason(who, found)
		}
		for wanted, scope := range map[patients.Level]patients.Scope{
			patients.Write: patients.ChangeableBy(who, a.now), patients.Keep: patients.KeptBy(who, a.now),
		} {
			_, err = a.repository.Lock(ctx, scope, patient.ID)
			require.Equal(a.t, level.Includes(wanted), err == nil, "lock %v to %s: %v", patient.ID, wanted, err)
		}
	}
	found, err := a.repository.FindAll(ctx, patients.VisibleTo(who, a.now), idsOf(a.patients))
	require.NoError(a.t, err)
	require.ElementsMatch(a.t, idsOf(byID), idsOf(found))
	restricted, err := a.restrictions.Restricted(ctx, patients.VisibleTo(who, a.now), 100)
	require.NoError(a.t, err)
	for _, id := range restricted {
		require.True(a.t, slices.ContainsFunc(a.restricted, func(r domain.Restriction) bool {
			return r.PatientID == id && (r.PartyID == who.UserID || who.ActsFor(r.PartyID))
		}))
	}
	column, descending := rapid.SampledFrom(orders).Draw(a.t, "order"), rapid.Bool().Draw(a.t, "descending")
	slices.SortFunc(visible, func(x, y domain.Patient) int { return compare(x, y, column, descending) })
	require.Equal(a.t, idsOf(visible), a.paged(who, column, descending), "by %s %v", column, descending)
}

// checkReason compares the reason for which the user sees a patient with the model: ownership, or a grant of the
// highest level, of a doctor if there is one; else the emergency, else the colleague.
func (a *access) checkReason(who auth.Principal, found domain.Patient) {
	if found.OwnerID == who.UserID {
		require.Equal(a.t, patients.Owned, found.Reason)
		return
	}
	byBasis := map[string][]auth.Reason{}
	_, all := a.shared(who, found)
	for _, r := range all {
		byBasis[r.Basis] = append(byBasis[r.Basis], r)
	}
	switch reason := found.Reason; {
	case len(byBasis["care"]) > 0: // outweighs others
		require.Contains(a.t, byBasis["care"], reason)
	case reason.Basis == "emergency":
		require.True(a.t, a.inEmergency(who, found))
	default:
		require.Contains(a.t, all, reason)
	}
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

// modelTime returns how long changes are made at random.
func modelTime() time.Duration {
	explicit := false
	flag.Visit(func(f *flag.Flag) { explicit = explicit || f.Name == "rapid.checks" })
	switch {
	case explicit:
		return 24 * time.Hour
	case os.Getenv("CORPORA") == "all":
		return time.Minute
	}
	return 5 * time.Second
}

// TestAccessEqualsModel changes patients, grants, restrictions and emergency accesses at random, for users who act for
// doctors, practices and colleagues. After each change, every user finds, counts and lists exactly the patients that
// the model has for them, in every order and on pages of two. The sequences end after some seconds; -rapid.checks sets
// their number instead.
func TestAccessEqualsModel(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ends, states := time.Now().Add(modelTime()), 0
		rapid.Check(t, func(rt *rapid.T) {
			if time.Now().After(ends) {
				return
			}
			a := &access{
				t: rt, db: db, repository: store.New(db), stored: store.NewGrants(db), now: now,
				restrictions: store.NewRestrictions(db), emergencies: store.NewEmergencies(db),
			}
			for range 3 {
				a.users = append(a.users, auth.Principal{UserID: databasetest.NewUser(t, db)})
			}
			doctors, practices := []uuid.UUID{newUUID(), newUUID()}, []uuid.UUID{newUUID(), newUUID()}
			for i := range a.users {
				who := &a.users[i]
				some := rapid.SliceOfDistinct(rapid.SampledFrom(doctors), rapid.ID[uuid.UUID])
				for _, doctor := range some.Draw(rt, "acts for") {
					who.For = append(who.For, auth.Capacity{ID: doctor, Kind: auth.AsDoctor})
				}
				if rapid.Bool().Draw(rt, "acts for themselves") {
					who.For = append(who.For, auth.Capacity{ID: who.UserID, Kind: auth.AsSelf})
				}
				for _, practice := range practices {
					if rapid.Bool().Draw(rt, "member") {
						levels := rapid.SampledFrom([]auth.Level{auth.Read, auth.Write, auth.Keep})
						level := levels.Draw(rt, "member's level")
						who.For = append(who.For, auth.Capacity{ID: practice, Kind: auth.AsPractice, Level: level})
					}
				}
				for j, colleague := range a.users {
					if i != j && rapid.IntRange(0, 2).Draw(rt, "deputy") == 0 {
						level := anyLevel.Draw(rt, "deputy's level")
						who.For = append(who.For,
							auth.Capacity{ID: colleague.UserID, Kind: auth.AsDeputy, Level: level})
					}
				}
				a.grantees = append(a.grantees, who.UserID)
			}
			a.grantees = append(a.grantees, doctors...)
			hideable := slices.Clone(a.grantees)
			rt.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) {
					a.t = t
					a.check()
					states++
				},
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
					a.restricted = slices.DeleteFunc(a.restricted, func(r domain.Restriction) bool {
						return r.PatientID == id
					})
				},
				"grant to a practice": func(t *rapid.T) {
					patient, practice := a.patients[a.anyPatient(t)], rapid.SampledFrom(practices).Draw(t, "practice")
					grant := domain.Grant{
						PatientID: patient.ID, GranteeID: practice, Basis: domain.Practice, SourceID: practice,
						Level: patients.Keep, GrantedBy: patient.OwnerID, GrantedAt: a.now,
					}
					if !slices.ContainsFunc(a.grants, func(g domain.Grant) bool {
						return g.PatientID == patient.ID && g.SourceID == practice
					}) {
						require.NoError(t, a.stored.Put(t.Context(), grant))
						a.grants = append(a.grants, grant)
					}
				},
				"hide": func(t *rapid.T) {
					patient := a.patients[a.anyPatient(t)]
					r := domain.Restriction{
						PatientID: patient.ID, PartyID: rapid.SampledFrom(hideable).Draw(t, "from"),
						Kind: domain.ForUser, SaidBy: patient.OwnerID, CreatedAt: a.now,
					}
					if err := a.restrictions.Add(t.Context(), r); err == nil {
						a.restricted = append(a.restricted, r)
					} else {
						require.ErrorIs(t, err, patients.ErrAlreadyRestricted)
					}
				},
				"no longer hide": func(t *rapid.T) {
					if len(a.restricted) == 0 {
						t.Skip("no restriction")
					}
					i := rapid.IntRange(0, len(a.restricted)-1).Draw(t, "restriction")
					r := a.restricted[i]
					require.NoError(t, a.restrictions.Remove(t.Context(), r.PatientID, r.PartyID))
					a.restricted = slices.Delete(a.restricted, i, i+1)
				},
				"open in an emergency": func(t *rapid.T) {
					e := domain.Emergency{
						ID: recordid.New[domain.EmergencyID](), PatientID: a.patients[a.anyPatient(t)].ID,
						UserID: rapid.SampledFrom(a.users).Draw(t, "user").UserID, Reason: "other",
						Explanation: "It burns.", OpenedAt: a.now, Until: a.now.Add(2 * time.Minute), Version: 1,
					}
					require.NoError(t, a.emergencies.Open(t.Context(), e))
					a.opened = append(a.opened, e)
				},
				"end an emergency": func(t *rapid.T) {
					if len(a.opened) == 0 {
						t.Skip("no emergency")
					}
					i := rapid.IntRange(0, len(a.opened)-1).Draw(t, "emergency")
					changed, err := a.emergencies.Change(t.Context(), a.opened[i].ID, func(e *domain.Emergency) error {
						e.End(a.now)
						return nil
					})
					require.NoError(t, err)
					a.opened[i] = changed
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
					all := slices.Clone(a.grants)
					a.forget(func(g domain.Grant) bool { return g.SourceID == ended.SourceID })
					require.ElementsMatch(t, slices.DeleteFunc(all, func(g domain.Grant) bool {
						return g.SourceID != ended.SourceID
					}), removed)
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
		t.Logf("%d states", states)
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
