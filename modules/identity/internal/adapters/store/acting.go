package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// NewActing returns the repository of capacities in db.
func NewActing(db *database.DB) ports.Acting { return &acting{db} }

type acting struct{ db *database.DB }

type actingRow struct {
	UserID      identity.UserID
	PrincipalID uuid.UUID
	Kind        auth.CapacityKind
	Since       database.Time
}

func (actingRow) TableName() string { return "acting" }

func (s *acting) Add(ctx context.Context, user identity.UserID, capacity auth.Capacity, now time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		// The lock keeps another addition of the user waiting, which would not count this one.
		locked := notClosed(s.db.Write(ctx)).Select("id").Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", user).Take(&userRow{}).Error; err != nil {
			return explain(err)
		}
		var held []actingRow
		if err := s.db.Write(ctx).Where("user_id = ?", user).Find(&held).Error; err != nil {
			return err
		}
		for _, r := range held {
			if r.PrincipalID == capacity.ID {
				return nil
			}
		}
		if len(held) >= auth.MaxCapacities {
			return identity.ErrTooManyCapacities
		}
		r := actingRow{UserID: user, PrincipalID: capacity.ID, Kind: capacity.Kind, Since: database.At(now)}
		return s.db.Write(ctx).Create(&r).Error
	})
}

func (s *acting) Of(ctx context.Context, user identity.UserID) ([]auth.Capacity, error) {
	var rows []actingRow
	err := s.db.Write(ctx).Where("user_id = ?", user).Order("principal_id").Find(&rows).Error
	all := make([]auth.Capacity, len(rows))
	for i, r := range rows {
		all[i] = auth.Capacity{ID: r.PrincipalID, Kind: r.Kind}
	}
	return all, err
}

func (s *acting) ListFor(
	ctx context.Context, users []identity.UserID,
) (map[identity.UserID][]domain.Party, error) {
	var rows []actingRow
	err := database.WhereIn(s.db.Read(ctx), "user_id", users).Order("since, principal_id").Find(&rows).Error
	all := map[identity.UserID][]domain.Party{}
	for _, r := range rows {
		party := domain.Party{ID: r.PrincipalID, Kind: string(r.Kind), Since: r.Since.Time}
		all[r.UserID] = append(all[r.UserID], party)
	}
	return all, err
}

func (s *acting) RemoveFor(ctx context.Context, party uuid.UUID) ([]identity.UserID, error) {
	// The users are locked before the rows are deleted, as in a removal of an account.
	locked := s.db.Write(ctx).Select("id").Clauses(forChange).Order("id")
	locked = locked.Where("id IN (SELECT user_id FROM acting WHERE principal_id = ?)", party)
	if err := locked.Find(&[]userRow{}).Error; err != nil {
		return nil, err
	}
	var ended []actingRow
	users := clause.Returning{Columns: []clause.Column{{Name: "user_id"}}}
	err := s.db.Write(ctx).Clauses(users).Where("principal_id = ?", party).Delete(&ended).Error
	all := make([]identity.UserID, len(ended))
	for i, r := range ended {
		all[i] = r.UserID
	}
	return all, err
}
