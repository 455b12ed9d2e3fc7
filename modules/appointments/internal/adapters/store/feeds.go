package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
)

// NewFeeds returns the store of calendar feeds over db.
func NewFeeds(db *database.DB) ports.Feeds { return &feeds{db} }

type feeds struct{ db *database.DB }

// feedRow is a calendar feed. The database deletes it with the doctor.
type feedRow struct {
	ID         domain.FeedID
	DoctorID   doctors.ID
	TokenHash  []byte
	Detail     domain.Detail
	CreatedBy  uuid.UUID
	CreatedAt  database.Time `gorm:"autoCreateTime:false"`
	LastUsedOn *date
}

func (feedRow) TableName() string { return "calendar_feeds" }

func (r feedRow) feed() domain.Feed {
	return domain.Feed{
		ID: r.ID, DoctorID: r.DoctorID, SecretHash: domain.SecretHash(r.TokenHash), Detail: r.Detail,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.Time, LastUsedOn: (*calendar.Date)(r.LastUsedOn),
	}
}

func (s *feeds) Add(ctx context.Context, feed domain.Feed) error {
	if err := s.db.Lock(ctx, "calendar feeds of doctor "+feed.DoctorID.String()); err != nil {
		return err
	}
	var count int64
	stored := s.db.Write(ctx).Model(&feedRow{}).Where("doctor_id = ?", feed.DoctorID)
	if err := stored.Count(&count).Error; err != nil {
		return err
	}
	if count >= domain.MaxFeeds {
		return appointments.ErrTooManyFeeds
	}
	err := s.db.Write(ctx).Create(&feedRow{
		ID: feed.ID, DoctorID: feed.DoctorID, TokenHash: feed.SecretHash[:], Detail: feed.Detail,
		CreatedBy: feed.CreatedBy, CreatedAt: database.At(feed.CreatedAt), LastUsedOn: orNoDate(feed.LastUsedOn),
	}).Error
	if database.Violates(err, "calendar_feeds_doctor_id_fkey") {
		return doctors.ErrNotFound.Because(err)
	}
	return err
}

func (s *feeds) List(ctx context.Context, doctor doctors.ID) ([]domain.Feed, error) {
	var rows []feedRow
	err := s.db.Read(ctx).Where("doctor_id = ?", doctor).Order("created_at DESC, id DESC").Find(&rows).Error
	all := make([]domain.Feed, len(rows))
	for i, r := range rows {
		all[i] = r.feed()
	}
	return all, err
}

func (s *feeds) Find(ctx context.Context, secret domain.SecretHash) (domain.Feed, error) {
	var r feedRow
	err := s.db.Read(ctx).Where("token_hash = ?", secret[:]).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return domain.Feed{}, appointments.ErrFeedNotFound
	}
	if err != nil {
		return domain.Feed{}, err
	}
	return r.feed(), nil
}

func (s *feeds) Remove(ctx context.Context, doctor doctors.ID, id domain.FeedID) error {
	done := s.db.Write(ctx).Where("doctor_id = ? AND id = ?", doctor, id).Delete(&feedRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return appointments.ErrFeedNotFound
	}
	return done.Error
}

func (s *feeds) RemoveAllOfDoctor(ctx context.Context, doctor doctors.ID) ([]uuid.UUID, error) {
	return s.removeAll(s.db.Write(ctx).Where("doctor_id = ?", doctor))
}

func (s *feeds) RemoveAllOfUser(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	return s.removeAll(s.db.Write(ctx).Where("created_by = ?", user))
}

func (s *feeds) removeAll(q *gorm.DB) (ids []uuid.UUID, err error) {
	var removed []feedRow
	err = q.Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).Delete(&removed).Error
	for _, r := range removed {
		ids = append(ids, r.ID.UUID)
	}
	return ids, err
}

func (s *feeds) MarkUsed(ctx context.Context, id domain.FeedID, on calendar.Date) (bool, error) {
	done := s.db.Write(ctx).Model(&feedRow{}).
		Where("id = ? AND (last_used_on IS NULL OR last_used_on < ?)", id, date(on)).
		Updates(map[string]any{"last_used_on": date(on)})
	return done.RowsAffected > 0, done.Error
}

// eventRow has the columns of an appointment that a feed needs.
type eventRow struct {
	ID        appointments.ID
	PatientID patients.ID
	StartsAt  database.Time
	EndsAt    database.Time
	Status    appointments.Status
	Sequence  int
	UpdatedAt database.Time
}

func (eventRow) TableName() string { return "appointments" }

func (s *feeds) Events(
	ctx context.Context, doctor doctors.ID, window domain.FeedWindow,
) ([]domain.FeedEvent, error) {
	var rows []eventRow
	err := s.db.Read(ctx).
		Where("doctor_id = ? AND starts_at > ? AND starts_at < ?",
			doctor, database.At(window.From), database.At(window.To)).
		Where("status NOT IN ('expired', 'entered-in-error') AND (status <> 'cancelled' OR updated_at > ?)",
			database.At(window.CancelledAfter)).
		Where("(expires_at IS NULL OR expires_at > ?)", database.At(window.Now)).
		Order("starts_at DESC, id DESC").Limit(domain.MaxEvents).Find(&rows).Error
	all := make([]domain.FeedEvent, len(rows))
	for i, r := range rows {
		all[i] = domain.FeedEvent{
			ID: r.ID, PatientID: r.PatientID, StartsAt: r.StartsAt.Time, EndsAt: r.EndsAt.Time, Status: r.Status,
			Sequence: r.Sequence, UpdatedAt: r.UpdatedAt.Time,
		}
	}
	return all, err
}
