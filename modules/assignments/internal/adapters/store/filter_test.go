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
		ann, bob := newPatient(t, db, owner), newPatient(t, db, owner)
		first, second := newDoctor(t, db), newDoctor(t, db)
		a := mustAdd(t, repository, domain.New(owner, ann, first, now))
		b := mustAdd(t, repository, domain.New(owner, bob, first, now.Add(time.Microsecond)))
		c := mustAdd(t, repository, domain.New(owner, bob, second, now.Add(time.Hour)))
		zero, missing := uuid.Nil, uuid.Must(uuid.NewV7())
		for _, test := range []struct {
			name   string
			filter domain.Filter
			want   []domain.Assignment
		}{
			{"nothing", domain.Filter{}, []domain.Assignment{c, b, a}},
			{"a patient", domain.Filter{Patient: &bob.UUID}, []domain.Assignment{c, b}},
			{"a doctor", domain.Filter{Doctor: &first.UUID}, []domain.Assignment{b, a}},
			{"a patient and a doctor", domain.Filter{Patient: &bob.UUID, Doctor: &first.UUID}, []domain.Assignment{b}},
			{
				"a pair that is not assigned",
				domain.Filter{Patient: &ann.UUID, Doctor: &second.UUID}, []domain.Assignment{},
			},
			{"a missing patient", domain.Filter{Patient: &missing}, []domain.Assignment{}},
			{"the nil id", domain.Filter{Doctor: &zero}, []domain.Assignment{}},
			{"the earliest time, to the microsecond", domain.Filter{AssignedAfter: now}, []domain.Assignment{c, b}},
			{
				"the latest time, to the microsecond",
				domain.Filter{AssignedBefore: now.Add(time.Microsecond)}, []domain.Assignment{a},
			},
			{
				"two times",
				domain.Filter{AssignedAfter: now, AssignedBefore: now.Add(time.Hour)}, []domain.Assignment{b},
			},
		} {
			t.Run("by "+test.name, func(t *testing.T) {
				require.Equal(t, test.want, listAll(t.Context(), t, repository, patients.OwnedBy(owner), test.filter))
			})
		}
	})
}

func TestPatientsOf(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		doctor, unassigned := newDoctor(t, db), newDoctor(t, db)
		ann, bob, foreign := newPatient(t, db, owner), newPatient(t, db, owner), newPatient(t, db, stranger)
		for patient, user := range map[patients.ID]uuid.UUID{ann: owner, bob: owner, foreign: stranger} {
			mustAdd(t, repository, domain.New(user, patient, doctor, now))
		}
		t.Run("returns the doctor's patients in the scope only", func(t *testing.T) {
			for user, want := range map[uuid.UUID][]patients.ID{owner: {ann, bob}, stranger: {foreign}, {}: {}} {
				found, err := repository.PatientsOf(ctx, patients.OwnedBy(user), doctor.UUID, 10)
				require.NoError(t, err)
				require.ElementsMatch(t, want, found)
			}
		})
		t.Run("returns nothing for a doctor without patients, or a missing doctor", func(t *testing.T) {
			for _, id := range []uuid.UUID{unassigned.UUID, uuid.Must(uuid.NewV7()), uuid.Nil} {
				found, err := repository.PatientsOf(ctx, patients.OwnedBy(owner), id, 10)
				require.NoError(t, err)
				require.Empty(t, found)
			}
		})
		t.Run("returns at most the requested number", func(t *testing.T) {
			found, err := repository.PatientsOf(ctx, patients.OwnedBy(owner), doctor.UUID, 1)
			require.NoError(t, err)
			require.Len(t, found, 1)
		})
	})
}
