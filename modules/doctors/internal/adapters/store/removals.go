package store

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
)

// removalRow is the removal of a doctor. The database deletes it with the doctor.
type removalRow struct {
	DoctorID   doctors.ID
	ReassignTo *doctors.ID
	UserID     uuid.UUID
	SessionID  uuid.UUID
	Role       string
	StartedAt  database.Time
}

func (removalRow) TableName() string { return "doctor_removals" }

func (s *store) BeginRemoval(ctx context.Context, removal domain.Removal) error {
	return s.db.Write(ctx).Create(&removalRow{
		DoctorID: removal.Doctor, ReassignTo: removal.ReassignTo,
		UserID: removal.UserID, SessionID: removal.SessionID, Role: removal.Role,
		StartedAt: database.At(removal.StartedAt),
	}).Error
}

func (s *store) Removals(ctx context.Context, id doctors.ID) ([]domain.Removal, error) {
	var rows []removalRow
	err := s.db.Read(ctx).Where("doctor_id = ? OR reassign_to = ?", id, id).Find(&rows).Error
	removals := make([]domain.Removal, len(rows))
	for i, r := range rows {
		removals[i] = domain.Removal{
			Doctor: r.DoctorID, ReassignTo: r.ReassignTo, StartedAt: r.StartedAt.Time,
			UserID: r.UserID, SessionID: r.SessionID, Role: r.Role,
		}
	}
	return removals, err
}
