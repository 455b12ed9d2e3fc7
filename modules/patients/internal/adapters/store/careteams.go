package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"healthcare/modules/assignments"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
)

// NewCareTeams returns the repository of care teams in db.
func NewCareTeams(db *database.DB) ports.CareTeams { return &careTeams{db} }

type careTeams struct{ db *database.DB }

type careTeamRow struct {
	DoctorID     uuid.UUID
	PatientID    patients.ID
	AssignmentID assignments.ID
}

func (careTeamRow) TableName() string { return "patient_doctors" }

func (s *careTeams) Put(ctx context.Context, links []assignments.Link) error {
	if len(links) == 0 {
		return nil
	}
	rows := make([]careTeamRow, len(links))
	for i, l := range links {
		rows[i] = careTeamRow{DoctorID: l.Doctor, PatientID: patients.ID{UUID: l.Patient}, AssignmentID: l.ID}
	}
	replaced := clause.OnConflict{
		Columns:   []clause.Column{{Name: "doctor_id"}, {Name: "patient_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"assignment_id"}),
	}
	return s.db.Write(ctx).Clauses(replaced).Create(&rows).Error
}

func (s *careTeams) Remove(ctx context.Context, ids []assignments.ID) error {
	return database.WhereIn(s.db.Write(ctx), "assignment_id", ids).Delete(&careTeamRow{}).Error
}

func (s *careTeams) RemoveOfDoctor(ctx context.Context, doctor uuid.UUID) error {
	return s.db.Write(ctx).Where("doctor_id = ?", doctor).Delete(&careTeamRow{}).Error
}

func (s *careTeams) Range(ctx context.Context, after, last assignments.ID) ([]assignments.Link, error) {
	var rows []careTeamRow
	q := s.db.Read(ctx).Where("assignment_id > ?", after)
	if last != (assignments.ID{}) {
		q = q.Where("assignment_id <= ?", last)
	}
	err := q.Order("assignment_id").Find(&rows).Error
	links := make([]assignments.Link, len(rows))
	for i, r := range rows {
		links[i] = assignments.Link{ID: r.AssignmentID, Patient: r.PatientID.UUID, Doctor: r.DoctorID}
	}
	return links, err
}

func (s *careTeams) Empty(ctx context.Context) (bool, error) {
	var some []careTeamRow
	err := s.db.Read(ctx).Limit(1).Find(&some).Error
	return len(some) == 0, err
}
