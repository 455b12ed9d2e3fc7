package store

import (
	"context"

	"gorm.io/gorm"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// NewMailStates returns the repository of the states of tokens that are sent by e-mail.
func NewMailStates(db *database.DB) ports.MailStates { return &mailStates{db} }

type mailStates struct{ db *database.DB }

type mailTokenRow struct {
	UserID        identity.UserID `gorm:"primaryKey"`
	Address       string
	Resets        int64
	Verifications int64
	Verified      bool
}

func (mailTokenRow) TableName() string { return "user_mail_tokens" }

// mailedRow is a user with the row of user_mail_tokens, whose columns are NULL for a user without one.
type mailedRow struct {
	User          userRow `gorm:"embedded"`
	Address       *string
	Resets        *int64
	Verifications *int64
	Verified      *bool
}

func (r mailedRow) state() domain.MailState {
	if r.Address == nil {
		return domain.MailState{}
	}
	return domain.MailState{
		Address: *r.Address, Resets: *r.Resets, Verifications: *r.Verifications, Verified: *r.Verified,
	}
}

// mailed joins users whose account is not closed with their rows of user_mail_tokens.
func (s *mailStates) mailed(ctx context.Context) *gorm.DB {
	return notClosed(s.db.Read(ctx)).Table("users").Joins("LEFT JOIN user_mail_tokens m ON m.user_id = users.id")
}

func (s *mailStates) Find(ctx context.Context, id identity.UserID) (domain.User, domain.MailState, error) {
	var r mailedRow
	err := s.mailed(ctx).Select("users.id", "users.name", "users.email", "users.username", "users.password_hash",
		"users.role", "users.active", "users.token_version", "users.version", "users.created_at", "users.updated_at",
		"users.self_registered", "m.address", "m.resets", "m.verifications", "m.verified").
		Where("users.id = ?", id).Take(&r).Error
	return r.User.user(), r.state(), explain(err)
}

// saveMailState inserts the row of a user, or changes it unless another transaction has raised a number since.
const saveMailState = "INSERT INTO user_mail_tokens (user_id, address, resets, verifications, verified) " +
	"VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET address = excluded.address, " +
	"resets = excluded.resets, verifications = excluded.verifications, verified = excluded.verified " +
	"WHERE user_mail_tokens.resets = ? AND user_mail_tokens.verifications = ?"

func (s *mailStates) Save(ctx context.Context, id identity.UserID, before, after domain.MailState) error {
	done := s.db.Write(ctx).Exec(saveMailState, id, after.Address, after.Resets, after.Verifications, after.Verified,
		before.Resets, before.Verifications)
	if done.Error == nil && done.RowsAffected == 0 {
		return ports.ErrStale
	}
	return done.Error
}

// endResets raises the number of resets only: an address that has changed still counts as such.
const endResets = "INSERT INTO user_mail_tokens (user_id, address, resets, verifications, verified) " +
	"VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET resets = user_mail_tokens.resets + 1"

func (s *mailStates) EndResets(ctx context.Context, user domain.User) error {
	return s.db.Write(ctx).Exec(endResets, user.ID, domain.AddressDigest(user.Email), 1, 0, false).Error
}

func (s *mailStates) FindContacts(
	ctx context.Context, users []identity.UserID,
) (map[identity.UserID]identity.Contact, error) {
	var rows []mailedRow
	found := s.mailed(ctx).Select("users.id", "users.email", "users.active", "m.address", "m.resets",
		"m.verifications", "m.verified")
	err := database.WhereIn(found, "users.id", users).Find(&rows).Error
	contacts := make(map[identity.UserID]identity.Contact, len(rows))
	for _, r := range rows {
		contacts[r.User.ID] = identity.Contact{
			Email: r.User.Email, Active: r.User.Active, Verified: r.state().For(r.User.Email).Verified,
		}
	}
	return contacts, err
}

func (s *mailStates) Administrators(ctx context.Context, limit int) (ids []identity.UserID, err error) {
	active := notClosed(s.db.Read(ctx)).Model(&userRow{}).Where("role = ? AND active = ?", string(auth.Admin), true)
	err = active.Order("created_at, id").Limit(limit).Pluck("id", &ids).Error
	return ids, err
}
