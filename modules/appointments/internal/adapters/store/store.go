// Package store stores appointments, their types and the availability of doctors in the database, with the same code
// for both engines.
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
)

// New returns the repository of appointments over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID             appointments.ID
	OwnerID        uuid.UUID
	PatientID      patients.ID
	DoctorID       *doctors.ID
	DoctorName     string
	TypeID         domain.TypeID
	SeriesID       *uuid.UUID
	SessionID      uuid.UUID
	Seat           int
	StartsAt       database.Time
	EndsAt         database.Time
	BlocksFrom     database.Time
	BlocksTo       database.Time
	LocalStart     string
	TimeZone       string
	Status         appointments.Status
	Overbooked     bool
	OverbookReason string
	Reason         string
	CancelReason   string
	ExpiresAt      database.Time
	Sequence       int
	Version        int
	CreatedBy      uuid.UUID
	CreatedAt      database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      database.Time `gorm:"autoUpdateTime:false"` // the domain sets the time
}

func (row) TableName() string { return "appointments" }

// orNull returns nil for the zero id, which is stored as NULL.
func orNull[ID comparable](id ID) *ID {
	if id == *new(ID) {
		return nil
	}
	return &id
}

// orZero returns the zero id for NULL.
func orZero[ID any](id *ID) (value ID) {
	if id != nil {
		value = *id
	}
	return value
}

func rowOf(a domain.Appointment) row {
	return row{
		ID: a.ID, OwnerID: a.OwnerID, PatientID: a.PatientID, DoctorID: orNull(a.DoctorID), DoctorName: a.DoctorName,
		TypeID: a.TypeID, SeriesID: orNull(a.SeriesID), SessionID: a.SessionID, Seat: a.Seat,
		StartsAt: database.At(a.StartsAt), EndsAt: database.At(a.EndsAt),
		BlocksFrom: database.At(a.BlocksFrom), BlocksTo: database.At(a.BlocksTo),
		LocalStart: a.LocalStart, TimeZone: a.TimeZone, Status: a.Status,
		Overbooked: a.Overbooked, OverbookReason: a.OverbookReason, Reason: a.Reason, CancelReason: a.CancelReason,
		ExpiresAt: database.At(a.ExpiresAt), Sequence: a.Sequence, Version: a.Version, CreatedBy: a.CreatedBy,
		CreatedAt: database.At(a.CreatedAt), UpdatedAt: database.At(a.UpdatedAt),
	}
}

func (r row) appointment() domain.Appointment {
	return domain.Appointment{
		ID: r.ID, OwnerID: r.OwnerID, PatientID: r.PatientID, DoctorID: orZero(r.DoctorID), DoctorName: r.DoctorName,
		TypeID: r.TypeID, SeriesID: orZero(r.SeriesID), SessionID: r.SessionID, Seat: r.Seat,
		StartsAt: r.StartsAt.Time, EndsAt: r.EndsAt.Time, BlocksFrom: r.BlocksFrom.Time, BlocksTo: r.BlocksTo.Time,
		LocalStart: r.LocalStart, TimeZone: r.TimeZone, Status: r.Status,
		Overbooked: r.Overbooked, OverbookReason: r.OverbookReason, Reason: r.Reason, CancelReason: r.CancelReason,
		ExpiresAt: r.ExpiresAt.Time, Sequence: r.Sequence, Version: r.Version, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func appointmentsOf(rows []row) []domain.Appointment {
	all := make([]domain.Appointment, len(rows))
	for i, r := range rows {
		all[i] = r.appointment()
	}
	return all
}

// explain maps errors of the database to those of the module whose rule was violated.
func explain(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return appointments.ErrNotFound
	case database.Violates(err, "appointments_doctor_id_excl"):
		return appointments.ErrSlotTaken.Because(err)
	case database.Violates(err, "appointments_patient_id_excl"):
		return appointments.ErrPatientBusy.Because(err)
	case database.Violates(err, "appointments_session_id_seat_key"):
		return appointments.ErrSessionFull.Because(err)
	case database.Violates(err, "appointments_patient_id_fkey"):
		return patients.ErrNotFound.Because(err)
	case database.Violates(err, "appointments_doctor_id_fkey"):
		return doctors.ErrNotFound.Because(err)
	case database.Violates(err, "appointments_type_id_fkey"):
		return appointments.ErrTypeNotFound.Because(err)
	}
	return err
}

func (s *store) Lock(ctx context.Context, of []doctors.ID, patient patients.ID, user uuid.UUID) error {
	names := []string{"appointments of patient " + patient.String()}
	for _, doctor := range of {
		names = append(names, "appointments of doctor "+doctor.String())
	}
	if user != uuid.Nil {
		names = append(names, "reservations of user "+user.String())
	}
	return s.db.Lock(ctx, names...)
}

// WritesAlone is true on SQLite, where writing transactions run one after the other.
func (s *store) WritesAlone() bool { return s.db.Engine() == database.SQLite }

func (s *store) Add(ctx context.Context, a domain.Appointment) error {
	r := rowOf(a)
	return explain(s.db.Write(ctx).Create(&r).Error)
}

func (s *store) Find(ctx context.Context, id appointments.ID) (domain.Appointment, error) {
	var r row
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.appointment(), explain(err)
}

func (s *store) Change(
	ctx context.Context, id appointments.ID, rule func(*domain.Appointment) error,
) (changed domain.Appointment, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := s.db.Write(ctx).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.appointment()
		if err := rule(&changed); err != nil || changed.Version == r.Version {
			return err
		}
		r = rowOf(changed)
		one := s.db.Write(ctx).Where("id = ?", id)
		return explain(database.Update(one, &r, "id", "owner_id", "patient_id", "created_by", "created_at"))
	})
	return changed, err
}

// active selects rows as the condition of the indexes of busy times does: the planner compares the texts.
const active = "status IN ('held', 'pending', 'booked', 'arrived')"

// The lower bounds of the starts serve the indexes: no row takes more than domain.MaxBlock.
const (
	blocking = active + " AND blocks_from < ? AND blocks_from > ? AND blocks_to > ?"
	visiting = active + " AND starts_at < ? AND starts_at > ? AND ends_at > ?"
)

// unexpired omits reservations that have expired.
const unexpired = "(expires_at IS NULL OR expires_at > ?)"

// overlapping returns the values of blocking and visiting for the time from..to.
func overlapping(from, to time.Time) (before, after, until database.Time) {
	return database.At(to), database.At(from.Add(-domain.MaxBlock)), database.At(from)
}

// takenRow is the time that an appointment takes of its doctor and of its patient.
type takenRow struct {
	ID         appointments.ID
	PatientID  patients.ID
	DoctorID   *doctors.ID
	SessionID  uuid.UUID
	Seat       int
	StartsAt   database.Time
	EndsAt     database.Time
	BlocksFrom database.Time
	BlocksTo   database.Time
	Status     appointments.Status
	ExpiresAt  database.Time
	OfDoctor   bool // as opposed to of the patient
}

const takenColumns = "id, patient_id, doctor_id, session_id, seat, starts_at, ends_at, blocks_from, blocks_to, " +
	"status, expires_at"

func (r takenRow) appointment() domain.Appointment {
	return domain.Appointment{
		ID: r.ID, PatientID: r.PatientID, DoctorID: orZero(r.DoctorID), SessionID: r.SessionID, Seat: r.Seat,
		StartsAt: r.StartsAt.Time, EndsAt: r.EndsAt.Time, BlocksFrom: r.BlocksFrom.Time, BlocksTo: r.BlocksTo.Time,
		Status: r.Status, ExpiresAt: r.ExpiresAt.Time,
	}
}

func (s *store) Busy(
	ctx context.Context, a domain.Appointment, limit int,
) (ofDoctor, ofPatient []domain.Appointment, err error) {
	before, after, until := overlapping(a.BlocksFrom, a.BlocksTo)
	doctor := s.db.Write(ctx).Model(&row{}).Select(takenColumns+", TRUE AS of_doctor").
		Where("doctor_id = ?", a.DoctorID).Where(blocking, before, after, until).Order("blocks_from").Limit(limit)
	before, after, until = overlapping(a.StartsAt, a.EndsAt)
	patient := s.db.Write(ctx).Model(&row{}).Select(takenColumns+", FALSE AS of_doctor").
		Where("patient_id = ?", a.PatientID).Where(visiting, before, after, until).Order("starts_at").Limit(limit)
	var rows []takenRow
	if err := database.UnionAll(doctor, patient).Find(&rows).Error; err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		if r.OfDoctor {
			ofDoctor = append(ofDoctor, r.appointment())
		} else {
			ofPatient = append(ofPatient, r.appointment())
		}
	}
	return ofDoctor, ofPatient, nil
}

// blockRow is the time that an appointment takes of its doctor. Only columns of the index of the doctor's busy times
// are read.
type blockRow struct {
	DoctorID   doctors.ID
	BlocksFrom database.Time
	BlocksTo   database.Time
	SessionID  uuid.UUID
}

func (blockRow) TableName() string { return "appointments" }

// visitRow is the time that an appointment takes of its patient. Only columns of the index of the patient's busy times
// are read.
type visitRow struct {
	StartsAt database.Time
	EndsAt   database.Time
}

func (visitRow) TableName() string { return "appointments" }

func (s *store) BusyTimes(
	ctx context.Context, of []doctors.ID, patient *patients.ID, from, to, now time.Time,
) (blocks map[doctors.ID][]calendar.Busy, visits []calendar.Busy, err error) {
	before, after, until := overlapping(from, to)
	var blocked []blockRow
	q := database.WhereIn(s.db.Read(ctx), "doctor_id", of).Where(blocking, before, after, until).
		Where(unexpired, database.At(now))
	if err := q.Order("doctor_id, blocks_from").Find(&blocked).Error; err != nil {
		return nil, nil, err
	}
	blocks = make(map[doctors.ID][]calendar.Busy, len(of))
	for _, r := range blocked {
		blocks[r.DoctorID] = append(blocks[r.DoctorID], calendar.Busy{
			From: r.BlocksFrom.Time, To: r.BlocksTo.Time, Session: r.SessionID,
		})
	}
	if patient == nil {
		return blocks, nil, nil
	}
	var visited []visitRow
	q = s.db.Read(ctx).Where("patient_id = ?", *patient).Where(visiting, before, after, until).
		Where(unexpired, database.At(now))
	if err := q.Order("starts_at").Find(&visited).Error; err != nil {
		return nil, nil, err
	}
	for _, r := range visited {
		visits = append(visits, calendar.Busy{From: r.StartsAt.Time, To: r.EndsAt.Time})
	}
	return blocks, visits, nil
}

// wholeAppointment returns every column of the changed rows.
var wholeAppointment = clause.Returning{Columns: []clause.Column{
	{Name: "id"}, {Name: "owner_id"}, {Name: "patient_id"}, {Name: "doctor_id"}, {Name: "doctor_name"},
	{Name: "type_id"}, {Name: "series_id"}, {Name: "session_id"}, {Name: "seat"}, {Name: "starts_at"},
	{Name: "ends_at"}, {Name: "blocks_from"}, {Name: "blocks_to"}, {Name: "local_start"}, {Name: "time_zone"},
	{Name: "status"}, {Name: "overbooked"}, {Name: "overbook_reason"}, {Name: "reason"}, {Name: "cancel_reason"},
	{Name: "expires_at"}, {Name: "sequence"}, {Name: "version"}, {Name: "created_by"}, {Name: "created_at"},
	{Name: "updated_at"},
}}

func (s *store) ExpireAll(
	ctx context.Context, ids []appointments.ID, now time.Time,
) ([]domain.Appointment, error) {
	var rows []row
	due := s.db.Write(ctx).Model(&rows).Clauses(wholeAppointment).
		Where("status = 'held' AND expires_at <= ?", database.At(now))
	err := database.WhereIn(due, "id", ids).Updates(map[string]any{
		"status": appointments.Expired, "expires_at": nil, "version": gorm.Expr("version + 1"),
		"updated_at": database.At(now),
	}).Error
	return appointmentsOf(rows), err
}

func (s *store) Expire(ctx context.Context, now time.Time, limit int) (all []domain.Appointment, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var rows []row
		due := s.db.Write(ctx).Model(&row{}).Select("id").
			Where("expires_at IS NOT NULL AND expires_at <= ?", database.At(now)).
			Order("expires_at, id").Limit(limit).
			Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
		q := s.db.Write(ctx).Model(&rows).Clauses(wholeAppointment).Where("id IN (?)", due)
		err := q.Updates(map[string]any{
			"status": appointments.Expired, "expires_at": nil, "version": gorm.Expr("version + 1"),
			"updated_at": database.At(now),
		}).Error
		all = appointmentsOf(rows)
		return err
	})
	return all, err
}

func (s *store) CountHolds(ctx context.Context, user uuid.UUID, now time.Time, limit int) (int, error) {
	return count(ctx, s.db, heldBy(s.db.Read(ctx), user, now).Where("NOT "+isOffer), limit)
}

// isOffer selects reservations that are offers of the waiting list.
const isOffer = "EXISTS (SELECT 1 FROM waiting_entries WHERE appointment_id = appointments.id)"

// heldBy queries the user's reservations that have not expired at now.
func heldBy(db *gorm.DB, user uuid.UUID, now time.Time) *gorm.DB {
	return db.Model(&row{}).Where("created_by = ? AND status = 'held' AND expires_at > ?", user, database.At(now))
}

func (s *store) CountOpen(ctx context.Context, patient patients.ID, now time.Time, limit int) (int, error) {
	q := s.db.Read(ctx).Model(&row{}).
		Where("patient_id = ? AND "+active+" AND ends_at > ?", patient, database.At(now)).
		Where("starts_at > ?", database.At(now.Add(-domain.MaxBlock))). // serves the index, as in busy
		Where(unexpired, database.At(now))
	return count(ctx, s.db, q, limit)
}

// count returns the number of rows of q, at most limit.
func count(ctx context.Context, db *database.DB, q *gorm.DB, limit int) (int, error) {
	var count int64
	err := db.Read(ctx).Table("(?) AS counted", q.Select("1").Limit(limit)).Count(&count).Error
	return int(count), err
}

func (s *store) OfSeries(
	ctx context.Context, series uuid.UUID, from time.Time, limit int,
) ([]domain.Appointment, error) {
	var rows []row
	err := s.db.Read(ctx).Where("series_id = ? AND starts_at >= ?", series, database.At(from)).
		Order("starts_at, id").Limit(limit).Find(&rows).Error
	return appointmentsOf(rows), err
}

func (s *store) RemoveAllOfPatients(ctx context.Context, removed []patients.ID) error {
	return database.WhereIn(s.db.Write(ctx), "patient_id", removed).Delete(&row{}).Error
}

func (s *store) SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) error {
	q := database.WhereIn(s.db.Write(ctx).Model(&row{}).Where("owner_id <> ?", owner), "patient_id", of)
	return q.Updates(map[string]any{"owner_id": owner}).Error
}

func (s *store) HasOpen(ctx context.Context, doctor doctors.ID, now time.Time) (bool, error) {
	var found []row
	err := s.db.Read(ctx).Select("id").
		Where("doctor_id = ? AND "+active+" AND ends_at > ?", doctor, database.At(now)).
		Where("blocks_from > ?", database.At(now.Add(-domain.MaxBlock))). // serves the index, as in busy
		Where(unexpired, database.At(now)).Limit(1).Find(&found).Error
	return len(found) > 0, err
}

func (s *store) ReleaseDoctor(ctx context.Context, doctor doctors.ID, name string, now time.Time) error {
	return s.db.Write(ctx).Model(&row{}).Where("doctor_id = ?", doctor).Updates(map[string]any{
		"doctor_id": nil, "doctor_name": name, "version": gorm.Expr("version + 1"), "updated_at": database.At(now),
	}).Error
}

func (s *store) Future(
	ctx context.Context, now time.Time, after appointments.ID, limit int,
) ([]domain.Appointment, error) {
	var rows []row
	err := s.db.Read(ctx).Where(active+" AND starts_at > ? AND id > ?", database.At(now), after).
		Order("id").Limit(limit).Find(&rows).Error
	return appointmentsOf(rows), err
}
