package store

import (
	"context"

	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
)

// NewSessions is the repository of sessions over db.
func NewSessions(db *database.DB) ports.Sessions { return &sessions{db} }

type sessions struct{ db *database.DB }

type sessionRow struct {
	ID          identity.SessionID
	UserID      identity.UserID
	RefreshHash string
	CreatedAt   database.Time `gorm:"autoCreateTime:false"`
	LastUsedAt  database.Time
	ExpiresAt   database.Time
}

func (sessionRow) TableName() string { return "sessions" }

func sessionRowOf(s domain.Session) sessionRow {
	return sessionRow{
		ID: s.ID, UserID: s.UserID, RefreshHash: s.RefreshHash,
		CreatedAt: database.At(s.CreatedAt), LastUsedAt: database.At(s.LastUsedAt), ExpiresAt: database.At(s.ExpiresAt),
	}
}

func (s *sessions) Add(ctx context.Context, session domain.Session) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		expired := s.db.Write(ctx).Where("user_id = ? AND expires_at <= ?", session.UserID, database.At(session.CreatedAt))
		if err := expired.Delete(&sessionRow{}).Error; err != nil {
			return err
		}
		r := sessionRowOf(session)
		return s.db.Write(ctx).Create(&r).Error
	})
}

func (s *sessions) Change(ctx context.Context, refreshHash string, rule func(context.Context, *domain.Session) error) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		var r sessionRow
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("refresh_hash = ?", refreshHash).Take(&r).Error; err != nil {
			return explain(err)
		}
		session := domain.Session{
			ID: r.ID, UserID: r.UserID, RefreshHash: r.RefreshHash,
			CreatedAt: r.CreatedAt.Time, LastUsedAt: r.LastUsedAt.Time, ExpiresAt: r.ExpiresAt.Time,
		}
		if err := rule(ctx, &session); err != nil {
			return err
		}
		changed := sessionRowOf(session)
		return s.db.Write(ctx).Model(&sessionRow{}).Where("id = ?", session.ID).
			Select("refresh_hash", "last_used_at", "expires_at").Updates(&changed).Error
	})
}

func (s *sessions) Standing(ctx context.Context, id identity.SessionID) (domain.Standing, error) {
	var standing domain.Standing
	err := s.db.Read(ctx).Model(&sessionRow{}).Select("sessions.user_id", "users.active", "users.token_version").
		Joins("JOIN users ON users.id = sessions.user_id").Where("sessions.id = ?", id).Take(&standing).Error
	return standing, explain(err)
}
