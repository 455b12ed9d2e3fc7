package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		ctx, doctor, other := t.Context(), mustAdd(t, repository, novice()), mustAdd(t, repository, novice())
		invite := func(id doctors.ID, mac byte) domain.Invitation {
			invitation := domain.NewInvitation(id, []byte{0, mac, 255}, uuid.New(), now, time.Hour)
			require.NoError(t, repository.Invite(ctx, invitation))
			return invitation
		}
		first, second := invite(doctor.ID, 1), invite(other.ID, 2)
		t.Run("are found by any of the MACs", func(t *testing.T) {
			for _, macs := range [][][]byte{{first.MAC}, {{9}, first.MAC}, {first.MAC, {9}}} {
				found, err := repository.FindInvitation(ctx, macs)
				require.NoError(t, err)
				require.Equal(t, first, found)
			}
			for _, macs := range [][][]byte{{}, {{9}}, {{}}, {first.MAC[:2]}} {
				_, err := repository.FindInvitation(ctx, macs)
				require.ErrorIs(t, err, doctors.ErrNoInvitation)
			}
		})
		t.Run("replace the earlier one of the doctor", func(t *testing.T) {
			third := invite(doctor.ID, 3)
			_, err := repository.FindInvitation(ctx, [][]byte{first.MAC})
			require.ErrorIs(t, err, doctors.ErrNoInvitation)
			found, err := repository.FindInvitation(ctx, [][]byte{third.MAC})
			require.NoError(t, err)
			require.Equal(t, third, found)
			require.ErrorIs(t, repository.RemoveInvitation(ctx, doctor.ID, first.ID), doctors.ErrNoInvitation)
		})
		t.Run("are removed once, and of their doctor only", func(t *testing.T) {
			require.ErrorIs(t, repository.RemoveInvitation(ctx, doctor.ID, second.ID), doctors.ErrNoInvitation)
			require.NoError(t, repository.RemoveInvitation(ctx, other.ID, second.ID))
			require.ErrorIs(t, repository.RemoveInvitation(ctx, other.ID, second.ID), doctors.ErrNoInvitation)
			_, err := repository.FindInvitation(ctx, [][]byte{second.MAC})
			require.ErrorIs(t, err, doctors.ErrNoInvitation)
		})
	})
}

func TestLinks(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, doctor, other := t.Context(), mustAdd(t, repository, novice()), mustAdd(t, repository, novice())
		user, colleague := databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		link := domain.Link{Doctor: doctor.ID, User: user, LinkedBy: uuid.New(), LinkedAt: now}
		linked := func() (ofDoctor, ofUser *domain.Link) {
			ofDoctor, err := repository.LinkOf(ctx, doctor.ID)
			require.NoError(t, err)
			ofUser, err = repository.LinkOfUser(ctx, user)
			require.NoError(t, err)
			return ofDoctor, ofUser
		}
		requireNone := func(t *testing.T) {
			ofDoctor, ofUser := linked()
			require.Nil(t, ofDoctor)
			require.Nil(t, ofUser)
		}
		t.Run("are found by doctor and by user", func(t *testing.T) {
			requireNone(t)
			require.NoError(t, repository.Link(ctx, link))
			ofDoctor, ofUser := linked()
			require.Equal(t, &link, ofDoctor)
			require.Equal(t, &link, ofUser)
		})
		t.Run("are one for each doctor and each user", func(t *testing.T) {
			for _, second := range []domain.Link{
				{Doctor: other.ID, User: user, LinkedAt: now},
				{Doctor: doctor.ID, User: colleague, LinkedAt: now}, link,
			} {
				require.ErrorIs(t, repository.Link(ctx, second), doctors.ErrAccountLinked)
			}
			ofDoctor, _ := linked()
			require.Equal(t, &link, ofDoctor)
		})
		t.Run("end", func(t *testing.T) {
			ended, err := repository.Unlink(ctx, other.ID)
			require.NoError(t, err)
			require.False(t, ended)
			ofDoctor, _ := linked()
			require.Equal(t, &link, ofDoctor)
			ended, err = repository.Unlink(ctx, doctor.ID)
			require.NoError(t, err)
			require.True(t, ended)
			requireNone(t)
		})
		t.Run("end by user", func(t *testing.T) {
			require.NoError(t, repository.Link(ctx, link))
			ended, err := repository.UnlinkUser(ctx, colleague)
			require.NoError(t, err)
			require.Nil(t, ended)
			ended, err = repository.UnlinkUser(ctx, user)
			require.NoError(t, err)
			require.Equal(t, &link, ended)
			requireNone(t)
		})
		t.Run("end with the account", func(t *testing.T) {
			require.NoError(t, repository.Link(ctx, link))
			require.NoError(t, db.Write(ctx).Exec(`DELETE FROM users WHERE id = ?`, user).Error)
			requireNone(t)
			_, err := repository.Find(ctx, doctor.ID)
			require.NoError(t, err)
		})
		t.Run("end with the doctor, like an invitation", func(t *testing.T) {
			link.User = colleague
			require.NoError(t, repository.Link(ctx, link))
			invitation := domain.NewInvitation(doctor.ID, []byte{1}, uuid.New(), now, time.Hour)
			require.NoError(t, repository.Invite(ctx, invitation))
			require.NoError(t, repository.Remove(ctx, doctor.ID))
			requireNone(t)
			_, err := repository.FindInvitation(ctx, [][]byte{invitation.MAC})
			require.ErrorIs(t, err, doctors.ErrNoInvitation)
		})
	})
}
