package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
)

// linkRow is the link of a doctor's record to an account. The database deletes it with either.
type linkRow struct {
	DoctorID doctors.ID
	UserID   uuid.UUID
	LinkedBy uuid.UUID
	LinkedAt database.Time
}

func (linkRow) TableName() string { return "doctor_links" }

func (r linkRow) link() domain.Link {
	return domain.Link{Doctor: r.DoctorID, User: r.UserID, LinkedBy: r.LinkedBy, LinkedAt: r.LinkedAt.Time}
}

func (s *store) Link(ctx context.Context, link domain.Link) error {
	inserted, err := database.Insert(s.db.Write(ctx), &linkRow{
		DoctorID: link.Doctor, UserID: link.User, LinkedBy: link.LinkedBy, LinkedAt: database.At(link.LinkedAt),
	})
	if err == nil && !inserted {
		return doctors.ErrAccountLinked
	}
	return err
}

func (s *store) Unlink(ctx context.Context, id doctors.ID) (ended bool, err error) {
	done := s.db.Write(ctx).Where("doctor_id = ?", id).Delete(&linkRow{})
	return done.RowsAffected > 0, done.Error
}

func (s *store) UnlinkUser(ctx context.Context, user uuid.UUID) (*domain.Link, error) {
	var ended []linkRow
	whole := clause.Returning{Columns: []clause.Column{
		{Name: "doctor_id"}, {Name: "user_id"}, {Name: "linked_by"}, {Name: "linked_at"},
	}}
	err := s.db.Write(ctx).Clauses(whole).Where("user_id = ?", user).Delete(&ended).Error
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	return new(ended[0].link()), nil
}

func (s *store) LinkOf(ctx context.Context, id doctors.ID) (*domain.Link, error) {
	return first(s.db.Read(ctx).Where("doctor_id = ?", id))
}

func (s *store) LinkOfUser(ctx context.Context, user uuid.UUID) (*domain.Link, error) {
	return first(s.db.Read(ctx).Where("user_id = ?", user))
}

// first returns the link that q selects, or nil.
func first(q *gorm.DB) (*domain.Link, error) {
	var rows []linkRow
	if err := q.Limit(1).Find(&rows).Error; err != nil || len(rows) == 0 {
		return nil, err
	}
	return new(rows[0].link()), nil
}

// invitationRow is the open invitation of a doctor. The database deletes it with the doctor.
type invitationRow struct {
	DoctorID  doctors.ID `gorm:"primaryKey"`
	ID        domain.InvitationID
	MAC       []byte `gorm:"column:mac"`
	InvitedBy uuid.UUID
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
	ExpiresAt database.Time
}

func (invitationRow) TableName() string { return "doctor_invitations" }

func (s *store) Invite(ctx context.Context, invitation domain.Invitation) error {
	replaced := clause.OnConflict{
		Columns:   []clause.Column{{Name: "doctor_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"id", "mac", "invited_by", "created_at", "expires_at"}),
	}
	return s.db.Write(ctx).Clauses(replaced).Create(&invitationRow{
		DoctorID: invitation.Doctor, ID: invitation.ID, MAC: invitation.MAC, InvitedBy: invitation.InvitedBy,
		CreatedAt: database.At(invitation.CreatedAt), ExpiresAt: database.At(invitation.ExpiresAt),
	}).Error
}

func (s *store) FindInvitation(ctx context.Context, macs [][]byte) (domain.Invitation, error) {
	var rows []invitationRow
	if err := s.db.Read(ctx).Where("mac IN ?", macs).Limit(1).Find(&rows).Error; err != nil {
		return domain.Invitation{}, err
	}
	if len(rows) == 0 {
		return domain.Invitation{}, doctors.ErrNoInvitation
	}
	r := rows[0]
	return domain.Invitation{
		ID: r.ID, Doctor: r.DoctorID, MAC: r.MAC, InvitedBy: r.InvitedBy,
		CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}, nil
}

func (s *store) RemoveInvitation(ctx context.Context, doctor doctors.ID, id domain.InvitationID) error {
	done := s.db.Write(ctx).Where("doctor_id = ? AND id = ?", doctor, id).Delete(&invitationRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return doctors.ErrNoInvitation
	}
	return done.Error
}
