package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/database/replica"
	"healthcare/platform/paging"
)

// NewEmergencies returns the repository of emergency accesses in db.
func NewEmergencies(db *database.DB) ports.Emergencies { return &emergencies{db} }

type emergencies struct{ db *database.DB }

type emergencyRow struct {
	ID          domain.EmergencyID
	PatientID   patients.ID
	UserID      uuid.UUID
	Reason      string
	Explanation string
	OpenedAt    database.Time
	Until       database.Time
	EndedAt     *database.Time
	Verdict     *domain.Verdict
	Note        string
	ReviewedBy  *uuid.UUID
	ReviewedAt  *database.Time
	Version     int
}

func (emergencyRow) TableName() string { return "emergency_accesses" }

func emergencyRowOf(e domain.Emergency) emergencyRow {
	r := emergencyRow{
		ID: e.ID, PatientID: e.PatientID, UserID: e.UserID, Reason: e.Reason, Explanation: e.Explanation,
		OpenedAt: database.At(e.OpenedAt), Until: database.At(e.Until), Note: e.Note, Version: e.Version,
	}
	if !e.EndedAt.IsZero() {
		r.EndedAt = new(database.At(e.EndedAt))
	}
	if e.Verdict != "" {
		r.Verdict, r.ReviewedBy, r.ReviewedAt = &e.Verdict, &e.ReviewedBy, new(database.At(e.ReviewedAt))
	}
	return r
}

func (r emergencyRow) emergency() domain.Emergency {
	e := domain.Emergency{
		ID: r.ID, PatientID: r.PatientID, UserID: r.UserID, Reason: r.Reason, Explanation: r.Explanation,
		OpenedAt: r.OpenedAt.Time, Until: r.Until.Time, Note: r.Note, Version: r.Version,
	}
	if r.EndedAt != nil {
		e.EndedAt = r.EndedAt.Time
	}
	if r.Verdict != nil && r.ReviewedBy != nil && r.ReviewedAt != nil {
		e.Verdict, e.ReviewedBy, e.ReviewedAt = *r.Verdict, *r.ReviewedBy, r.ReviewedAt.Time
	}
	return e
}

func (s *emergencies) Open(ctx context.Context, e domain.Emergency) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		// The only statement that finds a patient of no scope. The lock keeps a removal waiting.
		var id patients.ID
		exists := s.db.Write(ctx).Model(&row{}).Clauses(clause.Locking{Strength: "KEY SHARE"}).Select("id")
		if err := exists.Where("id = ?", e.PatientID).Take(&id).Error; err != nil {
			return explain(err)
		}
		replica.Affect(ctx, e.UserID)
		return s.db.Write(ctx).Create(new(emergencyRowOf(e))).Error
	})
}

func (s *emergencies) OpenOf(ctx context.Context, user uuid.UUID, at time.Time) ([]domain.Emergency, error) {
	var rows []emergencyRow
	open := s.db.Write(ctx).Where("user_id = ? AND ended_at IS NULL AND until > ?", user, database.At(at))
	err := open.Find(&rows).Error
	return emergenciesIn(rows), err
}

func (s *emergencies) OpenOfPatient(
	ctx context.Context, patient patients.ID, at time.Time,
) ([]domain.Emergency, error) {
	var rows []emergencyRow
	open := s.db.Read(ctx).Where("patient_id = ? AND ended_at IS NULL AND until > ?", patient, database.At(at))
	err := open.Order("opened_at, id").Find(&rows).Error
	return emergenciesIn(rows), err
}

func emergenciesIn(rows []emergencyRow) []domain.Emergency {
	all := make([]domain.Emergency, len(rows))
	for i, r := range rows {
		all[i] = r.emergency()
	}
	return all
}

func (s *emergencies) Find(ctx context.Context, id domain.EmergencyID) (domain.Emergency, error) {
	var r emergencyRow
	err := explainEmergency(s.db.Read(ctx).Where("id = ?", id).Take(&r).Error)
	return r.emergency(), err
}

func explainEmergency(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return patients.ErrNoEmergency
	}
	return err
}

// emergencyColumns lists the columns by which the list can be ordered.
var emergencyColumns = database.Columns[emergencyRow]{
	"opened_at": func(r emergencyRow) any { return r.OpenedAt },
	"id":        func(r emergencyRow) any { return r.ID },
}

func (s *emergencies) List(
	ctx context.Context, filter domain.EmergencyFilter, request paging.Request,
) (paging.Page[domain.Emergency], error) {
	q := s.db.Read(ctx)
	if filter.User != nil {
		q = q.Where("user_id = ?", *filter.User)
	}
	if filter.Patient != nil {
		q = q.Where("patient_id = ?", *filter.Patient)
	}
	switch {
	case filter.Reviewed == nil:
	case *filter.Reviewed:
		q = q.Where("reviewed_at IS NOT NULL")
	default:
		q = q.Where("reviewed_at IS NULL")
	}
	page, err := database.Page(q, request, emergencyColumns)
	return paging.Map(page, emergencyRow.emergency), err
}

func (s *emergencies) Change(
	ctx context.Context, id domain.EmergencyID, rule func(*domain.Emergency) error,
) (changed domain.Emergency, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r emergencyRow
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explainEmergency(err)
		}
		changed = r.emergency()
		if err := rule(&changed); err != nil || changed.Version == r.Version {
			return err
		}
		replica.Affect(ctx, r.UserID)
		r = emergencyRowOf(changed)
		one := s.db.Write(ctx).Where("id = ?", id)
		return database.Update(one, &r, "id", "patient_id", "user_id", "reason", "explanation", "opened_at", "until")
	})
	return changed, err
}
