package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

type exceptionRow struct {
	ID         domain.ExceptionID
	DoctorID   *doctors.ID
	StartsOn   date
	EndsOn     date
	FromMinute *int
	ToMinute   *int
	Kind       string
	Note       string
	CreatedBy  uuid.UUID
	CreatedAt  database.Time `gorm:"autoCreateTime:false"`
}

func (exceptionRow) TableName() string { return "availability_exceptions" }

func exceptionRowOf(e domain.Exception) exceptionRow {
	r := exceptionRow{
		ID: e.ID, DoctorID: e.DoctorID, StartsOn: date(e.From), EndsOn: date(e.To), Kind: e.KindName(), Note: e.Note,
		CreatedBy: e.CreatedBy, CreatedAt: database.At(e.CreatedAt),
	}
	if e.Minutes != nil {
		r.FromMinute, r.ToMinute = &e.Minutes.From, &e.Minutes.To
	}
	return r
}

func (r exceptionRow) exception() domain.Exception {
	e := domain.Exception{
		ID: r.ID, DoctorID: r.DoctorID, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.Time,
		Exception: calendar.Exception{
			From: calendar.Date(r.StartsOn), To: calendar.Date(r.EndsOn), Hours: r.Kind == domain.Hours,
			Practice: r.DoctorID == nil,
		},
	}
	if r.FromMinute != nil {
		e.Minutes = &calendar.Minutes{From: *r.FromMinute, To: *r.ToMinute}
	}
	return e
}

// exceptionsOf narrows q to the exceptions of the doctor, or to the holidays if doctor is nil.
func exceptionsOf(q *gorm.DB, doctor *doctors.ID) *gorm.DB {
	if doctor == nil {
		return q.Where("doctor_id IS NULL")
	}
	return q.Where("doctor_id = ?", *doctor)
}

func (s *availability) AddException(ctx context.Context, e domain.Exception, today calendar.Date) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, e.DoctorID); err != nil {
			return err
		}
		open := exceptionsOf(s.db.Write(ctx).Model(&exceptionRow{}), e.DoctorID).Where("ends_on >= ?", date(today))
		var count int64
		err := s.db.Write(ctx).Table("(?) AS open", open.Select("id").Limit(domain.MaxExceptions)).Count(&count).Error
		if err != nil {
			return err
		}
		if count >= domain.MaxExceptions {
			return appointments.ErrTooManyExceptions
		}
		r := exceptionRowOf(e)
		return explainAvailability(s.db.Write(ctx).Create(&r).Error)
	})
}

func (s *availability) FindException(
	ctx context.Context, doctor *doctors.ID, id domain.ExceptionID,
) (domain.Exception, error) {
	var r exceptionRow
	err := exceptionsOf(s.db.Read(ctx), doctor).Where("id = ?", id).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = appointments.ErrExceptionNotFound
	}
	return r.exception(), err
}

// exceptionColumns lists the columns by which the list can be ordered.
var exceptionColumns = database.Columns[exceptionRow]{
	"starts_on": func(r exceptionRow) any { return r.StartsOn },
	"ends_on":   func(r exceptionRow) any { return r.EndsOn },
	"id":        func(r exceptionRow) any { return r.ID },
}

func (s *availability) Exceptions(
	ctx context.Context, doctor *doctors.ID, from calendar.Date, request paging.Request,
) (paging.Page[domain.Exception], error) {
	q := exceptionsOf(s.db.Read(ctx), doctor).Where("ends_on >= ?", date(from))
	page, err := database.Page(q, request, exceptionColumns)
	return paging.Map(page, exceptionRow.exception), err
}

func (s *availability) RemoveException(ctx context.Context, doctor *doctors.ID, id domain.ExceptionID) error {
	done := exceptionsOf(s.db.Write(ctx), doctor).Where("id = ?", id).Delete(&exceptionRow{})
	if done.Error == nil && done.RowsAffected == 0 {
		return appointments.ErrExceptionNotFound
	}
	return done.Error
}

func (s *availability) Visits(
	ctx context.Context, doctor *doctors.ID, during calendar.Span, now time.Time, limit int,
) ([]domain.Visit, error) {
	q := s.db.Read(ctx).Select("doctor_id", "type_id", "starts_at", "ends_at").
		Where("status IN ('held', 'pending', 'booked', 'arrived')").
		// The bounds of the block serve the index: no row takes more than domain.MaxBlock.
		Where("blocks_from < ? AND blocks_from > ?",
			database.At(during.To), database.At(during.From.Add(-domain.MaxBlock))).
		Where("starts_at < ? AND ends_at > ? AND ends_at > ?",
			database.At(during.To), database.At(during.From), database.At(now)).
		Where("(expires_at IS NULL OR expires_at > ?)", database.At(now))
	if doctor != nil {
		q = q.Where("doctor_id = ?", *doctor)
	}
	var rows []row
	if err := q.Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	visits := make([]domain.Visit, len(rows))
	for i, r := range rows {
		visits[i] = domain.Visit{
			DoctorID: orZero(r.DoctorID), TypeID: r.TypeID, From: r.StartsAt.Time, To: r.EndsAt.Time,
		}
	}
	return visits, nil
}
