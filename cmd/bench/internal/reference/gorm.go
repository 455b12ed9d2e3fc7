package reference

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/platform/database"
)

// mapped implements Store through GORM.
type mapped struct{ db *database.DB }

func orMissing(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errMissing
	}
	return err
}

func (m mapped) standing(ctx context.Context, id uuid.UUID) (of standing, err error) {
	err = m.db.Read(
		ctx,
	).Table(
		"sessions AS s",
	).Select(
		"s.user_id, u.active, u.token_version, u.role",
	).Joins(
		"JOIN users u ON u.id = s.user_id",
	).
		Where("s.id = ?", id).Take(
		&of,
	).Error
	return of, orMissing(err)
}

func (m mapped) find(ctx context.Context, owner, id uuid.UUID) (p patient, err error) {
	err = m.db.Read(ctx).Where("owner_id = ? AND id = ?", owner, id).Take(&p).Error
	return p, orMissing(err)
}

func (m mapped) list(ctx context.Context, owner uuid.UUID, limit int) (all []patient, err error) {
	err = m.db.Read(ctx).Where("owner_id = ?", owner).Order("created_at DESC, id DESC").Limit(limit).Find(&all).Error
	return all, err
}

func (m mapped) assignments(ctx context.Context, owner uuid.UUID, limit int) (all []assignment, err error) {
	err = m.db.Read(ctx).Where("owner_id = ?", owner).Order("assigned_at DESC, id DESC").Limit(limit).Find(&all).Error
	return all, err
}

func (m mapped) patients(ctx context.Context, owner uuid.UUID, ids []uuid.UUID) (all []patient, err error) {
	err = m.db.Read(ctx).Where("coalesce(owner_id, owner_id) = ? AND id IN ?", owner, ids).Find(&all).Error
	return all, err
}

func (m mapped) doctors(ctx context.Context, ids []uuid.UUID) (all []doctor, err error) {
	err = m.db.Read(ctx).Where("id IN ?", ids).Find(&all).Error
	return all, err
}

func (m mapped) add(ctx context.Context, p patient) error {
	return m.db.Do(ctx, func(ctx context.Context) error { return m.db.Write(ctx).Create(&p).Error })
}

func (m mapped) amend(ctx context.Context, owner, id uuid.UUID, rule func(*patient) error) (p patient, err error) {
	err = m.db.Do(ctx, func(ctx context.Context) error {
		p = patient{}
		if err := m.db.Write(
			ctx,
		).Clauses(
			clause.Locking{Strength: "UPDATE"},
		).Where("owner_id = ? AND id = ?", owner, id).Take(
			&p,
		).Error; err != nil {
			return orMissing(err)
		}
		if err := rule(&p); err != nil {
			return err
		}
		return m.db.Write(ctx).Model(&patient{}).Where("owner_id = ? AND id = ?", owner, id).
			Select(
				"name", "gender", "age", "birth_date", "email", "phone", "address", "medical_record_number", "notes",
				"search_text", "version", "updated_at",
			).
			Updates(&p).Error
	})
	return p, err
}

func (m mapped) account(ctx context.Context, mailbox string) (a account, err error) {
	err = m.db.Read(ctx).Where("mailbox = ?", mailbox).Take(&a).Error
	return a, orMissing(err)
}

func (m mapped) begin(ctx context.Context, s session) error { return m.db.Write(ctx).Create(&s).Error }
