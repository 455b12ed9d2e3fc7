// Package store stores users and sessions in the database, with the same code for both engines.
package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// NewUsers returns the repository of users in db.
func NewUsers(db *database.DB) ports.Users { return &users{db} }

type users struct{ db *database.DB }

type userRow struct {
	ID           identity.UserID
	Name         string
	Email        string
	Mailbox      string
	Username     string
	PasswordHash string
	Role         string
	Active       bool
	TokenVersion int
	SearchText   string
	Version      int
	CreatedAt    database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt    database.Time `gorm:"autoUpdateTime:false"` // the domain sets the time

	SelfRegistered bool
}

// NewSearchTexts returns the search texts of users in db, to be recomputed.
func NewSearchTexts(db *database.DB) *database.SearchTexts {
	return database.NewSearchTexts(db, "users", []string{"id", "name", "email"}, func(r userRow) (any, string) {
		return r.ID, database.SearchText(r.Name, r.Email)
	})
}

func (userRow) TableName() string { return "users" }

func userRowOf(u domain.User) userRow {
	return userRow{
		ID: u.ID, Name: u.Name, Email: u.Email, Mailbox: domain.LowerAddress(u.Email), Username: u.Username,
		PasswordHash: u.PasswordHash, Role: u.Role, Active: u.Active, TokenVersion: u.TokenVersion,
		SearchText: database.SearchText(u.Name, u.Email), Version: u.Version,
		CreatedAt: database.At(u.CreatedAt), UpdatedAt: database.At(u.UpdatedAt), SelfRegistered: u.SelfRegistered,
	}
}

func (r userRow) user() domain.User {
	return domain.User{
		ID: r.ID, Name: r.Name, Email: r.Email, Username: r.Username, PasswordHash: r.PasswordHash, Role: r.Role,
		Active: r.Active, TokenVersion: r.TokenVersion, Version: r.Version,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, SelfRegistered: r.SelfRegistered,
	}
}

func (u *users) Find(ctx context.Context, id identity.UserID) (domain.User, error) {
	var r userRow
	err := notClosed(u.db.Read(ctx)).Where("id = ?", id).Take(&r).Error
	return r.user(), explain(err)
}

func (u *users) FindNames(
	ctx context.Context, ids []identity.UserID,
) (map[identity.UserID]string, error) {
	var rows []userRow
	err := database.WhereIn(notClosed(u.db.Read(ctx)).Select("id", "name"), "id", ids).Find(&rows).Error
	names := make(map[identity.UserID]string, len(rows))
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}

// columns are the columns by which lists can be ordered.
var columns = database.Columns[userRow]{
	"created_at": func(r userRow) any { return r.CreatedAt },
	"name":       func(r userRow) any { return r.Name },
	"id":         func(r userRow) any { return r.ID },
}

func (u *users) List(
	ctx context.Context, filter domain.UserFilter, request paging.Request,
) (paging.Page[domain.User], error) {
	q := database.WhereMatches(notClosed(u.db.Read(ctx)), filter.Search)
	if filter.Role != "" {
		q = q.Where("role = ?", filter.Role)
	}
	if filter.Active != nil {
		q = q.Where("active = ?", *filter.Active)
	}
	page, err := database.Page(database.WhereCreated(q, filter.CreatedAfter, filter.CreatedBefore), request, columns)
	return paging.Map(page, userRow.user), err
}

// forChange locks a user without blocking new references to the user.
var forChange = clause.Locking{Strength: "NO KEY UPDATE"}

func (u *users) Change(
	ctx context.Context, id identity.UserID, rule func(*domain.User) error,
) (changed domain.User, err error) {
	err = u.db.Do(ctx, func(ctx context.Context) error {
		var r userRow
		if err := notClosed(u.db.Write(ctx)).Clauses(forChange).Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.user()
		if err := rule(&changed); err != nil {
			return err
		}
		if changed.Version == r.Version {
			return nil
		}
		r = userRowOf(changed)
		fixed := []string{"id", "email", "mailbox", "username", "created_at", "self_registered"}
		return explain(database.Update(u.db.Write(ctx).Where("id = ?", id), &r, fixed...))
	})
	return changed, err
}

func (u *users) HoldAll(ctx context.Context, role string) (ids []identity.UserID, err error) {
	held := u.db.Write(ctx).Model(&userRow{}).Clauses(forChange).Where("role = ? AND active = ?", role, true)
	err = held.Order("id").Pluck("id", &ids).Error // a fixed order prevents deadlocks
	return ids, err
}

func (u *users) Remove(ctx context.Context, id identity.UserID) error {
	if err := u.db.Write(ctx).Where("user_id = ?", id).Delete(&closedRow{}).Error; err != nil {
		return err
	}
	done := u.db.Write(ctx).Where("id = ?", id).Delete(&userRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return ports.ErrNotFound
	}
	return done.Error
}

func (u *users) SetPasswordHash(ctx context.Context, id identity.UserID, old, hash string) error {
	return u.db.Write(ctx).Model(&userRow{}).Where("id = ? AND password_hash = ?", id, old).
		Updates(map[string]any{"password_hash": hash}).Error
}

// explain maps errors of the store to those of the ports.
func explain(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ports.ErrNotFound
	}
	return err
}
