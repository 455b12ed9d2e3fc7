package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestDirectoryContract(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		setup := func(t *testing.T) patientstest.Fixture {
			repository, grants, restrictions := store.New(db), store.NewGrants(db), store.NewRestrictions(db)
			known := map[uuid.UUID]bool{}
			add := func(owner uuid.UUID, patient patients.Patient) {
				if !known[owner] {
					databasetest.AddUser(t, db, owner)
				}
				known[owner] = true
				require.NoError(t, repository.Add(t.Context(), domain.Patient{
					ID: patient.ID, OwnerID: owner, Version: 1, CreatedAt: now, UpdatedAt: now,
					Details: domain.Details{Name: patient.Name, Gender: patient.Gender, Age: patient.Age},
				}))
			}
			represent := func(user uuid.UUID, patient patients.ID, until time.Time) {
				for _, basis := range []domain.Basis{domain.Self, domain.Delegate} {
					require.NoError(t, grants.Put(t.Context(), domain.Grant{PatientID: patient, GranteeID: user,
						Basis: basis, SourceID: uuid.New(), Level: patients.Read, GrantedAt: now, ExpiresAt: until}))
				}
			}
			directory := app.NewDirectory(repository, grants, restrictions, clock.At(now), time.UTC)
			return patientstest.Fixture{
				Directory: directory, Add: add, Represent: represent,
				Share: func(party uuid.UUID, patient patients.ID, basis string, level patients.Level) {
					require.NoError(t, grants.Put(t.Context(), domain.Grant{PatientID: patient, GranteeID: party,
						Basis: domain.Basis(basis), SourceID: uuid.New(), Level: level, GrantedAt: now}))
				},
				Restrict: func(party uuid.UUID, patient patients.ID) {
					require.NoError(t, restrictions.Add(t.Context(), domain.Restriction{
						PatientID: patient, PartyID: party, Kind: domain.ForUser, CreatedAt: now,
					}))
				},
			}
		}
		patientstest.RunDirectoryContract(t, setup)
	})
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, who := newEnv(t, db), newUser(t, db)
	scope, directory := patients.OwnedBy(who.UserID), app.NewDirectory(
		store.New(db), store.NewGrants(db), store.NewRestrictions(db), service.clock, time.UTC)

	t.Run("computes the age from the birth date, as of today", func(t *testing.T) {
		patient := service.registered(t, who, domain.Input{Name: "A", Gender: "Other", BirthDate: "1995-11-23"})
		found, err := directory.Find(t.Context(), scope, patient.ID)
		require.NoError(t, err)
		require.Equal(t, patients.Patient{
			ID: patient.ID, Owner: who.UserID, Name: "A", Age: 30, Gender: "Other", Reason: patients.Owned,
		}, found)

		service.clock.Advance(24 * time.Hour)
		all, err := directory.FindAll(t.Context(), scope, []patients.ID{patient.ID})
		require.NoError(t, err)
		require.Equal(t, 31, all[patient.ID].Age)
	})
	t.Run("reads within the transaction of the caller", func(t *testing.T) {
		require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
			patient, err := service.Register(ctx, who, ananya())
			require.NoError(t, err)
			_, err = directory.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			return context.Canceled
		}), context.Canceled)
	})
	t.Run("returns the error of the store, and no patient", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		found, err := directory.Find(ended, scope, patients.ID{})
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Zero(t, found)
		all, err := directory.FindAll(ended, scope, []patients.ID{{}})
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Empty(t, all)
		except, err := directory.Exceptions(ended, asSelf(who), now)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Zero(t, except)
	})
	t.Run("returns no patient whom the user treats, and at most the maximum of represented ones", func(t *testing.T) {
		person, grants, hidden := newUser(t, db), store.NewGrants(db), store.NewRestrictions(db)
		for i := range patients.MaxRepresented + 2 {
			basis := map[bool]domain.Basis{true: domain.Care, false: domain.Delegate}[i == 0]
			patient := service.registered(t, who, domain.Input{Name: "P", Gender: "Other", Age: new(i)})
			require.NoError(t, grants.Put(t.Context(), domain.Grant{PatientID: patient.ID, GranteeID: person.UserID,
				Basis: basis, SourceID: uuid.New(), Level: patients.Read, GrantedAt: now}))
			except, err := directory.Exceptions(t.Context(), asSelf(person), now)
			require.NoError(t, err)
			require.Len(t, except.Represented, min(i, patients.MaxRepresented))
		}
		all, err := directory.Exceptions(t.Context(), asSelf(person), now)
		require.NoError(t, err)
		require.NoError(t, hidden.Add(t.Context(), domain.Restriction{
			PatientID: all.Represented[0], PartyID: person.UserID, Kind: domain.ForUser, CreatedAt: now,
		}))
		except, err := directory.Exceptions(t.Context(), asSelf(person), now)
		require.NoError(t, err)
		require.Equal(t, all.Represented[:1], except.Restricted)
		require.NotContains(t, except.Represented, all.Represented[0])
	})
}
