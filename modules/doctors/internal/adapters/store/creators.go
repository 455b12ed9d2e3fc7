package store

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
)

// creatorRow is the user who added a doctor. The database deletes it with either.
type creatorRow struct {
	DoctorID doctors.ID
	UserID   uuid.UUID
}

func (creatorRow) TableName() string { return "doctor_creators" }

func (s *store) RecordCreator(ctx context.Context, id doctors.ID, user uuid.UUID) error {
	return s.db.Write(ctx).Create(&creatorRow{DoctorID: id, UserID: user}).Error
}

func (s *store) CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error) {
	var count int64
	some := s.db.Read(ctx).Model(&creatorRow{}).Select("1").Where("user_id = ?", user).Limit(limit)
	err := s.db.Read(ctx).Table("(?) AS counted", some).Count(&count).Error
	return int(count), err
}
