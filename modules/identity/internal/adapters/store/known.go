package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
)

// renewKnown is the age of a success from which the next one is stored: most sign-ins write nothing here. A success
// that is as far in the future, from before the clock went back, is replaced as well.
const renewKnown = 24 * time.Hour

// knownRow is a client that signed in to an account.
type knownRow struct {
	UserID     identity.UserID `gorm:"primaryKey"`
	Client     string          `gorm:"primaryKey"`
	SignedInAt database.Time
}

func (knownRow) TableName() string { return "known_clients" }

// knownKeys returns the keys of an attempt's client in known_clients, newest first.
func (a *attempts) knownKeys(attempt domain.Attempt) []string {
	keys := make([]string, len(a.known))
	for i, hidden := range a.known {
		keys[i] = hidden.key("known", attempt.Prefix())
	}
	return keys
}

// addKnown adds the success of the attempt's client at its account to the tallies.
func (a *attempts) addKnown(q *gorm.DB, attempt domain.Attempt, t *domain.Tallies) error {
	at, err := a.signedInAt(q, attempt)
	if at.After(t[domain.Pair].SucceededAt) {
		t[domain.Pair].SucceededAt = at
	}
	return err
}

func (a *attempts) signedInAt(q *gorm.DB, attempt domain.Attempt) (time.Time, error) {
	var rows []knownRow
	found := q.Where("user_id = ? AND client IN ?", attempt.User, a.knownKeys(attempt))
	err := found.Order("signed_in_at DESC").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].SignedInAt.Time, nil
}

// lastKnown returns the last success of the attempt's client at its account, the zero time without one. others reports
// whether the account knows other clients, also if their successes have expired and are not deleted yet.
func (a *attempts) lastKnown(ctx context.Context, attempt domain.Attempt) (at time.Time, others bool, err error) {
	var rows []knownRow
	keys := a.knownKeys(attempt)
	ownFirst := clause.OrderBy{Expression: clause.Expr{SQL: "client IN ? DESC, signed_in_at DESC", Vars: []any{keys}}}
	err = a.db.Write(ctx).Where("user_id = ?", attempt.User).Clauses(ownFirst).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return time.Time{}, false, err
	}
	if slices.Contains(keys, rows[0].Client) {
		return rows[0].SignedInAt.Time, false, nil
	}
	return time.Time{}, true, nil
}

// remember makes the client known to the account, if there is one, and deletes expired clients. It reports whether the
// account did not know the client, but another one. The account's attempts are locked.
func (a *attempts) remember(ctx context.Context, attempt domain.Attempt) (isNew bool, err error) {
	if attempt.User == (identity.UserID{}) {
		return false, nil
	}
	at, isNew, err := a.lastKnown(ctx, attempt)
	now := a.clock.Now()
	if err != nil || now.Sub(at).Abs() < renewKnown {
		return false, err
	}
	return isNew, a.store(ctx, attempt, now)
}

// store stores a success of the attempt's client at its account, and deletes expired ones.
func (a *attempts) store(ctx context.Context, attempt domain.Attempt, now time.Time) error {
	renewed := clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "client"}},
		DoUpdates: clause.AssignmentColumns([]string{"signed_in_at"}),
	}
	row := knownRow{UserID: attempt.User, Client: a.knownKeys(attempt)[0], SignedInAt: database.At(now)}
	if err := a.db.Write(ctx).Clauses(renewed).Create(&row).Error; err != nil {
		return err
	}
	// Successes in the future, from before the clock went back, come last.
	order := clause.OrderBy{Expression: clause.Expr{
		SQL: "signed_in_at > ?, signed_in_at DESC, client", Vars: []any{database.At(now)},
	}}
	last := a.db.Write(ctx).Model(&knownRow{}).Select("client").Where("user_id = ?", attempt.User).
		Clauses(order).Limit(ports.MaxKnownClients)
	if err := a.db.Write(ctx).Where(
		"user_id = ? AND client NOT IN (?)", attempt.User, last,
	).Delete(&knownRow{}).Error; err != nil {
		return err
	}
	expired := a.db.Write(ctx).Model(&knownRow{}).Select("user_id", "client").
		Where("signed_in_at <= ?", database.At(a.clock.Steady().Add(-domain.KnownLasts))).
		Order("signed_in_at").Limit(attemptsSweep).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	return a.db.Write(ctx).Where("(user_id, client) IN (?)", expired).Delete(&knownRow{}).Error
}
