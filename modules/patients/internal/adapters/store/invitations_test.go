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

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		invitations, ctx := store.NewInvitations(db), t.Context()
		patient := mustAdd(t, repository, ananya(databasetest.NewUser(t, db))).ID
		other := mustAdd(t, repository, ben(t, databasetest.NewUser(t, db))).ID
		invitation := func(of patients.ID, mac string, expires time.Time) domain.Invitation {
			return domain.Invitation{ID: recordid.New[domain.InvitationID](), PatientID: of, MAC: []byte(mac),
				As: domain.Delegate, Level: patients.Read, InvitedBy: uuid.New(), CreatedAt: now, ExpiresAt: expires}
		}
		first, second := invitation(patient, "\x00first", now.Add(time.Hour)), invitation(patient, "second", now)
		first.Until, first.Failures = now.Add(time.Minute), 2
		foreign := invitation(other, "foreign", now)
		for _, i := range []domain.Invitation{first, second, foreign} {
			require.NoError(t, invitations.Add(ctx, i))
		}
		t.Run("are stored completely", func(t *testing.T) {
			all, err := invitations.OfPatient(ctx, patient)
			require.NoError(t, err)
			require.ElementsMatch(t, []domain.Invitation{first, second}, all)
		})
		t.Run("are found by each MAC", func(t *testing.T) {
			found, err := invitations.FindByMAC(ctx, [][]byte{[]byte("newest"), []byte("\x00first")})
			require.NoError(t, err)
			require.Equal(t, first, found)
			_, err = invitations.FindByMAC(ctx, [][]byte{[]byte("firs")})
			require.ErrorIs(t, err, patients.ErrNoInvitation)
		})
		t.Run("count attempts", func(t *testing.T) {
			counted, err := invitations.Attempt(ctx, second.ID)
			require.NoError(t, err)
			second.Failures = 1
			require.Equal(t, second, counted)
			_, err = invitations.Attempt(ctx, recordid.New[domain.InvitationID]())
			require.ErrorIs(t, err, patients.ErrNoInvitation)
		})
		t.Run("are removed of their patient only", func(t *testing.T) {
			require.ErrorIs(t, invitations.Remove(ctx, patient, foreign.ID), patients.ErrNoInvitation)
			require.NoError(t, invitations.Remove(ctx, other, foreign.ID))
			require.NoError(t, invitations.Add(ctx, foreign))
		})
		t.Run("are removed when they are void", func(t *testing.T) {
			_, err := invitations.Attempt(ctx, first.ID)
			require.NoError(t, err)
			require.NoError(t, invitations.RemoveVoid(ctx, patient, now.Add(-time.Microsecond)))
			all, err := invitations.OfPatient(ctx, patient)
			require.NoError(t, err)
			require.Equal(t, []domain.Invitation{second}, all, "three failures")
			require.NoError(t, invitations.RemoveVoid(ctx, patient, now))
			all, err = invitations.OfPatient(ctx, patient)
			require.NoError(t, err)
			require.Empty(t, all, "expired")
			all, err = invitations.OfPatient(ctx, other)
			require.NoError(t, err)
			require.Len(t, all, 1, "of another patient")
		})
		t.Run("are accepted once, and remain until their grant ends", func(t *testing.T) {
			accepted := invitation(patient, "accepted", now)
			require.NoError(t, invitations.Add(ctx, accepted))
			accepted.AcceptedBy, accepted.AcceptedAt, accepted.EndsAt = uuid.New(), now, now.Add(time.Hour)
			require.NoError(t, invitations.Accept(ctx, accepted))
			require.ErrorIs(t, invitations.Accept(ctx, accepted), patients.ErrNoInvitation)
			require.ErrorIs(t, invitations.Remove(ctx, patient, accepted.ID), patients.ErrNoInvitation)
			require.NoError(t, invitations.RemoveVoid(ctx, patient, now))
			for after, want := range map[domain.InvitationID][]domain.Invitation{{}: {accepted}, accepted.ID: {}} {
				all, err := invitations.Accepted(ctx, after, 10)
				require.NoError(t, err)
				require.Equal(t, want, all)
			}
			all, err := invitations.Accepted(ctx, domain.InvitationID{}, 0)
			require.NoError(t, err)
			require.Empty(t, all, "at most as many as wanted")
			require.NoError(t, invitations.RemoveVoid(ctx, patient, now.Add(time.Hour)))
			all, err = invitations.OfPatient(ctx, patient)
			require.NoError(t, err)
			require.Empty(t, all)
			forever := invitation(patient, "forever", now)
			require.NoError(t, invitations.Add(ctx, forever))
			forever.AcceptedBy, forever.AcceptedAt = uuid.New(), now
			require.NoError(t, invitations.Accept(ctx, forever))
			require.NoError(t, invitations.RemoveVoid(ctx, patient, now.Add(time.Hour)))
			require.NoError(t, invitations.RemoveAccepted(ctx, []uuid.UUID{foreign.ID.UUID}), "is not accepted")
			page, err := invitations.List(ctx, patient, paging.Request{Limit: 10, Order: newestFirst.Order})
			require.NoError(t, err)
			require.Equal(t, []domain.Invitation{forever}, page.Items)
			require.NoError(t, invitations.RemoveAccepted(ctx, []uuid.UUID{forever.ID.UUID}))
			all, err = invitations.OfPatient(ctx, patient)
			require.NoError(t, err)
			require.Empty(t, all)
		})
		t.Run("end with the patient", func(t *testing.T) {
			require.NoError(t, db.Write(ctx).Exec(`DELETE FROM patients WHERE id = ?`, other).Error)
			all, err := invitations.OfPatient(ctx, other)
			require.NoError(t, err)
			require.Empty(t, all)
		})
	})
}

func TestOneGrant(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		grants, ctx := store.NewGrants(db), t.Context()
		patient := mustAdd(t, repository, ananya(databasetest.NewUser(t, db))).ID
		grant := domain.Grant{PatientID: patient, GranteeID: uuid.New(), Basis: domain.Self, SourceID: uuid.New(),
			Level: patients.Read, GrantedBy: uuid.New(), GrantedAt: now, ExpiresAt: now.Add(time.Hour)}
		other := grant
		other.Basis, other.SourceID, other.ExpiresAt = domain.Delegate, uuid.New(), time.Time{}
		require.NoError(t, grants.Put(ctx, grant))
		second := grant
		second.GranteeID, second.SourceID = uuid.New(), uuid.New()
		require.ErrorIs(t, grants.Put(ctx, second), patients.ErrAlreadyClaimed)
		require.NoError(t, grants.Put(ctx, other))
		found, err := grants.Find(ctx, patient, grant.SourceID)
		require.NoError(t, err)
		require.Equal(t, grant, found)
		_, err = grants.Find(ctx, recordid.New[patients.ID](), grant.SourceID)
		require.ErrorIs(t, err, patients.ErrNoGrant)
		require.NoError(t, grants.Remove(ctx, grant))
		require.ErrorIs(t, grants.Remove(ctx, grant), patients.ErrNoGrant)
		_, err = grants.Find(ctx, patient, grant.SourceID)
		require.ErrorIs(t, err, patients.ErrNoGrant)
		found, err = grants.Find(ctx, patient, other.SourceID)
		require.NoError(t, err)
		require.Equal(t, other, found)
		require.NoError(t, grants.Put(ctx, second))
		for at, want := range map[time.Time]int{now: 1, second.ExpiresAt: 0} {
			count, err := grants.CountRepresented(ctx, second.GranteeID, at)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		expired := func(of patients.ID, at time.Time) []domain.Grant {
			ended, err := grants.RemoveExpiredOf(ctx, of, at)
			require.NoError(t, err)
			return ended
		}
		require.Empty(t, expired(recordid.New[patients.ID](), second.ExpiresAt))
		require.Empty(t, expired(patient, second.ExpiresAt.Add(-time.Microsecond)))
		both := []domain.Basis{domain.Self, domain.Delegate}
		all, err := grants.Range(ctx, both, uuid.Nil, uuid.Nil)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, []domain.Grant{second}, expired(patient, second.ExpiresAt))
		for _, limit := range []int{1, 2} { // the first end first
			for i := range 2 {
				ending := domain.Grant{PatientID: patient, GranteeID: uuid.New(), Basis: domain.Delegate,
					SourceID: uuid.New(), Level: patients.Read, GrantedAt: now,
					ExpiresAt: now.Add(time.Duration(i) * time.Minute)}
				require.NoError(t, grants.Put(ctx, ending))
			}
			ended, err := grants.RemoveExpired(ctx, now, limit)
			require.NoError(t, err)
			require.Len(t, ended, 1)
			require.Equal(t, now, ended[0].ExpiresAt)
			ended, err = grants.RemoveExpired(ctx, now.Add(time.Minute), limit)
			require.NoError(t, err)
			require.Len(t, ended, 1)
		}
		all, err = grants.Range(ctx, both, uuid.Nil, uuid.Nil)
		require.NoError(t, err)
		require.Equal(t, []ports.StoredGrant{{Grant: other}}, all)
		require.NoError(t, db.Write(ctx).Exec(`UPDATE patient_grants SET patient_name = 'Other'`).Error)
		all, err = grants.Range(ctx, both, uuid.Nil, other.SourceID)
		require.NoError(t, err)
		require.Equal(t, []ports.StoredGrant{{Grant: other, Outdated: true}}, all)
	})
}
