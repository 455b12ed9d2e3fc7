package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestFilter(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		ann, bob, first, second := newPatient(t, db, owner), newPatient(t, db, owner), newDoctor(t, db), newDoctor(t, db)
		a := mustAdd(t, repository, domain.New(owner, ann, first, now))
		b := mustAdd(t, repository, domain.New(owner, bob, first, now.Add(time.Microsecond)))
		c := mustAdd(t, repository, domain.New(owner, bob, second, now.Add(time.Hour)))
		nobody, missing := uuid.Nil, uuid.Must(uuid.NewV7())
		for _, one := range []struct {
			what   string
			filter domain.Filter
			want   []domain.Assignment
		}{
			{"nothing", domain.Filter{}, []domain.Assignment{c, b, a}},
			{"a patient", domain.Filter{Patient: &bob.UUID}, []domain.Assignment{c, b}},
			{"a doctor", domain.Filter{Doctor: &first.UUID}, []domain.Assignment{b, a}},
			{"both", domain.Filter{Patient: &bob.UUID, Doctor: &first.UUID}, []domain.Assignment{b}},
			{"a pair that is not assigned", domain.Filter{Patient: &ann.UUID, Doctor: &second.UUID}, []domain.Assignment{}},
			{"a patient who does not exist", domain.Filter{Patient: &missing}, []domain.Assignment{}},
			{"the nil id, which is a filter too", domain.Filter{Doctor: &nobody}, []domain.Assignment{}},
			{"what is newer, to the microsecond", domain.Filter{AssignedAfter: now}, []domain.Assignment{c, b}},
			{"what is older, to the microsecond", domain.Filter{AssignedBefore: now.Add(time.Microsecond)}, []domain.Assignment{a}},
			{"what lies between", domain.Filter{AssignedAfter: now, AssignedBefore: now.Add(time.Hour)}, []domain.Assignment{b}},
		} {
			t.Run("by "+one.what, func(t *testing.T) {
				require.Equal(t, one.want, listed(t.Context(), t, repository, patients.OwnedBy(owner), one.filter))
			})
		}
	})
}

func TestPatientsOf(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		treating, idle := newDoctor(t, db), newDoctor(t, db)
		ann, bob, theirs := newPatient(t, db, owner), newPatient(t, db, owner), newPatient(t, db, stranger)
		for patient, of := range map[patients.ID]uuid.UUID{ann: owner, bob: owner, theirs: stranger} {
			mustAdd(t, repository, domain.New(of, patient, treating, now))
		}
		t.Run("is the scope's patients to whom the doctor is assigned, and nobody else's", func(t *testing.T) {
			for scope, want := range map[patients.Scope][]patients.ID{
				patients.OwnedBy(owner): {ann, bob}, patients.OwnedBy(stranger): {theirs}, {}: {},
			} {
				found, err := repository.PatientsOf(ctx, scope, treating.UUID, 10)
				require.NoError(t, err)
				require.ElementsMatch(t, want, found)
			}
		})
		t.Run("is nobody where the doctor treats nobody, or does not exist", func(t *testing.T) {
			for _, id := range []uuid.UUID{idle.UUID, uuid.Must(uuid.NewV7()), uuid.Nil} {
				found, err := repository.PatientsOf(ctx, patients.OwnedBy(owner), id, 10)
				require.NoError(t, err)
				require.Empty(t, found)
			}
		})
		t.Run("is no more than asked for", func(t *testing.T) {
			found, err := repository.PatientsOf(ctx, patients.OwnedBy(owner), treating.UUID, 1)
			require.NoError(t, err)
			require.Len(t, found, 1)
		})
	})
}
