package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// NewTypes returns the repository of appointment types over db.
func NewTypes(db *database.DB) ports.Types { return &types{db} }

type types struct{ db *database.DB }

type typeRow struct {
	ID                 domain.TypeID
	domain.TypeDetails `gorm:"embedded"`
	Version            int
	CreatedAt          database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt          database.Time `gorm:"autoUpdateTime:false"` // set by the domain
}

func (typeRow) TableName() string { return "appointment_types" }

func typeRowOf(t domain.Type) typeRow {
	return typeRow{
		ID: t.ID, TypeDetails: t.TypeDetails, Version: t.Version,
		CreatedAt: database.At(t.CreatedAt), UpdatedAt: database.At(t.UpdatedAt),
	}
}

func (r typeRow) kind() domain.Type {
	return domain.Type{
		ID: r.ID, TypeDetails: r.TypeDetails, Version: r.Version,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

// explainType maps errors of the database to those of the module.
func explainType(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return appointments.ErrTypeNotFound
	case database.Violates(err, "appointment_types_name_key"):
		return appointments.ErrTypeNameTaken.Because(err)
	}
	return err
}

func (s *types) Add(ctx context.Context, of domain.Type) error { return s.add(ctx, typeRowOf(of)) }

// add inserts a row. A taken name is no error for the store: PostgreSQL would log the name.
func (s *types) add(ctx context.Context, r typeRow) error {
	free, err := database.Insert(s.db.Write(ctx), &r, "name")
	if err == nil && !free {
		return appointments.ErrTypeNameTaken
	}
	return explainType(err)
}

// claim reserves r's name for an update in the same transaction, as for the license numbers of doctors.
func (s *types) claim(ctx context.Context, r typeRow) error {
	r.ID = recordid.New[domain.TypeID]()
	if err := s.add(ctx, r); err != nil {
		return err
	}
	return s.db.Write(ctx).Where("id = ?", r.ID).Delete(&typeRow{}).Error
}

func (s *types) Find(ctx context.Context, id domain.TypeID) (domain.Type, error) {
	var r typeRow
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.kind(), explainType(err)
}

func (s *types) FindAll(ctx context.Context, ids []domain.TypeID) (map[domain.TypeID]domain.Type, error) {
	var rows []typeRow
	if len(ids) > 0 {
		if err := database.WhereIn(s.db.Read(ctx), "id", ids).Find(&rows).Error; err != nil {
			return nil, err
		}
	}
	found := make(map[domain.TypeID]domain.Type, len(rows))
	for _, r := range rows {
		found[r.ID] = r.kind()
	}
	return found, nil
}

// typeColumns lists the columns by which the list can be ordered.
var typeColumns = database.Columns[typeRow]{
	"created_at": func(r typeRow) any { return r.CreatedAt },
	"name":       func(r typeRow) any { return r.Name },
	"id":         func(r typeRow) any { return r.ID },
}

func (s *types) List(
	ctx context.Context, filter domain.TypeFilter, request paging.Request,
) (paging.Page[domain.Type], error) {
	q := s.db.Read(ctx)
	if filter.Active != nil {
		q = q.Where("active = ?", *filter.Active)
	}
	if filter.ShownToPatients {
		q = q.Where("active = ? AND for_patients = ?", true, true)
	}
	page, err := database.Page(q, request, typeColumns)
	return paging.Map(page, typeRow.kind), err
}

// lock returns a type, which is locked until the transaction ends.
func (s *types) lock(ctx context.Context, id domain.TypeID) (r typeRow, err error) {
	locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
	err = locked.Where("id = ?", id).Take(&r).Error
	return r, explainType(err)
}

func (s *types) Change(
	ctx context.Context, id domain.TypeID, rule func(*domain.Type) error,
) (changed domain.Type, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		before, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		changed = before.kind()
		if err := rule(&changed); err != nil || changed.Version == before.Version {
			return err
		}
		r := typeRowOf(changed)
		if r.Name != before.Name {
			if err := s.claim(ctx, r); err != nil {
				return err
			}
		}
		return explainType(database.Update(s.db.Write(ctx).Where("id = ?", id), &r, "id", "created_at"))
	})
	return changed, err
}

func (s *types) Remove(ctx context.Context, id domain.TypeID, rule func(domain.Type) error) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		r, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		if err := rule(r.kind()); err != nil {
			return err
		}
		if err := s.checkUnused(ctx, id); err != nil {
			return err
		}
		return s.db.Write(ctx).Where("id = ?", id).Delete(&typeRow{}).Error
	})
}

// checkUnused returns an error if other rows refer to the locked type. While it is locked no row can begin to. The
// foreign keys would prevent the deletion as well, but SQLite does not report their names. Errors:
// appointments.ErrTypeInUse.
func (s *types) checkUnused(ctx context.Context, id domain.TypeID) error {
	var used bool
	err := s.db.Write(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM appointments WHERE type_id = ?)
		OR EXISTS (SELECT 1 FROM availability_windows WHERE type_id = ?)
		OR EXISTS (SELECT 1 FROM waiting_entries WHERE type_id = ?)`, id, id, id).Scan(&used).Error
	if err == nil && used {
		return appointments.ErrTypeInUse
	}
	return err
}
