package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/database"
)

// NewPreferences returns the store of preferences over db.
func NewPreferences(db *database.DB) ports.Preferences { return &preferences{db} }

type preferences struct{ db *database.DB }

type preferenceRow struct {
	RecipientID uuid.UUID `gorm:"primaryKey"`
	Language    string
	TimeZone    string
	QuietHours  string
	Declined    string
	Version     int
	UpdatedAt   database.Time `gorm:"autoUpdateTime:false"`
}

func (preferenceRow) TableName() string { return "notification_preferences" }

func (s *preferences) Find(ctx context.Context, recipient uuid.UUID) (domain.Preferences, error) {
	return find(s.db.Read(ctx), recipient)
}

func find(q *gorm.DB, recipient uuid.UUID) (domain.Preferences, error) {
	var r preferenceRow
	err := q.Where("recipient_id = ?", recipient).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return domain.Preferences{Recipient: recipient}, nil
	}
	found := domain.Preferences{
		Recipient: recipient, Language: r.Language, TimeZone: r.TimeZone, QuietHours: r.QuietHours, Version: r.Version,
		UpdatedAt: r.UpdatedAt.Time, Declined: splitKinds(r.Declined),
	}
	return found, err
}

func (s *preferences) Change(
	ctx context.Context, recipient uuid.UUID, rule func(*domain.Preferences) error,
) (changed domain.Preferences, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		// There may be no row yet that could be locked.
		if err := s.db.Lock(ctx, "notification preferences of "+recipient.String()); err != nil {
			return err
		}
		if changed, err = find(s.db.Write(ctx), recipient); err != nil {
			return err
		}
		before := changed.Version
		if err := rule(&changed); err != nil || changed.Version == before {
			return err
		}
		r := preferenceRow{
			RecipientID: recipient, Language: changed.Language, TimeZone: changed.TimeZone,
			QuietHours: changed.QuietHours, Declined: joinKinds(changed.Declined), Version: changed.Version,
			UpdatedAt: database.At(changed.UpdatedAt),
		}
		if before == 0 {
			return s.db.Write(ctx).Create(&r).Error
		}
		return database.Update(s.db.Write(ctx).Where("recipient_id = ?", recipient), &r, "recipient_id")
	})
	return changed, err
}

func (s *preferences) RemoveAll(ctx context.Context, recipients []uuid.UUID) error {
	return database.WhereIn(s.db.Write(ctx), "recipient_id", recipients).Delete(&preferenceRow{}).Error
}
