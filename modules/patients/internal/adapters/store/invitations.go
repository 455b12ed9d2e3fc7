package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// NewInvitations returns the repository of invitations in db.
func NewInvitations(db *database.DB) ports.Invitations { return &invitations{db} }

type invitations struct{ db *database.DB }

type invitationRow struct {
	ID        domain.InvitationID
	PatientID patients.ID
	MAC       []byte `gorm:"column:mac"`
	Basis     domain.Basis
	Level     patients.Level
	Until     *database.Time
	InvitedBy uuid.UUID
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
	ExpiresAt database.Time
	Failures  int

	AcceptedBy *uuid.UUID
	AcceptedAt *database.Time
	EndsAt     *database.Time
}

func (invitationRow) TableName() string { return "patient_invitations" }

func (r invitationRow) invitation() domain.Invitation {
	i := domain.Invitation{
		ID: r.ID, PatientID: r.PatientID, MAC: r.MAC, As: r.Basis, Level: r.Level, InvitedBy: r.InvitedBy,
		CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time, Failures: r.Failures,
	}
	if r.Until != nil {
		i.Until = r.Until.Time
	}
	if r.AcceptedBy != nil && r.AcceptedAt != nil {
		i.AcceptedBy, i.AcceptedAt = *r.AcceptedBy, r.AcceptedAt.Time
	}
	if r.EndsAt != nil {
		i.EndsAt = r.EndsAt.Time
	}
	return i
}

func (s *invitations) Add(ctx context.Context, invitation domain.Invitation) error {
	r := invitationRow{
		ID: invitation.ID, PatientID: invitation.PatientID, MAC: invitation.MAC, Basis: invitation.As,
		Level: invitation.Level, InvitedBy: invitation.InvitedBy, CreatedAt: database.At(invitation.CreatedAt),
		ExpiresAt: database.At(invitation.ExpiresAt), Failures: invitation.Failures,
	}
	if !invitation.Until.IsZero() {
		r.Until = new(database.At(invitation.Until))
	}
	return s.db.Write(ctx).Create(&r).Error
}

func (s *invitations) OfPatient(ctx context.Context, patient patients.ID) ([]domain.Invitation, error) {
	var rows []invitationRow
	err := s.db.Write(ctx).Where("patient_id = ?", patient).Find(&rows).Error
	return invitationsOf(rows), err
}

func invitationsOf(rows []invitationRow) []domain.Invitation {
	all := make([]domain.Invitation, len(rows))
	for i, r := range rows {
		all[i] = r.invitation()
	}
	return all
}

// invitationColumns lists the columns by which the list can be ordered.
var invitationColumns = database.Columns[invitationRow]{
	"created_at": func(r invitationRow) any { return r.CreatedAt },
	"id":         func(r invitationRow) any { return r.ID },
}

func (s *invitations) List(
	ctx context.Context, patient patients.ID, request paging.Request,
) (paging.Page[domain.Invitation], error) {
	page, err := database.Page(s.db.Read(ctx).Where("patient_id = ?", patient), request, invitationColumns)
	return paging.Map(page, invitationRow.invitation), err
}

func (s *invitations) Accepted(
	ctx context.Context, after domain.InvitationID, limit int,
) ([]domain.Invitation, error) {
	var rows []invitationRow
	accepted := s.db.Write(ctx).Where("accepted_by IS NOT NULL AND id > ?", after).Order("id").Limit(limit)
	err := accepted.Clauses(clause.Locking{Strength: "SHARE"}).Find(&rows).Error
	return invitationsOf(rows), err
}

func (s *invitations) Accept(ctx context.Context, accepted domain.Invitation) error {
	return changed(s.db.Write(ctx).Where("accepted_by IS NULL"), accepted)
}

func (s *invitations) SetEnd(ctx context.Context, accepted domain.Invitation) error {
	return changed(s.db.Write(ctx).Where("accepted_by IS NOT NULL"), accepted)
}

// changed stores who accepted the invitation, when, and the end of the grant.
func changed(q *gorm.DB, accepted domain.Invitation) error {
	end := (*database.Time)(nil)
	if !accepted.EndsAt.IsZero() {
		end = new(database.At(accepted.EndsAt))
	}
	done := q.Model(&invitationRow{}).Where("id = ?", accepted.ID).Updates(map[string]any{
		"accepted_by": accepted.AcceptedBy, "accepted_at": database.At(accepted.AcceptedAt), "ends_at": end,
	})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNoInvitation
	}
	return done.Error
}

func (s *invitations) FindByMAC(ctx context.Context, macs [][]byte) (domain.Invitation, error) {
	return s.find(s.db.Write(ctx).Where("mac IN ?", macs))
}

func (s *invitations) Attempt(ctx context.Context, id domain.InvitationID) (domain.Invitation, error) {
	// The update locks the row. So claims at the same time are counted one after the other.
	counted := s.db.Write(ctx).Model(&invitationRow{}).Where("id = ?", id)
	if err := counted.Updates(map[string]any{"failures": gorm.Expr("failures + 1")}).Error; err != nil {
		return domain.Invitation{}, err
	}
	return s.find(s.db.Write(ctx).Where("id = ?", id))
}

func (s *invitations) find(q *gorm.DB) (domain.Invitation, error) {
	var rows []invitationRow
	if err := q.Limit(1).Find(&rows).Error; err != nil {
		return domain.Invitation{}, err
	}
	if len(rows) == 0 {
		return domain.Invitation{}, patients.ErrNoInvitation
	}
	return rows[0].invitation(), nil
}

func (s *invitations) Remove(ctx context.Context, patient patients.ID, id domain.InvitationID) error {
	open := s.db.Write(ctx).Where("patient_id = ? AND id = ? AND accepted_by IS NULL", patient, id)
	done := open.Delete(&invitationRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNoInvitation
	}
	return done.Error
}

func (s *invitations) RemoveAccepted(ctx context.Context, ids []uuid.UUID) error {
	return database.WhereIn(s.db.Write(ctx).Where("accepted_by IS NOT NULL"), "id", ids).Delete(&invitationRow{}).Error
}

func (s *invitations) RemoveVoid(ctx context.Context, patient patients.ID, at time.Time) error {
	void := s.db.Write(ctx).Where("patient_id = ?", patient).Where(
		"(ends_at <= ? OR accepted_by IS NULL AND (expires_at <= ? OR failures >= ?))",
		database.At(at), database.At(at), domain.MaxFailures)
	return void.Delete(&invitationRow{}).Error
}
