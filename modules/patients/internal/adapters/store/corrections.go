package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// NewCorrections returns the repository of corrections in db.
func NewCorrections(db *database.DB) ports.Corrections { return &corrections{db} }

type corrections struct{ db *database.DB }

type correctionRow struct {
	ID        domain.CorrectionID
	PatientID patients.ID
	Field     string
	Value     string
	Because   string
	AskedBy   uuid.UUID
	AskedAt   database.Time
	State     domain.CorrectionState
	Note      string
	DecidedBy *uuid.UUID
	DecidedAt *database.Time
	Version   int
}

func (correctionRow) TableName() string { return "patient_corrections" }

func correctionRowOf(c domain.Correction) correctionRow {
	r := correctionRow{
		ID: c.ID, PatientID: c.PatientID, Field: c.Field, Value: c.Value, Because: c.Because, AskedBy: c.AskedBy,
		AskedAt: database.At(c.AskedAt), State: c.State, Note: c.Note, Version: c.Version,
	}
	if c.State != domain.Pending {
		r.DecidedBy, r.DecidedAt = &c.DecidedBy, new(database.At(c.DecidedAt))
	}
	return r
}

func (r correctionRow) correction() domain.Correction {
	c := domain.Correction{
		ID: r.ID, PatientID: r.PatientID, Field: r.Field, Value: r.Value, Because: r.Because, AskedBy: r.AskedBy,
		AskedAt: r.AskedAt.Time, State: r.State, Note: r.Note, Version: r.Version,
	}
	if r.DecidedBy != nil && r.DecidedAt != nil {
		c.DecidedBy, c.DecidedAt = *r.DecidedBy, r.DecidedAt.Time
	}
	return c
}

func (s *corrections) Add(ctx context.Context, correction domain.Correction) error {
	r := correctionRowOf(correction)
	return s.db.Write(ctx).Create(&r).Error
}

func (s *corrections) Find(
	ctx context.Context, patient patients.ID, id domain.CorrectionID,
) (domain.Correction, error) {
	var rows []correctionRow
	found := ofCorrection(s.db.Read(ctx), patient, id).Limit(1).Find(&rows)
	if found.Error != nil {
		return domain.Correction{}, found.Error
	}
	if len(rows) == 0 {
		return domain.Correction{}, patients.ErrNoCorrection
	}
	return rows[0].correction(), nil
}

// ofCorrection narrows a statement to one correction of the patient.
func ofCorrection(q *gorm.DB, patient patients.ID, id domain.CorrectionID) *gorm.DB {
	return q.Where("id = ? AND patient_id = ?", id, patient)
}

// correctionColumns lists the columns by which the list can be ordered.
var correctionColumns = database.Columns[correctionRow]{
	"asked_at": func(r correctionRow) any { return r.AskedAt },
	"id":       func(r correctionRow) any { return r.ID },
}

func (s *corrections) List(
	ctx context.Context, patient patients.ID, request paging.Request,
) (paging.Page[domain.Correction], error) {
	page, err := database.Page(s.db.Read(ctx).Where("patient_id = ?", patient), request, correctionColumns)
	return paging.Map(page, correctionRow.correction), err
}

func (s *corrections) CountPending(ctx context.Context, patient patients.ID) (int, error) {
	var count int64
	pending := s.db.Read(ctx).Model(&correctionRow{}).Where("patient_id = ? AND state = ?", patient, domain.Pending)
	err := pending.Count(&count).Error
	return int(count), err
}

func (s *corrections) Change(ctx context.Context, decided domain.Correction) error {
	r := correctionRowOf(decided)
	one := ofCorrection(s.db.Write(ctx), decided.PatientID, decided.ID)
	err := database.Update(one, &r, "id", "patient_id", "field", "value", "because", "asked_by", "asked_at")
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return patients.ErrNoCorrection
	}
	return err
}

func (s *corrections) Remove(ctx context.Context, patient patients.ID, id domain.CorrectionID) error {
	done := ofCorrection(s.db.Write(ctx), patient, id).Delete(&correctionRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNoCorrection
	}
	return done.Error
}
