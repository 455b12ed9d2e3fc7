package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/recordid"
)

func TestInvitation(t *testing.T) {
	doctor, admin, user := recordid.New[doctors.ID](), uuid.New(), uuid.New()
	invitation := domain.NewInvitation(doctor, []byte{1}, admin, now, time.Hour)
	require.Equal(t, domain.Invitation{
		ID: invitation.ID, Doctor: doctor, MAC: []byte{1}, InvitedBy: admin, CreatedAt: now, ExpiresAt: later,
	}, invitation)
	require.NotEqual(t, invitation.ID, domain.NewInvitation(doctor, []byte{1}, admin, now, time.Hour).ID)
	accepted := later.Add(-time.Microsecond)
	link, valid := invitation.Accept(user, accepted)
	require.True(t, valid)
	require.Equal(t, domain.Link{Doctor: doctor, User: user, LinkedBy: admin, LinkedAt: accepted}, link)
	_, valid = invitation.Accept(user, later)
	require.False(t, valid, "it expires")

	for _, s := range []string{"", "x", invitation.ID.String() + "0"} {
		_, err := domain.ParseInvitationID(s)
		require.ErrorIs(t, err, doctors.ErrNoInvitation)
	}
	parsed, err := domain.ParseInvitationID(invitation.ID.String())
	require.NoError(t, err)
	require.Equal(t, invitation.ID, parsed)
}

func TestMayChange(t *testing.T) {
	user := uuid.New()
	own, foreign := &domain.Link{User: user}, &domain.Link{User: uuid.New()}
	for _, mode := range []doctors.Mode{doctors.Guarded, doctors.Open, doctors.Curated} {
		require.NoError(t, domain.MayChange(own, user, mode), mode)
		require.ErrorIs(t, domain.MayChange(foreign, user, mode), doctors.ErrLinked, mode)
	}
	require.NoError(t, domain.MayChange(nil, user, doctors.Guarded))
	require.NoError(t, domain.MayChange(nil, user, doctors.Open))
	require.ErrorIs(t, domain.MayChange(nil, user, doctors.Curated), doctors.ErrCurated)
	require.ErrorIs(t, domain.MayChange(nil, uuid.Nil, doctors.Curated), doctors.ErrCurated)
}
