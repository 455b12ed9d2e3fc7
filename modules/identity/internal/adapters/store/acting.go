package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// NewActing returns the repository of capacities in db.
func NewActing(db *database.DB, clk clock.Clock) ports.Acting { return &acting{db, clk} }

type acting struct {
	db    *database.DB
	clock clock.Clock
}

type actingRow struct {
	UserID      identity.UserID
	PrincipalID uuid.UUID
	Kind        auth.CapacityKind
	Since       database.Time
	Level       auth.Level
	Until       *database.Time
}

func (actingRow) TableName() string { return "acting" }

func actingRowOf(user identity.UserID, p domain.Party) actingRow {
	r := actingRow{UserID: user, PrincipalID: p.ID, Kind: p.Kind, Since: database.At(p.Since), Level: p.Level}
	if !p.Until.IsZero() {
		r.Until = new(database.At(p.Until))
	}
	return r
}

func (r actingRow) party() domain.Party {
	p := domain.Party{
		Capacity: auth.Capacity{ID: r.PrincipalID, Kind: r.Kind, Level: r.Level}, Since: r.Since.Time,
	}
	if r.Until != nil {
		p.Until = r.Until.Time
	}
	return p
}

// inEffect is the condition of the rows of acting, with the alias a, that are in effect at the time for which effectAt
// returns its values. Members of practices and deputies need a level.
const inEffect = "(a.until IS NULL OR a.until > ?) AND (a.level <> ? OR a.kind NOT IN (?, ?))"

// effectAt returns the values of inEffect for a time.
func effectAt(at time.Time) []any { return []any{database.At(at), "", auth.AsPractice, auth.AsDeputy} }

func (s *acting) Add(ctx context.Context, user identity.UserID, party domain.Party) error {
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
		count, ended, now := 0, false, s.clock.Now()
		for _, r := range held {
			former := r.party()
			if former.ID == party.ID && !former.Ended(now) {
				return s.replace(ctx, user, former, party)
			}
			if former.Ended(now) {
				ended = true
			} else {
				count++
			}
		}
		if count >= auth.MaxCapacities {
			return identity.ErrTooManyCapacities
		}
		if ended {
			if err := s.removeEnded(ctx, user, party.ID); err != nil {
				return err
			}
		}
		r := actingRowOf(user, party)
		return s.db.Write(ctx).Create(&r).Error
	})
}

// replace changes for how long and at which level the user acts for a party, unless both stay the same.
func (s *acting) replace(ctx context.Context, user identity.UserID, former, party domain.Party) error {
	if former.Capacity == party.Capacity && former.Until.Equal(party.Until) {
		return nil
	}
	r := actingRowOf(user, party)
	found := s.db.Write(ctx).Where("user_id = ? AND principal_id = ?", user, party.ID)
	return explain(database.Update(found, &r, "user_id", "principal_id", "kind"))
}

// removeEnded deletes the user's rows that have ended, and that of the party, which may have ended only by a clock that
// was set forward.
func (s *acting) removeEnded(ctx context.Context, user identity.UserID, party uuid.UUID) error {
	ended := s.db.Write(ctx).Where("user_id = ? AND (until <= ? OR principal_id = ?)",
		user, database.At(s.clock.Steady()), party)
	return ended.Delete(&actingRow{}).Error
}

func (s *acting) Of(ctx context.Context, user identity.UserID, at time.Time) ([]auth.Capacity, error) {
	return capacitiesOf(s.db.Write(ctx), user, at)
}

// capacitiesOf returns the capacities of a user that are in effect at a time.
func capacitiesOf(q *gorm.DB, user identity.UserID, at time.Time) ([]auth.Capacity, error) {
	var rows []actingRow
	err := q.Table("acting a").Where("a.user_id = ?", user).Where(inEffect, effectAt(at)...).Order("a.principal_id").
		Find(&rows).Error
	all := make([]auth.Capacity, len(rows))
	for i, r := range rows {
		all[i] = r.party().Capacity
	}
	return all, err
}

func (s *acting) ListFor(
	ctx context.Context, users []identity.UserID, at time.Time,
) (map[identity.UserID][]domain.Party, error) {
	var rows []actingRow
	q := s.db.Read(ctx).Table("acting a").Where(inEffect, effectAt(at)...).Order("a.since, a.principal_id")
	err := database.WhereIn(q, "a.user_id", users).Find(&rows).Error
	all := map[identity.UserID][]domain.Party{}
	for _, r := range rows {
		all[r.UserID] = append(all[r.UserID], r.party())
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

func (s *acting) Remove(ctx context.Context, user identity.UserID, practice identity.PracticeID) error {
	member := s.db.Write(ctx).Where("user_id = ? AND principal_id = ? AND kind = ?", user, practice, auth.AsPractice)
	done := member.Delete(&actingRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return ports.ErrNotFound
	}
	return done.Error
}

func (s *acting) RemoveDeputies(
	ctx context.Context, user, other identity.UserID, at time.Time,
) ([]ports.Ended, error) {
	return removed(s.db.Write(ctx).Where("kind = ? AND until > ?", auth.AsDeputy, database.At(at)).Where(
		"(user_id = ? AND principal_id = ? OR user_id = ? AND principal_id = ?)", user, other, other, user))
}

func (s *acting) RemoveAll(ctx context.Context, user identity.UserID) ([]ports.Ended, error) {
	return removed(s.db.Write(ctx).Where(
		"(user_id = ? AND kind IN (?, ?) OR principal_id = ? AND kind = ?)",
		user, auth.AsPractice, auth.AsDeputy, user, auth.AsDeputy))
}

// removed deletes the rows that q selects, and returns them.
func removed(q *gorm.DB) ([]ports.Ended, error) {
	var rows []actingRow
	whole := clause.Returning{Columns: []clause.Column{
		{Name: "user_id"}, {Name: "principal_id"}, {Name: "kind"}, {Name: "level"},
	}}
	err := q.Clauses(whole).Delete(&rows).Error
	ended := make([]ports.Ended, len(rows))
	for i, r := range rows {
		ended[i] = ports.Ended{User: r.UserID, Capacity: r.party().Capacity}
	}
	return ended, err
}

// colleagueRow is a user at one end of a deputyship.
type colleagueRow struct {
	ID    identity.UserID
	Name  string
	Since database.Time
	Level auth.Level
	Until database.Time
}

func (s *acting) Deputies(ctx context.Context, user identity.UserID, at time.Time) ([]domain.Colleague, error) {
	q := s.db.Write(ctx).Table("acting a").Joins("JOIN users u ON u.id = a.user_id")
	return colleagues(q.Where("a.principal_id = ?", user), at)
}

func (s *acting) Colleagues(ctx context.Context, user identity.UserID, at time.Time) ([]domain.Colleague, error) {
	q := s.db.Write(ctx).Table("acting a").Joins("JOIN users u ON u.id = a.principal_id")
	return colleagues(q.Where("a.user_id = ?", user), at)
}

// colleagues returns the users whom q adds, with the alias u, to deputyships.
func colleagues(q *gorm.DB, at time.Time) ([]domain.Colleague, error) {
	var rows []colleagueRow
	err := q.Select("u.id", "u.name", "a.since", "a.level", "a.until").
		Where("a.kind = ?", auth.AsDeputy).Where(inEffect, effectAt(at)...).Order("a.since, u.id").Find(&rows).Error
	all := make([]domain.Colleague, len(rows))
	for i, r := range rows {
		all[i] = domain.Colleague{User: r.ID, Name: r.Name, Level: r.Level, Since: r.Since.Time, Until: r.Until.Time}
	}
	return all, err
}
