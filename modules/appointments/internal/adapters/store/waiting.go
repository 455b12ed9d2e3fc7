package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// NewWaitingList returns the repository of the waiting list over db.
func NewWaitingList(db *database.DB) ports.WaitingList { return &waitingList{db} }

type waitingList struct{ db *database.DB }

type waitingRow struct {
	ID            domain.WaitingID
	OwnerID       uuid.UUID
	PatientID     patients.ID
	DoctorID      *doctors.ID
	TypeID        domain.TypeID
	FromOn        date
	ToOn          date
	PartOfDay     domain.PartOfDay
	State         domain.WaitingState
	AppointmentID *appointments.ID
	OfferedUntil  database.Time
	Version       int
	CreatedBy     uuid.UUID
	CreatedAt     database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt     database.Time `gorm:"autoUpdateTime:false"` // the domain sets the time
}

func (waitingRow) TableName() string { return "waiting_entries" }

func waitingRowOf(e domain.WaitingEntry) waitingRow {
	return waitingRow{
		ID: e.ID, OwnerID: e.OwnerID, PatientID: e.PatientID, DoctorID: orNull(e.DoctorID), TypeID: e.TypeID,
		FromOn: date(e.From), ToOn: date(e.To), PartOfDay: e.PartOfDay, State: e.State,
		AppointmentID: orNull(e.AppointmentID), OfferedUntil: database.At(e.OfferedUntil), Version: e.Version,
		CreatedBy: e.CreatedBy, CreatedAt: database.At(e.CreatedAt), UpdatedAt: database.At(e.UpdatedAt),
	}
}

func (r waitingRow) entry() domain.WaitingEntry {
	return domain.WaitingEntry{
		ID: r.ID, OwnerID: r.OwnerID, PatientID: r.PatientID, DoctorID: orZero(r.DoctorID), TypeID: r.TypeID,
		From: calendar.Date(r.FromOn), To: calendar.Date(r.ToOn), PartOfDay: r.PartOfDay, State: r.State,
		AppointmentID: orZero(r.AppointmentID), OfferedUntil: r.OfferedUntil.Time, Version: r.Version,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

// explainWaiting maps errors of the database to those of the module.
func explainWaiting(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return appointments.ErrWaitingNotFound
	case database.Violates(err, "waiting_entries_patient_id_fkey"):
		return patients.ErrNotFound.Because(err)
	case database.Violates(err, "waiting_entries_doctor_id_fkey"):
		return doctors.ErrNotFound.Because(err)
	case database.Violates(err, "waiting_entries_type_id_fkey"):
		return appointments.ErrTypeNotFound.Because(err)
	}
	return err
}

func (s *waitingList) Add(ctx context.Context, e domain.WaitingEntry) error {
	r := waitingRowOf(e)
	return explainWaiting(s.db.Write(ctx).Create(&r).Error)
}

func (s *waitingList) Find(ctx context.Context, id domain.WaitingID) (domain.WaitingEntry, error) {
	var r waitingRow
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.entry(), explainWaiting(err)
}

func (s *waitingList) Change(
	ctx context.Context, id domain.WaitingID, rule func(*domain.WaitingEntry) error,
) (changed domain.WaitingEntry, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r waitingRow
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explainWaiting(err)
		}
		changed = r.entry()
		if err := rule(&changed); err != nil || changed.Version == r.Version {
			return err
		}
		return s.update(ctx, changed)
	})
	return changed, err
}

func (s *waitingList) update(ctx context.Context, e domain.WaitingEntry) error {
	r := waitingRowOf(e)
	one := s.db.Write(ctx).Where("id = ?", e.ID)
	return explainWaiting(database.Update(one, &r, "id", "owner_id", "patient_id", "created_by", "created_at"))
}

func (s *waitingList) Follow(
	ctx context.Context, of appointments.ID, rule func(*domain.WaitingEntry),
) (e domain.WaitingEntry, changed bool, err error) {
	var found []waitingRow
	locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
	err = locked.Where("appointment_id = ?", of).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return e, false, err
	}
	e = found[0].entry()
	if rule(&e); e.Version == found[0].Version {
		return e, false, nil
	}
	return e, true, s.update(ctx, e)
}

func (s *waitingList) CountOpen(ctx context.Context, patient patients.ID, at domain.Moment, limit int) (int, error) {
	// An entry whose day has passed may have an offer of a later time.
	q := s.db.Read(ctx).Model(&waitingRow{}).Where("patient_id = ?", patient).
		Where("(state = 'offered' AND offered_until > ? OR state IN ('waiting', 'offered') AND to_on >= ?)",
			database.At(at.Now), date(at.Today))
	return count(ctx, s.db, q, limit)
}

func (s *waitingList) CountOffers(ctx context.Context, user uuid.UUID, now time.Time, limit int) (int, error) {
	return count(ctx, s.db, heldBy(s.db.Read(ctx), user, now).Where(isOffer), limit)
}

// waitingColumns lists the columns by which the list can be ordered.
var waitingColumns = database.Columns[waitingRow]{
	"created_at": func(r waitingRow) any { return r.CreatedAt },
	"id":         func(r waitingRow) any { return r.ID },
}

func (s *waitingList) List(
	ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.WaitingFilter,
	at domain.Moment, request paging.Request,
) (paging.Page[domain.WaitingEntry], error) {
	if filter != (domain.WaitingFilter{}) {
		ctx = database.PlanForValues(ctx)
	}
	db := s.db.Read(ctx)
	matching := func() *gorm.DB { return matchingWaiting(db.Model(&waitingRow{}), filter, at) }
	page, err := database.PageOf(visible{db, scope, except, matching}, request, waitingColumns)
	return paging.Map(page, waitingRow.entry), err
}

func (s *waitingList) ListOf(
	ctx context.Context, filter domain.WaitingFilter, at domain.Moment, request paging.Request,
) (paging.Page[domain.WaitingEntry], error) {
	q := matchingWaiting(s.db.Read(ctx).Model(&waitingRow{}), filter, at)
	page, err := database.Page(q, request, waitingColumns)
	return paging.Map(page, waitingRow.entry), err
}

// matchingWaiting narrows a list to the entries that match the filter.
func matchingWaiting(q *gorm.DB, filter domain.WaitingFilter, at domain.Moment) *gorm.DB {
	if filter.Patient != nil {
		q = q.Where("patient_id = ?", *filter.Patient)
	}
	if filter.State != "" {
		q = inState(q, filter.State, at)
	}
	if fit := filter.Fit; fit != nil {
		q = inState(q, domain.IsWaiting, at).Where("type_id = ?", fit.Type).
			Where("(doctor_id IS NULL OR doctor_id = ?)", orNull(fit.Doctor)).
			Where("from_on <= ? AND to_on >= ?", date(fit.On), date(fit.On)).
			Where("part_of_day IN (?, ?)", domain.AnyPart, fit.PartOfDay)
	}
	return q
}

// inState narrows a list to the entries that have the state at a moment, as domain.WaitingEntry.Settle defines it.
func inState(q *gorm.DB, state domain.WaitingState, at domain.Moment) *gorm.DB {
	const waits = "(state = 'waiting' OR state = 'offered' AND offered_until <= ?)"
	switch state {
	case domain.IsWaiting:
		return q.Where(waits+" AND to_on >= ?", database.At(at.Now), date(at.Today))
	case domain.HasPassed:
		return q.Where(waits+" AND to_on < ?", database.At(at.Now), date(at.Today))
	case domain.IsOffered:
		return q.Where("state = 'offered' AND offered_until > ?", database.At(at.Now))
	default:
		return q.Where("state = ?", state)
	}
}

func (s *waitingList) RemoveAllOfPatients(ctx context.Context, removed []patients.ID) error {
	return database.WhereIn(s.db.Write(ctx), "patient_id", removed).Delete(&waitingRow{}).Error
}

func (s *waitingList) SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) error {
	q := database.WhereIn(s.db.Write(ctx).Model(&waitingRow{}).Where("owner_id <> ?", owner), "patient_id", of)
	return q.Updates(map[string]any{"owner_id": owner}).Error
}

// wholeWaiting returns the rows that a statement changes.
var wholeWaiting = clause.Returning{Columns: []clause.Column{
	{Name: "id"}, {Name: "owner_id"}, {Name: "patient_id"}, {Name: "doctor_id"}, {Name: "type_id"}, {Name: "from_on"},
	{Name: "to_on"}, {Name: "part_of_day"}, {Name: "state"}, {Name: "appointment_id"}, {Name: "offered_until"},
	{Name: "version"}, {Name: "created_by"}, {Name: "created_at"}, {Name: "updated_at"},
}}

func (s *waitingList) ReleaseDoctor(
	ctx context.Context, doctor doctors.ID, now time.Time,
) (ended []domain.WaitingEntry, err error) {
	var rows []waitingRow
	waiting := s.db.Write(ctx).Model(&rows).Clauses(wholeWaiting).
		Where("doctor_id = ? AND state IN ('waiting', 'offered')", doctor)
	err = waiting.Updates(map[string]any{
		"state": domain.HasLeft, "doctor_id": nil, "appointment_id": nil, "offered_until": nil,
		"version": gorm.Expr("version + 1"), "updated_at": database.At(now),
	}).Error
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		ended = append(ended, r.entry())
	}
	others := s.db.Write(ctx).Model(&waitingRow{}).Where("doctor_id = ?", doctor)
	return ended, others.Updates(map[string]any{
		"doctor_id": nil, "version": gorm.Expr("version + 1"), "updated_at": database.At(now),
	}).Error
}
