package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/platform/database"
	"healthcare/platform/timezone"
)

// NewAvailability returns the repository of the availability of doctors over db. Zone is the time zone of the service.
func NewAvailability(db *database.DB, zone *time.Location) ports.Availability {
	return &availability{db: db, zone: zone}
}

type availability struct {
	db   *database.DB
	zone *time.Location
}

type availabilityRow struct {
	DoctorID    doctors.ID
	TimeZone    string
	StepMinutes int
	LeadMinutes int
	HorizonDays int
	Version     int
	UpdatedAt   database.Time `gorm:"autoUpdateTime:false"` // set by the domain
}

func (availabilityRow) TableName() string { return "availability" }

type windowRow struct {
	ID         uuid.UUID
	DoctorID   doctors.ID
	Weekday    time.Weekday
	FromMinute int
	ToMinute   int
	ValidFrom  *date
	ValidTo    *date
	TypeID     *uuid.UUID
}

func (windowRow) TableName() string { return "availability_windows" }

func availabilityRowOf(a domain.Availability) availabilityRow {
	return availabilityRow{
		DoctorID: a.DoctorID, TimeZone: a.TimeZone, StepMinutes: a.Step, LeadMinutes: a.Lead, HorizonDays: a.Horizon,
		Version: a.Version, UpdatedAt: database.At(a.UpdatedAt),
	}
}

func (r availabilityRow) availability() domain.Availability {
	return domain.Availability{
		DoctorID: r.DoctorID, TimeZone: r.TimeZone, Step: r.StepMinutes, Lead: r.LeadMinutes, Horizon: r.HorizonDays,
		Version: r.Version, UpdatedAt: r.UpdatedAt.Time,
	}
}

func windowRowsOf(a domain.Availability) []windowRow {
	rows := make([]windowRow, len(a.Windows))
	for i, w := range a.Windows {
		rows[i] = windowRow{
			ID: uuid.New(), DoctorID: a.DoctorID, Weekday: w.Weekday, FromMinute: w.From, ToMinute: w.To,
			ValidFrom: orNoDate(w.ValidFrom), ValidTo: orNoDate(w.ValidUntil), TypeID: orNull(w.Type),
		}
	}
	return rows
}

func (r windowRow) window() calendar.Window {
	return calendar.Window{
		Weekday: r.Weekday, Minutes: calendar.Minutes{From: r.FromMinute, To: r.ToMinute},
		ValidFrom: (*calendar.Date)(r.ValidFrom), ValidUntil: (*calendar.Date)(r.ValidTo), Type: orZero(r.TypeID),
	}
}

// explainAvailability maps errors of the database to those of the module whose record was removed.
func explainAvailability(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound), // removed with its doctor
		database.Violates(err, "availability_doctor_id_fkey"),
		database.Violates(err, "availability_windows_doctor_id_fkey"),
		database.Violates(err, "availability_exceptions_doctor_id_fkey"):
		return doctors.ErrNotFound.Because(err)
	case database.Violates(err, "availability_windows_type_id_fkey"):
		return appointments.ErrTypeNotFound.Because(err)
	}
	return err
}

// joinedRow is an availability with one of its windows, or with none.
type joinedRow struct {
	Availability availabilityRow `gorm:"embedded"`
	WindowID     *uuid.UUID
	Weekday      time.Weekday
	FromMinute   int
	ToMinute     int
	ValidFrom    *date
	ValidTo      *date
	TypeID       *uuid.UUID
}

func (r joinedRow) window() calendar.Window {
	return windowRow{
		Weekday: r.Weekday, FromMinute: r.FromMinute, ToMinute: r.ToMinute,
		ValidFrom: r.ValidFrom, ValidTo: r.ValidTo, TypeID: r.TypeID,
	}.window()
}

// Find is one statement, so that the windows are those of the version.
func (s *availability) Find(ctx context.Context, doctor doctors.ID) (domain.Availability, error) {
	var rows []joinedRow
	err := s.db.Read(ctx).Model(&availabilityRow{}).
		Select("availability.doctor_id", "time_zone", "step_minutes", "lead_minutes", "horizon_days", "version",
			"updated_at", "w.id AS window_id", "COALESCE(weekday, 0) AS weekday",
			"COALESCE(from_minute, 0) AS from_minute", "COALESCE(to_minute, 0) AS to_minute",
			"valid_from", "valid_to", "type_id").
		Joins("LEFT JOIN availability_windows w ON w.doctor_id = availability.doctor_id").
		Where("availability.doctor_id = ?", doctor).Limit(domain.MaxWindows).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return domain.NewAvailability(doctor), err
	}
	found := rows[0].Availability.availability()
	for _, r := range rows {
		if r.WindowID != nil {
			found.Windows = append(found.Windows, r.window())
		}
	}
	domain.SortWindows(found.Windows)
	return found, nil
}

// lock serialises changes of the availability and of the exceptions of a doctor, or of the holidays if doctor is nil.
// There may be no row yet that could be locked.
func (s *availability) lock(ctx context.Context, doctor *doctors.ID) error {
	if doctor == nil {
		return s.db.Lock(ctx, "holidays")
	}
	return s.db.Lock(ctx, "availability of doctor "+doctor.String())
}

func (s *availability) Replace(
	ctx context.Context, doctor doctors.ID, rule func(*domain.Availability) error,
) (changed domain.Availability, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, &doctor); err != nil {
			return err
		}
		before, err := s.Find(ctx, doctor)
		if err != nil {
			return err
		}
		changed = before
		if err := rule(&changed); err != nil || changed.Version == before.Version {
			return err
		}
		return explainAvailability(s.write(ctx, changed, before.Version == 0))
	})
	return changed, err
}

func (s *availability) write(ctx context.Context, a domain.Availability, isNew bool) error {
	r := availabilityRowOf(a)
	if isNew {
		if err := s.db.Write(ctx).Create(&r).Error; err != nil {
			return err
		}
	} else {
		one := s.db.Write(ctx).Where("doctor_id = ?", r.DoctorID)
		if err := database.Update(one, &r, "doctor_id"); err != nil {
			return err
		}
		if err := s.db.Write(ctx).Where("doctor_id = ?", r.DoctorID).Delete(&windowRow{}).Error; err != nil {
			return err
		}
	}
	rows := windowRowsOf(a)
	if len(rows) == 0 {
		return nil
	}
	return s.db.Write(ctx).Create(&rows).Error
}

func (s *availability) Zone(ctx context.Context, doctor *doctors.ID) (*time.Location, error) {
	if doctor == nil {
		return s.zone, nil
	}
	var rows []availabilityRow
	err := s.db.Read(ctx).Select("time_zone").Where("doctor_id = ?", *doctor).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return s.zone, err
	}
	return s.zoneOf(rows[0].TimeZone)
}

// zoneOf returns the time zone of a name, that of the service for "". Errors: plain, for a stored zone that this
// program does not know. Hours in another zone would be wrong.
func (s *availability) zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return s.zone, nil
	}
	zone, err := timezone.Load(name)
	if err != nil {
		return nil, fmt.Errorf("load the time zone of a doctor: %w", err)
	}
	return zone, nil
}

func (s *availability) Open(ctx context.Context, limit int) (ids []doctors.ID, err error) {
	q := s.db.Read(ctx).Model(&windowRow{}).Distinct("doctor_id").Order("doctor_id").Limit(limit)
	return ids, q.Pluck("doctor_id", &ids).Error
}

// margin is the number of days before and after the asked ones whose windows and exceptions have an effect on them:
// hours and closures may last until 24 hours after the date on which they begin.
const margin = 2

// hoursRow is an availability with one of its windows, or with none. As a row of its own it is scanned without
// reflection on each value.
type hoursRow struct {
	DoctorID    doctors.ID
	TimeZone    string
	StepMinutes int
	LeadMinutes int
	HorizonDays int
	WindowID    *uuid.UUID
	Weekday     time.Weekday
	FromMinute  int
	ToMinute    int
	ValidFrom   *date
	ValidTo     *date
	TypeID      *uuid.UUID
}

func (hoursRow) TableName() string { return "availability" }

func (s *availability) Rules(
	ctx context.Context, of []doctors.ID, first, last calendar.Date,
) (map[doctors.ID]calendar.Rules, error) {
	rules := make(map[doctors.ID]calendar.Rules, len(of))
	for _, doctor := range of {
		a := domain.NewAvailability(doctor)
		rules[doctor] = calendar.Rules{Zone: s.zone, Step: a.Step, Lead: a.Lead, Horizon: a.Horizon}
	}
	from, to := date(first.AddDays(-margin)), date(last.AddDays(margin))
	if err := s.addHours(ctx, rules, of, from, to); err != nil {
		return nil, err
	}
	return rules, s.addExceptions(ctx, rules, of, from, to)
}

// addHours adds the availability of the doctors to rules, with the windows valid on some of the days from..to.
func (s *availability) addHours(
	ctx context.Context, rules map[doctors.ID]calendar.Rules, of []doctors.ID, from, to date,
) error {
	var rows []hoursRow
	q := s.db.Read(ctx).
		Select("availability.doctor_id", "time_zone", "step_minutes", "lead_minutes", "horizon_days",
			"w.id AS window_id", "COALESCE(weekday, 0) AS weekday", "COALESCE(from_minute, 0) AS from_minute",
			"COALESCE(to_minute, 0) AS to_minute", "valid_from", "valid_to", "type_id").
		Joins("LEFT JOIN availability_windows w ON w.doctor_id = availability.doctor_id "+
			"AND (valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to >= ?)", to, from)
	if err := database.WhereIn(q, "availability.doctor_id", of).Find(&rows).Error; err != nil {
		return err
	}
	for _, row := range rows {
		zone, err := s.zoneOf(row.TimeZone)
		if err != nil {
			return err
		}
		r := rules[row.DoctorID]
		r.Zone, r.Step, r.Lead, r.Horizon = zone, row.StepMinutes, row.LeadMinutes, row.HorizonDays
		if row.WindowID != nil {
			r.Windows = append(r.Windows, windowRow{
				Weekday: row.Weekday, FromMinute: row.FromMinute, ToMinute: row.ToMinute,
				ValidFrom: row.ValidFrom, ValidTo: row.ValidTo, TypeID: row.TypeID,
			}.window())
		}
		rules[row.DoctorID] = r
	}
	return nil
}

// addExceptions adds the exceptions of the doctors and the holidays of the days from..to to rules.
func (s *availability) addExceptions(
	ctx context.Context, rules map[doctors.ID]calendar.Rules, of []doctors.ID, from, to date,
) error {
	during := func() *gorm.DB {
		return s.db.Read(ctx).Model(&exceptionRow{}).Where("ends_on >= ? AND starts_on <= ?", from, to)
	}
	both := database.UnionAll(database.WhereIn(during(), "doctor_id", of), during().Where("doctor_id IS NULL"))
	var rows []exceptionRow
	if err := s.db.Read(ctx).Table("(?) AS exceptions", both).Find(&rows).Error; err != nil {
		return err
	}
	for _, row := range rows {
		e := row.exception()
		if e.DoctorID != nil {
			r := rules[*e.DoctorID]
			r.Exceptions = append(r.Exceptions, e.Exception)
			rules[*e.DoctorID] = r
			continue
		}
		for doctor, r := range rules {
			r.Exceptions = append(r.Exceptions, e.Exception)
			rules[doctor] = r
		}
	}
	return nil
}
