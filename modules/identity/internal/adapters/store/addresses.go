package store

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/errs"
)

// mailboxRow records a user's mailbox. At most one of the users who share a mailbox holds it (a partial unique index).
type mailboxRow struct {
	UserID  identity.UserID `gorm:"primaryKey"`
	Mailbox string
	Holds   bool
}

func (mailboxRow) TableName() string { return "user_mailboxes" }

func (u *users) Add(ctx context.Context, user domain.User) error {
	r, mailbox := userRowOf(user), domain.Mailbox(user.Email)
	return u.db.Do(ctx, func(ctx context.Context) error {
		var others int64 // users who do not hold the mailbox block it as well
		if err := u.db.Write(ctx).Model(&mailboxRow{}).Where("mailbox = ?", mailbox).Count(&others).Error; err != nil {
			return err
		}
		if others > 0 {
			return identity.ErrEmailTaken
		}
		// A taken value must not be an error of the store: PostgreSQL would log it, and the caller tries other
		// usernames in the same transaction.
		added := u.db.Write(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&r)
		if added.Error == nil && added.RowsAffected == 0 {
			return u.taken(ctx, r)
		}
		if added.Error != nil {
			return added.Error
		}
		held := u.db.Write(ctx).Clauses(clause.OnConflict{DoNothing: true}).
			Create(&mailboxRow{UserID: user.ID, Mailbox: mailbox, Holds: true})
		if held.Error == nil && held.RowsAffected == 0 { // a concurrent registration was faster
			return identity.ErrEmailTaken
		}
		return held.Error
	})
}

// taken returns the error for the unique value of r that is taken. A value that is free again counts as the username,
// of which the caller tries another.
func (u *users) taken(ctx context.Context, r userRow) error {
	var rivals []userRow
	if err := u.db.Write(ctx).Select("id", "mailbox").Where(
		"id = ? OR mailbox = ?", r.ID, r.Mailbox,
	).Find(&rivals).Error; err != nil {
		return err
	}
	switch {
	case len(rivals) == 0:
		return ports.ErrUsernameTaken
	case slices.ContainsFunc(rivals, func(rival userRow) bool { return rival.ID == r.ID }):
		return errIDTaken
	}
	return identity.ErrEmailTaken
}

var errIDTaken = errs.New(errs.Conflict, "conflict", "The request contradicts what is already stored.")

// ofAddress selects the users of an address's mailbox. Users of an older release whose mailbox is not recorded yet are
// found by users.mailbox.
func (u *users) ofAddress(ctx context.Context, email string) *gorm.DB {
	return u.db.Read(ctx).Where("id IN (SELECT id FROM users WHERE mailbox = ? "+
		"UNION ALL SELECT user_id FROM user_mailboxes WHERE mailbox = ?)",
		domain.LowerAddress(email), domain.Mailbox(email))
}

func (u *users) FindByAddress(ctx context.Context, email string) (domain.User, error) {
	var r userRow
	exactFirst := clause.OrderBy{Expression: clause.Expr{
		SQL: "email = ? DESC, created_at, id", Vars: []any{strings.TrimSpace(email)},
	}}
	err := u.ofAddress(ctx, email).Clauses(exactFirst).Take(&r).Error
	return r.user(), explain(err)
}

func (u *users) FindAllByAddress(ctx context.Context, email string) ([]domain.User, error) {
	var rows []userRow
	err := u.ofAddress(ctx, email).Order("created_at, id").Limit(ports.MaxSharing).Find(&rows).Error
	all := make([]domain.User, len(rows))
	for i, r := range rows {
		all[i] = r.user()
	}
	return all, err
}
