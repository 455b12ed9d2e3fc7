package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/database/replica"
)

// NewGrants returns the repository of grants in db.
func NewGrants(db *database.DB) ports.Grants { return &grants{db} }

type grants struct{ db *database.DB }

type grantRow struct {
	PatientID patients.ID
	GranteeID uuid.UUID
	Basis     domain.Basis
	SourceID  uuid.UUID
	Level     patients.Level
	GrantedBy uuid.UUID
	GrantedAt database.Time
	ExpiresAt *database.Time

	// Copies of the patient's columns. A trigger writes them when the patient changes.
	PatientCreatedAt database.Time
	PatientUpdatedAt database.Time
	PatientName      string
}

func (grantRow) TableName() string { return "patient_grants" }

func (r grantRow) grant() domain.Grant {
	g := domain.Grant{
		PatientID: r.PatientID, GranteeID: r.GranteeID, Basis: r.Basis, SourceID: r.SourceID, Level: r.Level,
		GrantedBy: r.GrantedBy, GrantedAt: r.GrantedAt.Time,
	}
	if r.ExpiresAt != nil {
		g.ExpiresAt = r.ExpiresAt.Time
	}
	return g
}

func (s *grants) Put(ctx context.Context, grant domain.Grant) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		var patient row
		// The lock keeps changes of the patient waiting, whose trigger would not find the new grant.
		locked := s.db.Write(ctx).Select("created_at", "updated_at", "name").Clauses(clause.Locking{Strength: "SHARE"})
		found := locked.Where("id = ?", grant.PatientID).Limit(1).Find(&patient)
		if found.Error != nil || found.RowsAffected == 0 {
			return found.Error
		}
		r := grantRow{
			PatientID: grant.PatientID, GranteeID: grant.GranteeID, Basis: grant.Basis, SourceID: grant.SourceID,
			Level: grant.Level, GrantedBy: grant.GrantedBy, GrantedAt: database.At(grant.GrantedAt),
			PatientCreatedAt: patient.CreatedAt, PatientUpdatedAt: patient.UpdatedAt, PatientName: patient.Name,
		}
		if !grant.ExpiresAt.IsZero() {
			r.ExpiresAt = new(database.At(grant.ExpiresAt))
		}
		replaced := clause.OnConflict{
			Columns: []clause.Column{
				{Name: "patient_id"}, {Name: "grantee_id"}, {Name: "basis"}, {Name: "source_id"},
			},
			DoUpdates: clause.AssignmentColumns([]string{"level", "expires_at"}),
		}
		replica.Affect(ctx, grant.GranteeID)
		if grant.Basis == domain.Self { // a second one is an answer, and no error in PostgreSQL's log
			inserted, err := database.Insert(s.db.Write(ctx), &r)
			if err == nil && !inserted {
				err = patients.ErrAlreadyClaimed
			}
			return err
		}
		return s.db.Write(ctx).Clauses(replaced).Create(&r).Error
	})
}

func (s *grants) RemoveBySources(
	ctx context.Context, bases []domain.Basis, sources []uuid.UUID,
) ([]domain.Grant, error) {
	return s.remove(ctx, database.WhereIn(s.db.Write(ctx).Where("basis IN ?", bases), "source_id", sources))
}

func (s *grants) Range(
	ctx context.Context, bases []domain.Basis, after, last uuid.UUID,
) ([]ports.StoredGrant, error) {
	var rows []struct {
		Row      grantRow `gorm:"embedded"`
		Outdated bool
	}
	q := s.db.Read(ctx).Table("patient_grants g").Joins("LEFT JOIN patients p ON p.id = g.patient_id").
		Select("g.patient_id", "g.grantee_id", "g.basis", "g.source_id", "g.level", "g.granted_by", "g.granted_at",
			"g.expires_at", "(p.id IS NULL OR g.patient_name <> p.name OR g.patient_created_at <> p.created_at OR "+
				"g.patient_updated_at <> p.updated_at) AS outdated").
		Where("g.basis IN ? AND g.source_id > ?", bases, after)
	if last != uuid.Nil {
		q = q.Where("g.source_id <= ?", last)
	}
	err := q.Order("g.source_id").Find(&rows).Error
	all := make([]ports.StoredGrant, len(rows))
	for i, r := range rows {
		all[i] = ports.StoredGrant{Grant: r.Row.grant(), Outdated: r.Outdated}
	}
	return all, err
}

func (s *grants) RemoveExpired(ctx context.Context, at time.Time, limit int) ([]domain.Grant, error) {
	expired := s.db.Write(ctx).Model(&grantRow{}).Select("patient_id", "grantee_id", "basis", "source_id").
		Where("expires_at <= ?", database.At(at)).Order("expires_at").Limit(limit)
	return s.remove(ctx, s.db.Write(ctx).Where("(patient_id, grantee_id, basis, source_id) IN (?)", expired))
}

func (s *grants) RemoveExpiredOf(ctx context.Context, patient patients.ID, at time.Time) ([]domain.Grant, error) {
	return s.remove(ctx, s.db.Write(ctx).Where("patient_id = ? AND expires_at <= ?", patient, database.At(at)))
}

func (s *grants) CountRepresented(ctx context.Context, user uuid.UUID, at time.Time) (int, error) {
	var count int64
	err := represented(s.db.Write(ctx).Model(&grantRow{}), user, at).Count(&count).Error
	return int(count), err
}

func (s *grants) Represented(ctx context.Context, user uuid.UUID, at time.Time) (ids []patients.ID, err error) {
	held := represented(s.db.Read(ctx).Model(&grantRow{}), user, at)
	err = held.Distinct("patient_id").Order("patient_id").Limit(patients.MaxRepresented).Pluck("patient_id", &ids).Error
	return ids, err
}

// represented narrows a query to the grants with which the user represents patients.
func represented(q *gorm.DB, user uuid.UUID, at time.Time) *gorm.DB {
	return q.Where("grantee_id = ? AND basis IN ?", user, []domain.Basis{domain.Self, domain.Delegate}).
		Where("(expires_at IS NULL OR expires_at > ?)", database.At(at))
}

func (s *grants) RemoveOfPatients(ctx context.Context, ids []patients.ID) ([]domain.Grant, error) {
	return s.remove(ctx, database.WhereIn(s.db.Write(ctx), "patient_id", ids))
}

func (s *grants) RemoveOfGrantee(ctx context.Context, grantee uuid.UUID) ([]domain.Grant, error) {
	return s.remove(ctx, s.db.Write(ctx).Where("grantee_id = ?", grantee))
}

// wholeGrant returns the columns of grants, without the copies.
var wholeGrant = clause.Returning{Columns: []clause.Column{
	{Name: "patient_id"}, {Name: "grantee_id"}, {Name: "basis"}, {Name: "source_id"}, {Name: "level"},
	{Name: "granted_by"}, {Name: "granted_at"}, {Name: "expires_at"},
}}

func (s *grants) remove(ctx context.Context, q *gorm.DB) ([]domain.Grant, error) {
	var ended []grantRow
	err := q.Clauses(wholeGrant).Delete(&ended).Error
	all := make([]domain.Grant, len(ended))
	for i, r := range ended {
		replica.Affect(ctx, r.GranteeID)
		all[i] = r.grant()
	}
	return all, err
}

func (s *grants) Find(ctx context.Context, patient patients.ID, source uuid.UUID) (domain.Grant, error) {
	var rows []grantRow
	found := s.db.Write(ctx).Where("patient_id = ? AND source_id = ?", patient, source).Limit(1).Find(&rows)
	if found.Error != nil {
		return domain.Grant{}, found.Error
	}
	if len(rows) == 0 {
		return domain.Grant{}, patients.ErrNoGrant
	}
	return rows[0].grant(), nil
}

func (s *grants) Remove(ctx context.Context, grant domain.Grant) error {
	replica.Affect(ctx, grant.GranteeID)
	done := s.db.Write(ctx).Where("patient_id = ? AND grantee_id = ? AND basis = ? AND source_id = ?",
		grant.PatientID, grant.GranteeID, grant.Basis, grant.SourceID).Delete(&grantRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNoGrant
	}
	return done.Error
}

func (s *grants) FindRepresenting(
	ctx context.Context, user uuid.UUID, patient patients.ID, at time.Time,
) (domain.Grant, error) {
	held := represented(s.db.Read(ctx).Where("patient_id = ?", patient), user, at)
	var rows []grantRow
	if err := held.Order("basis DESC, source_id").Limit(1).Find(&rows).Error; err != nil {
		return domain.Grant{}, err
	}
	if len(rows) == 0 {
		return domain.Grant{}, patients.ErrNoGrant
	}
	return rows[0].grant(), nil
}

func (s *grants) OfPatient(ctx context.Context, patient patients.ID, at time.Time) ([]domain.Grant, error) {
	var rows []grantRow
	live := s.db.Read(ctx).Where("patient_id = ? AND (expires_at IS NULL OR expires_at > ?)", patient, database.At(at))
	err := live.Order("granted_at, source_id").Find(&rows).Error
	all := make([]domain.Grant, len(rows))
	for i, r := range rows {
		all[i] = r.grant()
	}
	return all, err
}

func (s *grants) OwnerOf(ctx context.Context, patient patients.ID) (uuid.UUID, time.Time, error) {
	var r row
	err := s.db.Read(ctx).Select("owner_id", "created_at").Where("id = ?", patient).Take(&r).Error
	return r.OwnerID, r.CreatedAt.Time, explain(err)
}
