// Package store keeps users and sessions in the database, by one code for both engines.
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
)

// NewUsers is the repository of users over db.
func NewUsers(db *database.DB) ports.Users { return &users{db} }

type users struct{ db *database.DB }

type userRow struct {
	ID           identity.UserID
	Name         string
	Email        string
	Mailbox      string
	Username     string
	PasswordHash string
	Active       bool
	TokenVersion int
	CreatedAt    database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt    database.Time `gorm:"autoUpdateTime:false"` // the domain tells the time
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() domain.User {
	return domain.User{
		ID: r.ID, Name: r.Name, Email: r.Email, Username: r.Username, PasswordHash: r.PasswordHash, Active: r.Active,
		TokenVersion: r.TokenVersion, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (u *users) Add(ctx context.Context, user domain.User) error {
	r := userRow{
		ID: user.ID, Name: user.Name, Email: user.Email, Mailbox: domain.Mailbox(user.Email), Username: user.Username,
		PasswordHash: user.PasswordHash, Active: user.Active, TokenVersion: user.TokenVersion,
		CreatedAt: database.At(user.CreatedAt), UpdatedAt: database.At(user.UpdatedAt),
	}
	// A taken username is no error for the store, so that the caller can try another one in the same transaction.
	free := clause.OnConflict{Columns: []clause.Column{{Name: "username"}}, DoNothing: true}
	added := u.db.Write(ctx).Clauses(free).Create(&r)
	switch {
	case database.Violates(added.Error, "users_mailbox_key"):
		return identity.ErrEmailTaken.Because(added.Error)
	case added.Error == nil && added.RowsAffected == 0:
		return ports.ErrUsernameTaken
	}
	return added.Error
}

func (u *users) FindByMailbox(ctx context.Context, mailbox string) (domain.User, error) {
	var r userRow
	err := u.db.Read(ctx).Where("mailbox = ?", mailbox).Take(&r).Error
	return r.user(), explain(err)
}

func (u *users) Find(ctx context.Context, id identity.UserID) (domain.User, error) {
	var r userRow
	err := u.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.user(), explain(err)
}

func (u *users) SetPasswordHash(ctx context.Context, id identity.UserID, old, hash string) error {
	return u.db.Write(ctx).Model(&userRow{}).Where("id = ? AND password_hash = ?", id, old).
		Select("password_hash").Updates(&userRow{PasswordHash: hash}).Error
}

// explain turns what the store refused into the ports' errors.
func explain(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ports.ErrNotFound
	}
	return err
}
