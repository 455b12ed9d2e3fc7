package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
)

// closedRow marks an account that waits for the removal of its data.
type closedRow struct {
	UserID    identity.UserID `gorm:"primaryKey"`
	SessionID identity.SessionID
	Role      string
	ClosedAt  database.Time
}

func (closedRow) TableName() string { return "closed_accounts" }

// notClosed excludes closed accounts. They are few, so that lists still use their own index.
func notClosed(q *gorm.DB) *gorm.DB {
	return q.Where("id NOT IN (SELECT user_id FROM closed_accounts)")
}

func (u *users) Close(ctx context.Context, id identity.UserID, closing domain.Closing) error {
	// A random address cannot be registered in advance, and ".invalid" (RFC 6761) is never assigned.
	unique := uuid.NewString()
	address := unique + "@closed.invalid"
	return u.db.Do(ctx, func(ctx context.Context) error {
		done := u.db.Write(ctx).Model(&userRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": "-", "email": address, "mailbox": domain.LowerAddress(address), "username": unique,
			"password_hash": domain.NoPassword, "active": false, "search_text": "",
			"updated_at": database.At(closing.At),
		})
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return ports.ErrNotFound
		}
		err := u.db.Write(ctx).Model(&mailboxRow{}).Where("user_id = ?", id).Updates(map[string]any{
			"mailbox": domain.Mailbox(address), "holds": true,
		}).Error
		if err != nil {
			return err
		}
		if err := u.db.Write(ctx).Where("user_id = ?", id).Delete(&mailTokenRow{}).Error; err != nil {
			return err
		}
		return u.db.Write(ctx).Create(
			&closedRow{UserID: id, SessionID: closing.Session, Role: closing.Role, ClosedAt: database.At(closing.At)},
		).Error
	})
}

func (u *users) Closed(ctx context.Context, id identity.UserID) (domain.Closing, error) {
	var r closedRow
	err := u.db.Read(ctx).Where("user_id = ?", id).Take(&r).Error
	return domain.Closing{Session: r.SessionID, Role: r.Role, At: r.ClosedAt.Time}, explain(err)
}
