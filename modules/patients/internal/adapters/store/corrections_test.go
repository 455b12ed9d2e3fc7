package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

func TestCorrections(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		corrections, ctx := store.NewCorrections(db), t.Context()
		patient := mustAdd(t, repository, ananya(databasetest.NewUser(t, db))).ID
		other := mustAdd(t, repository, ben(t, databasetest.NewUser(t, db))).ID
		correction := func(of patients.ID, at time.Time) domain.Correction {
			return domain.Correction{ID: recordid.New[domain.CorrectionID](), PatientID: of, Field: "address",
				Value: "2 Lake Road\nä𝒜 '; --", Because: "I moved.", AskedBy: uuid.New(), AskedAt: at,
				State: domain.Pending, Version: 1}
		}
		first, second := correction(patient, now), correction(patient, now.Add(time.Microsecond))
		foreign := correction(other, now)
		for _, c := range []domain.Correction{first, second, foreign} {
			require.NoError(t, corrections.Add(ctx, c))
		}
		listed := func(t *testing.T, request paging.Request) paging.Page[domain.Correction] {
			t.Helper()
			page, err := corrections.List(ctx, patient, request)
			require.NoError(t, err)
			return page
		}
		pending := func(t *testing.T, of patients.ID) int {
			t.Helper()
			count, err := corrections.CountPending(ctx, of)
			require.NoError(t, err)
			return count
		}
		all := databasetest.NewestFirst("asked_at")
		t.Run("are stored completely, and listed of their patient only", func(t *testing.T) {
			require.Equal(t, []domain.Correction{second, first}, listed(t, all).Items)
			page := all
			page.Limit = 1
			one := listed(t, page)
			require.Equal(t, []domain.Correction{second}, one.Items)
			page.After = one.Next
			require.Equal(t, []domain.Correction{first}, listed(t, page).Items)
			found, err := corrections.Find(ctx, patient, first.ID)
			require.NoError(t, err)
			require.Equal(t, first, found)
			_, err = corrections.Find(ctx, patient, foreign.ID)
			require.ErrorIs(t, err, patients.ErrNoCorrection)
			require.Equal(t, 2, pending(t, patient))
		})
		t.Run("a decision changes nothing else", func(t *testing.T) {
			decided := first
			require.NoError(t, decided.Decide(domain.Decision{Decision: "declined", Note: "No."}, uuid.New(), now))
			sent := decided
			sent.Value, sent.Because, sent.Field, sent.AskedBy = "x", "x", "x", uuid.New()
			require.NoError(t, corrections.Change(ctx, sent))
			found, err := corrections.Find(ctx, patient, first.ID)
			require.NoError(t, err)
			require.Equal(t, decided, found)
			require.Equal(t, 1, pending(t, patient))
			require.Equal(t, 1, pending(t, other))
			sent.PatientID = other
			require.ErrorIs(t, corrections.Change(ctx, sent), patients.ErrNoCorrection)
		})
		t.Run("are removed of their patient only", func(t *testing.T) {
			require.ErrorIs(t, corrections.Remove(ctx, patient, foreign.ID), patients.ErrNoCorrection)
			require.NoError(t, corrections.Remove(ctx, patient, second.ID))
			require.Len(t, listed(t, all).Items, 1)
			require.Equal(t, 1, pending(t, other))
		})
		t.Run("end with the patient, also for releases that do not know them", func(t *testing.T) {
			require.NoError(t, db.Write(ctx).Exec(`DELETE FROM patients WHERE id = ?`, other).Error)
			require.Zero(t, pending(t, other))
		})
	})
}

func TestFindRepresenting(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		grants, ctx := store.NewGrants(db), t.Context()
		patient := mustAdd(t, repository, ananya(databasetest.NewUser(t, db))).ID
		other := mustAdd(t, repository, ben(t, databasetest.NewUser(t, db))).ID
		grant := func(basis domain.Basis, expires time.Time) uuid.UUID {
			user := uuid.New()
			require.NoError(t, grants.Put(ctx, domain.Grant{PatientID: patient, GranteeID: user, Basis: basis,
				SourceID: uuid.New(), Level: patients.Read, GrantedBy: uuid.New(), GrantedAt: now, ExpiresAt: expires}))
			return user
		}
		self := grant(domain.Self, time.Time{})
		for user, want := range map[uuid.UUID]bool{
			self:                                 true,
			grant(domain.Delegate, now.Add(1e6)): true,
			grant(domain.Delegate, now):          false,
			grant(domain.Care, time.Time{}):      false,
			uuid.New():                           false,
		} {
			grant, err := grants.FindRepresenting(ctx, user, patient, now)
			if !want {
				require.ErrorIs(t, err, patients.ErrNoGrant)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, user, grant.GranteeID)
		}
		_, err := grants.FindRepresenting(ctx, self, other, now)
		require.ErrorIs(t, err, patients.ErrNoGrant)
	})
}
