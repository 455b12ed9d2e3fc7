package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/database/replica"
	"healthcare/platform/recordid"
)

// sameNumber queries the patients of the user to who have the medical record number of a row of patients.
func sameNumber(q *gorm.DB, to uuid.UUID) *gorm.DB {
	return q.Session(&gorm.Session{NewDB: true}).Table("patients n").Select("1").
		Where("n.owner_id = ? AND n.medical_record_number = patients.medical_record_number", to)
}

// transferable narrows a query to the scope's patients who do not conflict with a patient of the user to.
func transferable(q *gorm.DB, scope patients.Scope, to uuid.UUID) *gorm.DB {
	return within(q.Model(&row{}), scope).Where("NOT EXISTS (?)", sameNumber(q, to))
}

func (s *store) Transfer(
	ctx context.Context, scope patients.Scope, to uuid.UUID, limit int, now time.Time,
) (moved []patients.ID, err error) {
	return moved, s.db.Do(ctx, func(ctx context.Context) error {
		var found []row
		locked := transferable(s.db.Write(ctx), scope, to).Clauses(clause.Locking{Strength: "UPDATE"})
		err := locked.Select("id", "medical_record_number").Order("created_at, id").Limit(limit).Find(&found).Error
		if err != nil {
			return err
		}
		taken, err := s.claimAll(ctx, found, to, database.At(now))
		if err != nil {
			return err
		}
		moved = make([]patients.ID, 0, len(found))
		for _, r := range found {
			if !taken[r.MedicalRecordNumber] {
				moved = append(moved, r.ID)
			}
		}
		if len(moved) == 0 {
			return nil
		}
		replica.Affect(ctx, scope.Owner(), to)
		given := database.WhereIn(within(s.db.Write(ctx).Model(&row{}), scope), "id", moved)
		return explain(given.Updates(map[string]any{
			"owner_id": to, "version": gorm.Expr("version + 1"), "updated_at": database.At(now),
		}).Error)
	})
}

// claimAll reserves the medical record numbers of patients for the user to, as claim does, and returns those that the
// user has given to other patients meanwhile.
func (s *store) claimAll(
	ctx context.Context, found []row, to uuid.UUID, now database.Time,
) (taken map[database.Text]bool, err error) {
	var claims []row
	taken = map[database.Text]bool{}
	for _, r := range found {
		if r.MedicalRecordNumber == "" {
			continue
		}
		taken[r.MedicalRecordNumber] = true
		claims = append(claims, row{
			ID: recordid.New[patients.ID](), OwnerID: to, MedicalRecordNumber: r.MedicalRecordNumber, Version: 1,
			Details: domain.Details{Name: "-", Gender: "Unknown"}, Age: new(0), CreatedAt: now, UpdatedAt: now,
		})
	}
	if len(claims) == 0 {
		return taken, nil
	}
	number := clause.OnConflict{
		Columns: []clause.Column{{Name: "owner_id"}, {Name: "medical_record_number"}}, DoNothing: true,
	}
	if err := s.db.Write(ctx).Clauses(number).Create(&claims).Error; err != nil {
		return nil, err
	}
	ids := make([]patients.ID, len(claims))
	for i, claim := range claims {
		ids[i] = claim.ID
	}
	var made []row
	numbers := clause.Returning{Columns: []clause.Column{{Name: "medical_record_number"}}}
	err = database.WhereIn(
		within(s.db.Write(ctx).Clauses(numbers), patients.OwnedBy(to)), "id", ids).Delete(&made).Error
	for _, r := range made {
		delete(taken, r.MedicalRecordNumber)
	}
	return taken, err
}

func (s *store) Transferable(ctx context.Context, scope patients.Scope, to uuid.UUID) (int, error) {
	var count int64
	err := transferable(s.db.Read(ctx), scope, to).Count(&count).Error
	return int(count), err
}

func (s *store) Conflicts(
	ctx context.Context, scope patients.Scope, to uuid.UUID, limit int,
) (ids []patients.ID, err error) {
	q := s.db.Read(ctx)
	conflicting := within(q.Model(&row{}), scope).Where("EXISTS (?)", sameNumber(q, to))
	err = conflicting.Order("created_at, id").Limit(limit).Pluck("id", &ids).Error
	return ids, err
}

func (s *store) AfterCommit(ctx context.Context, do func()) { s.db.AfterCommit(ctx, do) }
