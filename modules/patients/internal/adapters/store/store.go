// Package store stores patients in the database, with the same code for both engines.
package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// New returns the repository over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID             patients.ID
	OwnerID        uuid.UUID
	domain.Details `gorm:"embedded"`
	SearchText     string `gorm:"->:false;<-"` // written only
	Version        int
	CreatedAt      database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      database.Time `gorm:"autoUpdateTime:false"` // set by the domain

	// These replace fields of Details: they are NULL where those are empty.
	Age                 *int // NULL if there is a birth date
	MedicalRecordNumber database.Text
}

// searchText returns the text that a search compares with its words.
func (r row) searchText() string {
	return database.SearchText(r.Name, r.Email, r.Phone, string(r.MedicalRecordNumber))
}

// NewSearchTexts returns the search texts in db, for recomputing them.
func NewSearchTexts(db *database.DB) *database.SearchTexts {
	columns := []string{"id", "name", "email", "phone", "medical_record_number"}
	return database.NewSearchTexts(db, "patients", columns, func(r row) (any, string) { return r.ID, r.searchText() })
}

func (row) TableName() string { return "patients" }

func rowOf(p domain.Patient) row {
	r := row{
		ID: p.ID, OwnerID: p.OwnerID, Details: p.Details, Version: p.Version,
		CreatedAt: database.At(p.CreatedAt), UpdatedAt: database.At(p.UpdatedAt),
		MedicalRecordNumber: database.Text(p.Details.MedicalRecordNumber),
	}
	r.SearchText = r.searchText()
	if r.BirthDate == (domain.Date{}) {
		r.Age = &p.Details.Age
	}
	return r
}

func (r row) patient() domain.Patient {
	p := domain.Patient{
		ID: r.ID, OwnerID: r.OwnerID, Details: r.Details, Version: r.Version,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
	p.Details.MedicalRecordNumber = string(r.MedicalRecordNumber)
	if r.Age != nil {
		p.Details.Age = *r.Age
	}
	return p
}

// owned returns the patient for its owner.
func (r row) owned() domain.Patient {
	p := r.patient()
	p.Reason = patients.Owned
	return p
}

// reasoned returns the patient of a row that was found with err in the scope, with the reason of the user. Errors:
// patients.ErrNotFound, also if the grant has ended since.
func reasoned(q *gorm.DB, scope patients.Scope, r row, err error) (domain.Patient, error) {
	if err != nil {
		return domain.Patient{}, explain(err)
	}
	found, err := reasons(q, scope, []domain.Patient{r.patient()})
	if err != nil {
		return domain.Patient{}, err
	}
	if len(found) == 0 {
		return domain.Patient{}, patients.ErrNotFound
	}
	return found[0], nil
}

func patientsOf(rows []row) []domain.Patient {
	all := make([]domain.Patient, len(rows))
	for i, r := range rows {
		all[i] = r.patient()
	}
	return all
}

// explain maps errors of the database to those of the module.
func explain(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return patients.ErrNotFound
	case database.Violates(err, "patients_owner_id_medical_record_number_key"):
		return patients.ErrMedicalRecordNumberTaken.Because(err)
	}
	return err
}

func (s *store) Add(ctx context.Context, patient domain.Patient) error {
	return s.add(ctx, rowOf(patient))
}

// add inserts a row. A taken medical record number is no error for the store: PostgreSQL would log the number.
func (s *store) add(ctx context.Context, r row) error {
	free, err := database.Insert(s.db.Write(ctx), &r, "owner_id", "medical_record_number")
	if err == nil && !free {
		return patients.ErrMedicalRecordNumberTaken
	}
	return explain(err)
}

// claim reserves r's medical record number for an update in the same transaction, which then cannot be refused for it.
// It inserts and deletes a row: unlike an update, an insert waits for rivals and is refused without an error in
// PostgreSQL's log.
func (s *store) claim(ctx context.Context, r row) error {
	r.ID = recordid.New[patients.ID]()
	if err := s.add(ctx, r); err != nil {
		return err
	}
	return within(s.db.Write(ctx), patients.OwnedBy(r.OwnerID)).Where("id = ?", r.ID).Delete(&row{}).Error
}

func (s *store) Find(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error) {
	var r row
	err := within(s.db.Read(ctx), scope).Where("id = ?", id).Take(&r).Error
	return reasoned(s.db.Read(ctx), scope, r, err)
}

func (s *store) FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) ([]domain.Patient, error) {
	var rows []row
	q := s.db.Read(ctx).Select("id", "owner_id", "name", "gender", "age", "birth_date")
	if err := among(q, scope, ids).Find(&rows).Error; err != nil {
		return nil, err
	}
	return reasons(s.db.Read(ctx), scope, patientsOf(rows))
}

// columns lists the columns by which the list can be ordered.
var columns = database.Columns[row]{
	"created_at": func(r row) any { return r.CreatedAt },
	"updated_at": func(r row) any { return r.UpdatedAt },
	"name":       func(r row) any { return r.Name },
	"id":         func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, scope patients.Scope, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Patient], error) {
	if filter.Doctor != nil || scope.Shared() && filter.Narrows() {
		ctx = database.PlanForValues(ctx)
	}
	if scope = scope.WithoutEmergencies(); scope.Shared() {
		rows, err := database.PageOf(visible{s.db.Read(ctx), scope, filter}, request, columns)
		page := paging.Map(rows, row.patient)
		if err == nil {
			page.Items, err = reasons(s.db.Read(ctx), scope, page.Items)
		}
		return page, err
	}
	page, err := database.Page(matching(within(s.db.Read(ctx), scope), filter), request, columns)
	return paging.Map(page, row.owned), err
}

// matching narrows a list to the patients that match the filter.
func matching(q *gorm.DB, filter domain.Filter) *gorm.DB {
	q = database.WhereMatches(q, filter.Search)
	if filter.Gender != "" {
		q = q.Where("gender = ?", filter.Gender)
	}
	if filter.AgeMin != nil {
		q = q.Where("(age >= ? OR birth_date <= ?)", *filter.AgeMin, filter.BornUntil)
	}
	if filter.AgeMax != nil {
		q = q.Where("(age <= ? OR birth_date > ?)", *filter.AgeMax, filter.BornAfter)
	}
	if filter.Doctor != nil {
		q = q.Where(
			"EXISTS (SELECT 1 FROM patient_doctors d WHERE d.doctor_id = ? AND d.patient_id = id)", *filter.Doctor)
	}
	return database.WhereCreated(q, filter.CreatedAfter, filter.CreatedBefore)
}

func (s *store) Change(
	ctx context.Context, scope patients.Scope, id patients.ID, rule func(*domain.Patient) error,
) (changed domain.Patient, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		if changed, err = reasoned(s.db.Write(ctx), scope, r, nil); err != nil {
			return err
		}
		if err := rule(&changed); err != nil {
			return err
		}
		if changed.Version == r.Version {
			return nil
		}
		before := r.MedicalRecordNumber
		if r = rowOf(changed); r.MedicalRecordNumber != "" && r.MedicalRecordNumber != before {
			if err := s.claim(ctx, r); err != nil {
				return err
			}
		}
		one := within(s.db.Write(ctx), scope).Where("id = ?", id)
		return explain(database.Update(one, &r, "id", "owner_id", "created_at"))
	})
	return changed, err
}

func (s *store) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error) {
	var r row
	// The lock of a foreign key: it waits for LockSome and Lock, and is the one that a reference to the patient takes.
	held := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "KEY SHARE"})
	err := held.Where("id = ?", id).Take(&r).Error
	return reasoned(s.db.Write(ctx), scope, r, err)
}

func (s *store) Lock(ctx context.Context, scope patients.Scope, id patients.ID) (ports.Locked, error) {
	var r row
	locked := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "UPDATE"})
	err := locked.Select("id", "owner_id", "version").Where("id = ?", id).Take(&r).Error
	p, err := reasoned(s.db.Write(ctx), scope, r, err)
	return ports.Locked{OwnerID: p.OwnerID, Version: p.Version, Reason: p.Reason}, err
}

func (s *store) Remove(ctx context.Context, scope patients.Scope, id patients.ID) error {
	done := within(s.db.Write(ctx), scope).Where("id = ?", id).Delete(&row{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNotFound
	}
	return s.db.DeleteError(ctx, done.Error, "patients", "patients.Deleted")
}

func (s *store) Count(ctx context.Context, scope patients.Scope, limit int) (int, error) {
	var count int64
	some := within(s.db.Read(ctx).Model(&row{}), scope).Select("1").Limit(limit)
	err := s.db.Read(ctx).Table("(?) AS counted", some).Count(&count).Error
	return int(count), err
}

func (s *store) LockSome(ctx context.Context, scope patients.Scope, limit int) (ids []patients.ID, err error) {
	locked := within(s.db.Write(ctx).Model(&row{}), scope).Clauses(clause.Locking{Strength: "UPDATE"})
	err = locked.Order("created_at, id").Limit(limit).Pluck("id", &ids).Error // as an index has them
	return ids, err
}

func (s *store) RemoveAll(ctx context.Context, scope patients.Scope, ids []patients.ID) error {
	done := database.WhereIn(within(s.db.Write(ctx), scope), "id", ids).Delete(&row{})
	return s.db.DeleteError(ctx, done.Error, "patients", "patients.Deleted")
}

func (s *store) FindContact(ctx context.Context, id patients.ID) (patients.Contact, error) {
	var found []struct {
		Email   string
		OwnerID uuid.UUID
		Account *uuid.UUID
	}
	err := s.db.Read(ctx).Raw(`SELECT p.email, p.owner_id, g.grantee_id AS account FROM patients p
		LEFT JOIN patient_grants g ON g.patient_id = p.id AND g.basis = 'self' WHERE p.id = ?`, id).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = patients.ErrNotFound
	}
	if err != nil {
		return patients.Contact{}, err
	}
	contact := patients.Contact{Email: found[0].Email, Keeper: found[0].OwnerID}
	if found[0].Account != nil {
		contact.Account = *found[0].Account
	}
	return contact, nil
}
