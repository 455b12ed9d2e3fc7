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
