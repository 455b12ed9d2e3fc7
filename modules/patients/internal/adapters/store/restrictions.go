package store

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/database/replica"
)

// NewRestrictions returns the repository of restrictions in db.
func NewRestrictions(db *database.DB) ports.Restrictions { return &restrictions{db} }

type restrictions struct{ db *database.DB }

type restrictionRow struct {
	GranteeID uuid.UUID
	PatientID patients.ID
	Kind      domain.RestrictionKind
	SaidBy    uuid.UUID
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
}

func (restrictionRow) TableName() string { return "patient_restrictions" }

func (r restrictionRow) restriction() domain.Restriction {
	return domain.Restriction{
		PatientID: r.PatientID, PartyID: r.GranteeID, Kind: r.Kind, SaidBy: r.SaidBy, CreatedAt: r.CreatedAt.Time,
	}
}

func (s *restrictions) Add(ctx context.Context, r domain.Restriction) error {
	replica.Affect(ctx, r.PartyID)
	inserted, err := database.Insert(s.db.Write(ctx), &restrictionRow{
		GranteeID: r.PartyID, PatientID: r.PatientID, Kind: r.Kind, SaidBy: r.SaidBy,
		CreatedAt: database.At(r.CreatedAt),
	}, "grantee_id", "patient_id")
	if err == nil && !inserted {
		err = patients.ErrAlreadyRestricted
	}
	return err
}

func (s *restrictions) Count(ctx context.Context, patient patients.ID) (int, error) {
	var count int64
	err := s.db.Write(ctx).Model(&restrictionRow{}).Where("patient_id = ?", patient).Count(&count).Error
	return int(count), err
}

func (s *restrictions) OfPatient(ctx context.Context, patient patients.ID) ([]domain.Restriction, error) {
	var rows []restrictionRow
	of := s.db.Read(ctx).Where("patient_id = ?", patient)
	err := of.Order("created_at, grantee_id").Limit(domain.MaxRestrictions).Find(&rows).Error
	all := make([]domain.Restriction, len(rows))
	for i, r := range rows {
		all[i] = r.restriction()
	}
	return all, err
}

func (s *restrictions) Remove(ctx context.Context, patient patients.ID, party uuid.UUID) error {
	replica.Affect(ctx, party)
	done := s.db.Write(ctx).Where("patient_id = ? AND grantee_id = ?", patient, party).Delete(&restrictionRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNoRestriction
	}
	return done.Error
}

func (s *restrictions) RemoveOfParty(ctx context.Context, party uuid.UUID) error {
	return s.db.Write(ctx).Where("grantee_id = ?", party).Delete(&restrictionRow{}).Error
}

func (s *restrictions) RemoveOfPatients(ctx context.Context, party uuid.UUID, ids []patients.ID) (int, error) {
	of := s.db.Write(ctx).Where("grantee_id = ?", party)
	done := database.WhereIn(of, "patient_id", ids).Delete(&restrictionRow{})
	return int(done.RowsAffected), done.Error
}

func (s *restrictions) Restricted(ctx context.Context, scope patients.Scope, limit int) (ids []patients.ID, err error) {
	if !scope.Shared() {
		return nil, nil
	}
	visible := grantsOf(s.db.Read(ctx), scope).Select("1").Where("g.patient_id = r.patient_id")
	of := restrictionsOf(s.db.Read(ctx), scope).Where("EXISTS (?)", visible)
	if colleagues := scope.Colleagues(); colleagues != nil {
		kept := s.db.Read(ctx).Model(&row{}).Select("1").
			Where("patients.id = r.patient_id AND owner_id IN ?", colleagues)
		of = restrictionsOf(s.db.Read(ctx), scope).Where("(EXISTS (?) OR EXISTS (?))", visible, kept)
	}
	of = of.Distinct("r.patient_id").Order("r.patient_id").Limit(limit)
	err = of.Pluck("r.patient_id", &ids).Error
	return ids, err
}
