package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// NewSessions returns the repository of sessions in db.
func NewSessions(db *database.DB, clk clock.Clock) ports.Sessions { return &sessions{db, clk} }

type sessions struct {
	db    *database.DB
	clock clock.Clock
}

type sessionRow struct {
	ID         identity.SessionID
	UserID     identity.UserID
	Generation int
	Client     string
	Address    string
	CreatedAt  database.Time `gorm:"autoCreateTime:false"`
	LastUsedAt database.Time
	ExpiresAt  database.Time
}

func (sessionRow) TableName() string { return "sessions" }

func sessionRowOf(s domain.Session) sessionRow {
	return sessionRow{
		ID: s.ID, UserID: s.UserID, Generation: s.Generation, Client: s.From.Agent, Address: s.From.Network,
		CreatedAt: database.At(s.CreatedAt), LastUsedAt: database.At(s.LastUsedAt), ExpiresAt: database.At(s.ExpiresAt),
	}
}

func (r sessionRow) session() domain.Session {
	return domain.Session{
		ID: r.ID, UserID: r.UserID, Generation: r.Generation, From: domain.Origin{Agent: r.Client, Network: r.Address},
		CreatedAt: r.CreatedAt.Time, LastUsedAt: r.LastUsedAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}
}

func (s *sessions) Add(ctx context.Context, session domain.Session, passwordHash string) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		// The lock prevents that a session outlives a concurrent change of the password or the disabling of the user.
		held := s.db.Write(ctx).Select("id").Clauses(clause.Locking{Strength: "SHARE"})
		same := held.Where("id = ? AND active = ? AND password_hash = ?", session.UserID, true, passwordHash)
		if err := same.Take(&userRow{}).Error; err != nil {
			return explain(err)
		}
		if err := s.makeRoom(ctx, session); err != nil {
			return err
		}
		r := sessionRowOf(session)
		return s.db.Write(ctx).Create(&r).Error
	})
}

// makeRoom deletes the user's expired sessions, and the longest unused ones if there would be too many. Those last used
// in the future, before the clock went back, count as the longest unused: otherwise each new session would end the
// previous one.
func (s *sessions) makeRoom(ctx context.Context, added domain.Session) error {
	ahead := s.clock.Now().Sub(s.clock.Steady())
	expired := s.db.Write(ctx).
		Where("user_id = ? AND expires_at <= ?", added.UserID, database.At(added.CreatedAt.Add(-ahead)))
	if err := expired.Delete(&sessionRow{}).Error; err != nil {
		return err
	}
	var ids []identity.SessionID
	last := clause.OrderBy{Expression: clause.Expr{
		SQL: "last_used_at > ?, last_used_at DESC, id DESC", Vars: []any{database.At(added.CreatedAt)},
	}}
	err := s.db.Write(ctx).Model(&sessionRow{}).Where("user_id = ?", added.UserID).Clauses(last).Pluck("id", &ids).Error
	if err != nil || len(ids) < ports.MaxSessions {
		return err
	}
	return database.WhereIn(s.db.Write(ctx), "id", ids[ports.MaxSessions-1:]).Delete(&sessionRow{}).Error
}

func (s *sessions) Change(
	ctx context.Context, id identity.SessionID, rule func(context.Context, *domain.Session) error,
) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		var r sessionRow
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		session := r.session()
		if err := rule(ctx, &session); err != nil {
			return err
		}
		changed := sessionRowOf(session)
		if changed == r {
			return nil
		}
		found := s.db.Write(ctx).Where("id = ?", id)
		return explain(database.Update(found, &changed, "id", "user_id"))
	})
}

func (s *sessions) List(ctx context.Context, user identity.UserID) ([]domain.Session, error) {
	var rows []sessionRow
	err := s.db.Read(ctx).Where("user_id = ?", user).Order("last_used_at DESC, id DESC").Limit(ports.MaxSessions).
		Find(&rows).Error
	all := make([]domain.Session, len(rows))
	for i, r := range rows {
		all[i] = r.session()
	}
	return all, err
}

func (s *sessions) Remove(ctx context.Context, user identity.UserID, id identity.SessionID) error {
	done := s.db.Write(ctx).Where("user_id = ? AND id = ?", user, id).Delete(&sessionRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return ports.ErrNotFound
	}
	return done.Error
}

func (s *sessions) RemoveAllBut(ctx context.Context, user identity.UserID, kept identity.SessionID) error {
	return s.db.Write(ctx).Where("user_id = ? AND id <> ?", user, kept).Delete(&sessionRow{}).Error
}

// standing is the query of every request. It is written in SQL because building it with GORM takes as long as running
// it. It returns a row for each capacity that is in effect, or one row without.
const standing = "SELECT s.user_id, u.active, u.token_version, u.role, a.principal_id, a.kind, a.level " +
	"FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN acting a ON a.user_id = u.id AND " + inEffect +
	" WHERE s.id = ? LIMIT ?"

type standingRow struct {
	domain.Standing `gorm:"embedded"`
	PrincipalID     *uuid.UUID // NULL without a capacity, as Kind and Level
	Kind            *auth.CapacityKind
	Level           *auth.Level
}

func (s *sessions) Standing(
	ctx context.Context, id identity.SessionID,
) (of domain.Standing, capacities []auth.Capacity, err error) {
	var rows []standingRow
	values := append(effectAt(s.clock.Now()), id, auth.MaxCapacities)
	if err := s.db.Read(ctx).Raw(standing, values...).Find(&rows).Error; err != nil {
		return of, nil, err
	}
	if len(rows) == 0 {
		return of, nil, ports.ErrNotFound
	}
	for _, r := range rows {
		if r.PrincipalID != nil {
			capacities = append(capacities, auth.Capacity{ID: *r.PrincipalID, Kind: *r.Kind, Level: *r.Level})
		}
	}
	return rows[0].Standing, capacities, nil
}
