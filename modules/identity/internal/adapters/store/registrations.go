package store

import (
	"context"
	"net/netip"
	"time"

	"gorm.io/gorm/clause"

	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// NewRegistrations returns a ports.Registrations that counts in db. Its keys cannot be traced to an address without
// key.
func NewRegistrations(
	db *database.DB, key []byte, limit domain.RegistrationLimit, clk clock.Clock,
) ports.Registrations {
	return &registrations{db: db, hidden: hidden(key), limit: limit, clock: clk}
}

type registrations struct {
	db     *database.DB
	hidden hidden
	limit  domain.RegistrationLimit
	clock  clock.Clock
}

type registrationRow struct {
	Network string
	FullAt  database.Time
}

func (registrationRow) TableName() string { return "registrations" }

func (r *registrations) networks(client netip.Addr) (keys []string) {
	for _, network := range domain.RegistrationNetworks(client) {
		keys = append(keys, r.hidden.key("registrations", network))
	}
	return keys
}

func (r *registrations) Check(ctx context.Context, client netip.Addr) error {
	if r.limit <= 0 {
		return nil
	}
	var rows []registrationRow
	if err := r.db.Read(ctx).Where("network IN ?", r.networks(client)).Find(&rows).Error; err != nil {
		return err
	}
	return r.admit(rows, r.clock.Now())
}

func (r *registrations) Count(ctx context.Context, client netip.Addr) error {
	if r.limit <= 0 {
		return nil
	}
	return r.db.Do(ctx, func(ctx context.Context) error {
		rows, err := r.lock(ctx, client)
		if err != nil {
			return err
		}
		now := r.clock.Now() // after waiting for the lock
		if err := r.admit(rows, now); err != nil {
			return err
		}
		for i := range rows {
			rows[i].FullAt = database.At(r.limit.Count(rows[i].FullAt.Time, now))
		}
		counted := clause.OnConflict{
			Columns:   []clause.Column{{Name: "network"}},
			DoUpdates: clause.AssignmentColumns([]string{"full_at"}),
		}
		if err := r.db.Write(ctx).Clauses(counted).Create(&rows).Error; err != nil {
			return err
		}
		return r.sweep(ctx)
	})
}

func (r *registrations) admit(rows []registrationRow, now time.Time) error {
	var full time.Time
	for _, row := range rows {
		if row.FullAt.After(full) {
			full = row.FullAt.Time
		}
	}
	return r.limit.Admit(full, now)
}

// lock locks the rows of the client's networks until the transaction ends, and returns them. Missing rows are added.
// Smaller networks come first, which prevents deadlocks.
func (r *registrations) lock(ctx context.Context, client netip.Addr) ([]registrationRow, error) {
	var rows []registrationRow
	for _, key := range r.networks(client) {
		rows = append(rows, registrationRow{Network: key, FullAt: database.At(r.clock.Now())})
	}
	held := clause.OnConflict{
		Columns:   []clause.Column{{Name: "network"}},
		DoUpdates: clause.AssignmentColumns([]string{"network"}),
	}
	returned := clause.Returning{Columns: []clause.Column{{Name: "network"}, {Name: "full_at"}}}
	return rows, r.db.Write(ctx).Clauses(held, returned).Create(&rows).Error
}

// sweep deletes a few rows of networks that have their full allowance again, more than one account adds.
func (r *registrations) sweep(ctx context.Context) error {
	over := r.db.Write(ctx).Model(&registrationRow{}).Select("network").
		Where("full_at <= ?", database.At(r.clock.Steady())).Order("full_at").Limit(attemptsSweep).
		Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	return r.db.Write(ctx).Where("network IN (?)", over).Delete(&registrationRow{}).Error
}
