package store

import (
	"context"

	"gorm.io/gorm"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// columns lists the columns by which the list can be ordered.
var columns = database.Columns[row]{
	"starts_at": func(r row) any { return r.StartsAt },
	"id":        func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Appointment], error) {
	if filter != (domain.Filter{}) {
		ctx = database.PlanForValues(ctx)
	}
	db := s.db.Read(ctx)
	matching := func() *gorm.DB { return matching(db.Model(&row{}), filter) }
	page, err := database.PageOf(visible{db, scope, except, matching}, request, columns)
	return paging.Map(page, row.appointment), err
}

func (s *store) ListOf(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Appointment], error) {
	page, err := database.Page(matching(s.db.Read(ctx).Model(&row{}), filter), request, columns)
	return paging.Map(page, row.appointment), err
}

// matching narrows a list to the appointments that match the filter.
func matching(q *gorm.DB, filter domain.Filter) *gorm.DB {
	if filter.Patient != nil {
		q = q.Where("patient_id = ?", *filter.Patient)
	}
	if filter.Doctor != nil {
		q = q.Where("doctor_id = ?", *filter.Doctor)
	}
	if filter.Series != nil {
		q = q.Where("series_id = ?", *filter.Series)
	}
	if filter.Status != "" {
		q = q.Where("status = ?", filter.Status)
	}
	if !filter.From.IsZero() {
		q = q.Where("starts_at >= ?", database.At(filter.From))
	}
	if !filter.To.IsZero() {
		q = q.Where("starts_at < ?", database.At(filter.To))
	}
	return q
}

// visible is the list of the appointments or waiting entries that a user sees: those of the patients whom the scope's
// user and the colleagues own, with the doctors for whom the user acts, and of the patients whom the user represents. A
// restriction hides a colleague's patient, but no row of a doctor for whom the user acts: the caller hides its patient.
// Each page is one statement that merges one range of an index for each of them. A row may be in several ranges, such
// as all appointments of a doctor who owns the patients. A range that omitted the rows of the others would be read
// whole to find none.
type visible struct {
	db       *gorm.DB // of the request
	scope    patients.Scope
	except   patients.Exceptions
	matching func() *gorm.DB // queries all rows that match the filter
}

// ranges returns a query for each range of an index.
func (v visible) ranges() []*gorm.DB {
	all := []*gorm.DB{v.matching().Where("owner_id = ?", v.scope.Owner())}
	for _, colleague := range v.scope.Colleagues() {
		all = append(all, v.shown(v.matching().Where("owner_id = ?", colleague)))
	}
	for _, doctor := range v.scope.Doctors() {
		all = append(all, v.matching().Where("doctor_id = ?", doctor))
	}
	for _, patient := range v.except.Represented {
		all = append(all, v.matching().Where("patient_id = ?", patient))
	}
	return all
}

// shown omits the restricted patients.
func (v visible) shown(q *gorm.DB) *gorm.DB {
	if len(v.except.Restricted) == 0 {
		return q
	}
	return database.WhereNotIn(q, "patient_id", v.except.Restricted)
}

// union returns the rows of the ranges once.
func (v visible) union(ranges []*gorm.DB) *gorm.DB {
	switch {
	case len(ranges) == 1:
		return ranges[0]
	case len(v.scope.Doctors()) == 0 && len(v.except.Represented) == 0:
		return database.UnionAll(ranges...) // of different owners
	}
	return database.Union(ranges...)
}

// Rows implements database.List.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	ranges := v.ranges()
	for i, q := range ranges {
		ranges[i] = database.Keyset(q, order, after, limit)
	}
	if len(ranges) == 1 {
		return ranges[0]
	}
	return database.Keyset(v.db.Table("(?) AS visible", v.union(ranges)), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	ranges := v.ranges()
	for i, q := range ranges {
		ranges[i] = q.Select("id").Limit(limit)
	}
	return v.union(ranges)
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB {
	ranges := v.ranges()
	for i, q := range ranges {
		ranges[i] = q.Session(&gorm.Session{})
	}
	return v.db.Table("(?) AS visible", v.union(ranges))
}
