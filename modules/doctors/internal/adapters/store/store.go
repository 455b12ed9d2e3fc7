// Package store stores doctors in the database, with the same code for both engines.
package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// New returns the repository over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID             doctors.ID
	domain.Details `gorm:"embedded"`
	SearchText     string `gorm:"->:false;<-"` // written only
	Version        int
	CreatedAt      database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      database.Time `gorm:"autoUpdateTime:false"` // set by the domain

	LicenseNumber database.Text // replaces that of Details: it is NULL where that is empty
}

// searchText returns the text that a search compares with its words.
func (r row) searchText() string {
	return database.SearchText(r.Name, r.Specialization, r.Email, string(r.LicenseNumber))
}

// NewSearchTexts returns the search texts in db, for recomputing them.
func NewSearchTexts(db *database.DB) *database.SearchTexts {
	columns := []string{"id", "name", "specialization", "email", "license_number"}
	return database.NewSearchTexts(db, "doctors", columns, func(r row) (any, string) { return r.ID, r.searchText() })
}

func (row) TableName() string { return "doctors" }

func rowOf(d domain.Doctor) row {
	r := row{
		ID: d.ID, Details: d.Details, Version: d.Version,
		CreatedAt: database.At(d.CreatedAt), UpdatedAt: database.At(d.UpdatedAt),
		LicenseNumber: database.Text(d.LicenseNumber),
	}
	r.SearchText = r.searchText()
	return r
}

func (r row) doctor() domain.Doctor {
	d := domain.Doctor{
		ID: r.ID, Details: r.Details, Version: r.Version, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
	d.LicenseNumber = string(r.LicenseNumber)
	return d
}

func doctorsOf(rows []row) []domain.Doctor {
	all := make([]domain.Doctor, len(rows))
	for i, r := range rows {
		all[i] = r.doctor()
	}
	return all
}

// explain maps errors of the database to those of the module.
func explain(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return doctors.ErrNotFound
	case database.Violates(err, "doctors_license_number_key"):
		return doctors.ErrLicenseNumberTaken.Because(err)
	}
	return err
}

func (s *store) Add(ctx context.Context, doctor domain.Doctor) error {
	return s.add(ctx, rowOf(doctor))
}

// add inserts a row. A taken license number is no error for the store: PostgreSQL would log the number.
func (s *store) add(ctx context.Context, r row) error {
	free, err := database.Insert(s.db.Write(ctx), &r, "license_number")
	if err == nil && !free {
		return doctors.ErrLicenseNumberTaken
	}
	return explain(err)
}

// claim reserves r's license number for an update in the same transaction, which then cannot be refused for it. It
// inserts and deletes a row: unlike an update, an insert waits for rivals and is refused without an error in
// PostgreSQL's log.
func (s *store) claim(ctx context.Context, r row) error {
	r.ID = recordid.New[doctors.ID]()
	if err := s.add(ctx, r); err != nil {
		return err
	}
	return s.db.Write(ctx).Where("id = ?", r.ID).Delete(&row{}).Error
}

func (s *store) Find(ctx context.Context, id doctors.ID) (domain.Doctor, error) {
	var r row
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.doctor(), explain(err)
}

// assignable is a doctor with whether a removal has begun.
type assignable struct {
	Row       row `gorm:"embedded"`
	InRemoval bool
}

// TableName makes it a row type, which is scanned without GORM's reflection on each value.
func (assignable) TableName() string { return "doctors" }

func (s *store) FindAssignable(ctx context.Context, id doctors.ID) (domain.Doctor, error) {
	var r assignable
	err := s.db.Read(ctx).
		Select("doctors.id", "name", "specialization", "experience", "email", "phone", "license_number",
			"version", "created_at", "updated_at",
			"doctor_removals.doctor_id IS NOT NULL AS in_removal").
		Joins("LEFT JOIN doctor_removals ON doctor_removals.doctor_id = doctors.id").
		Where("doctors.id = ?", id).Take(&r).Error
	if err == nil && r.InRemoval {
		err = doctors.ErrInRemoval
	}
	if err != nil {
		return domain.Doctor{}, explain(err)
	}
	return r.Row.doctor(), nil
}

func (s *store) FindAll(ctx context.Context, ids []doctors.ID) ([]domain.Doctor, error) {
	var rows []row
	shown := s.db.Read(ctx).Select("id", "name", "specialization", "experience")
	err := database.WhereIn(shown, "id", ids).Find(&rows).Error
	return doctorsOf(rows), err
}

// columns lists the columns by which the list can be ordered.
var columns = database.Columns[row]{
	"created_at":     func(r row) any { return r.CreatedAt },
	"updated_at":     func(r row) any { return r.UpdatedAt },
	"name":           func(r row) any { return r.Name },
	"specialization": func(r row) any { return r.Specialization },
	"experience":     func(r row) any { return r.Experience },
	"id":             func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Doctor], error) {
	q := database.WhereMatches(s.db.Read(ctx), filter.Search)
	if filter.Specialization != "" {
		q = q.Where("specialization = ?", filter.Specialization)
	}
	if filter.ExperienceMin != nil {
		q = q.Where("experience >= ?", *filter.ExperienceMin)
	}
	if filter.ExperienceMax != nil {
		q = q.Where("experience <= ?", *filter.ExperienceMax)
	}
	page, err := database.Page(database.WhereCreated(q, filter.CreatedAfter, filter.CreatedBefore), request, columns)
	return paging.Map(page, row.doctor), err
}

func (s *store) Change(
	ctx context.Context, id doctors.ID, rule func(*domain.Doctor) error,
) (changed domain.Doctor, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.doctor()
		if err := rule(&changed); err != nil {
			return err
		}
		if changed.Version == r.Version {
			return nil
		}
		before := r.LicenseNumber
		if r = rowOf(changed); r.LicenseNumber != "" && r.LicenseNumber != before {
			if err := s.claim(ctx, r); err != nil {
				return err
			}
		}
		one := s.db.Write(ctx).Where("id = ?", id)
		return explain(database.Update(one, &r, "id", "created_at"))
	})
	return changed, err
}

func (s *store) Lock(ctx context.Context, id doctors.ID) (version int, err error) {
	var r row
	locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
	err = locked.Select("version").Where("id = ?", id).Take(&r).Error
	return r.Version, explain(err)
}

func (s *store) Hold(ctx context.Context, id doctors.ID) error {
	var r row
	held := s.db.Write(ctx).Clauses(clause.Locking{Strength: "KEY SHARE"})
	return explain(held.Select("id").Where("id = ?", id).Take(&r).Error)
}

func (s *store) Remove(ctx context.Context, id doctors.ID) error {
	done := s.db.Write(ctx).Where("id = ?", id).Delete(&row{})
	if done.Error == nil && done.RowsAffected == 0 {
		return doctors.ErrNotFound
	}
	return s.db.DeleteError(ctx, done.Error, "doctors", "doctors.Deleted")
}
