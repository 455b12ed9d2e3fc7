package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// NewActingInvitations returns the repository of invitations to act for practices and colleagues in db.
func NewActingInvitations(db *database.DB) ports.ActingInvitations { return &actingInvitations{db} }

type actingInvitations struct{ db *database.DB }

// actingInvitationRow is an open invitation. The database deletes it with the user who invited.
type actingInvitationRow struct {
	ID          domain.ActingInvitationID
	PrincipalID uuid.UUID
	Kind        auth.CapacityKind
	Level       auth.Level
	Until       *database.Time
	MAC         []byte `gorm:"column:mac"`
	InvitedBy   identity.UserID
	CreatedAt   database.Time `gorm:"autoCreateTime:false"`
	ExpiresAt   database.Time
}

func (actingInvitationRow) TableName() string { return "acting_invitations" }

func (r actingInvitationRow) invitation() domain.ActingInvitation {
	i := domain.ActingInvitation{
		ID: r.ID, Capacity: auth.Capacity{ID: r.PrincipalID, Kind: r.Kind, Level: r.Level}, MAC: r.MAC,
		InvitedBy: r.InvitedBy, CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}
	if r.Until != nil {
		i.Until = r.Until.Time
	}
	return i
}

func (s *actingInvitations) Add(ctx context.Context, i domain.ActingInvitation) error {
	r := actingInvitationRow{
		ID: i.ID, PrincipalID: i.Capacity.ID, Kind: i.Capacity.Kind, Level: i.Capacity.Level, MAC: i.MAC,
		InvitedBy: i.InvitedBy, CreatedAt: database.At(i.CreatedAt), ExpiresAt: database.At(i.ExpiresAt),
	}
	if !i.Until.IsZero() {
		r.Until = new(database.At(i.Until))
	}
	return s.db.Write(ctx).Create(&r).Error
}

func (s *actingInvitations) RemoveExpired(ctx context.Context, party uuid.UUID, at time.Time) error {
	expired := s.db.Write(ctx).Where("principal_id = ? AND expires_at <= ?", party, database.At(at))
	return expired.Delete(&actingInvitationRow{}).Error
}

func (s *actingInvitations) Open(
	ctx context.Context, party uuid.UUID, at time.Time,
) ([]domain.ActingInvitation, error) {
	var rows []actingInvitationRow
	open := s.db.Write(ctx).Where("principal_id = ? AND expires_at > ?", party, database.At(at))
	err := open.Order("created_at, id").Find(&rows).Error
	all := make([]domain.ActingInvitation, len(rows))
	for i, r := range rows {
		all[i] = r.invitation()
	}
	return all, err
}

func (s *actingInvitations) FindByMAC(ctx context.Context, macs [][]byte) (domain.ActingInvitation, error) {
	var rows []actingInvitationRow
	if err := s.db.Write(ctx).Where("mac IN ?", macs).Limit(1).Find(&rows).Error; err != nil {
		return domain.ActingInvitation{}, err
	}
	if len(rows) == 0 {
		return domain.ActingInvitation{}, identity.ErrNoInvitation
	}
	return rows[0].invitation(), nil
}

func (s *actingInvitations) Remove(ctx context.Context, party uuid.UUID, id domain.ActingInvitationID) error {
	done := s.db.Write(ctx).Where("principal_id = ? AND id = ?", party, id).Delete(&actingInvitationRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return identity.ErrNoInvitation
	}
	return done.Error
}
