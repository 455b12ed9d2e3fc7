package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// NewParties returns the queries of other modules about the users in db and for whom they act.
func NewParties(db *database.DB) identity.Parties { return &parties{db} }

type parties struct{ db *database.DB }

type partyRow struct {
	UserID      identity.UserID
	Name        string
	Role        auth.Role
	Active      bool
	PrincipalID uuid.UUID
	Kind        auth.CapacityKind
	Since       database.Time
	Level       auth.Level
	Until       *database.Time
}

func (r partyRow) acting() identity.Acting {
	row := actingRow{UserID: r.UserID, PrincipalID: r.PrincipalID, Kind: r.Kind, Since: r.Since, Level: r.Level,
		Until: r.Until}
	party := row.party()
	return identity.Acting{
		User: r.UserID, Name: r.Name, Role: r.Role, Active: r.Active, Capacity: party.Capacity, Since: party.Since,
		Until: party.Until,
	}
}

func (p *parties) ActingFor(ctx context.Context, of []uuid.UUID, at time.Time) ([]identity.Acting, error) {
	var rows []partyRow
	q := p.db.Read(ctx).Table("acting a").Joins("JOIN users u ON u.id = a.user_id").
		Select("a.user_id", "u.name", "u.role", "u.active", "a.principal_id", "a.kind", "a.since", "a.level",
			"a.until").
		Where("u.id NOT IN (SELECT user_id FROM closed_accounts)").Where(inEffect, effectAt(at)...)
	err := database.WhereIn(q, "a.principal_id", of).Order("a.principal_id, a.since, a.user_id").Find(&rows).Error
	all := make([]identity.Acting, len(rows))
	for i, r := range rows {
		all[i] = r.acting()
	}
	return all, err
}

func (p *parties) Capacities(ctx context.Context, user identity.UserID, at time.Time) ([]auth.Capacity, error) {
	return capacitiesOf(p.db.Read(ctx), user, at)
}

func (p *parties) Accounts(
	ctx context.Context, users []identity.UserID,
) (map[identity.UserID]identity.AccountView, error) {
	var rows []userRow
	q := notClosed(p.db.Read(ctx)).Select("id", "name", "role", "active")
	err := database.WhereIn(q, "id", users).Find(&rows).Error
	accounts := make(map[identity.UserID]identity.AccountView, len(rows))
	for _, r := range rows {
		accounts[r.ID] = identity.AccountView{Name: r.Name, Role: auth.Role(r.Role), Active: r.Active}
	}
	return accounts, err
}

// NewRoles returns the queries of other modules about the roles of users in db.
func NewRoles(db *database.DB) identity.Roles { return &roles{db} }

type roles struct{ db *database.DB }

func (r *roles) CountActive(ctx context.Context, role auth.Role, limit int) (int, error) {
	var count int64
	some := notClosed(r.db.Read(ctx)).Model(&userRow{}).Select("1").Where("role = ? AND active = ?", role, true)
	err := r.db.Read(ctx).Table("(?) AS counted", some.Limit(limit)).Count(&count).Error
	return int(count), err
}
