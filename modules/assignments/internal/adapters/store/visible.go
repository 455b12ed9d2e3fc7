package store

import (
	"gorm.io/gorm"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// visible is the list of the assignments of the patients whom a scope's user owns, of the doctors for whom the user
// acts, except those of restricted patients, and of the patients whom the user represents. Each page is one statement
// that merges one range of an index for the owner, one for each doctor and one for each represented patient. The ranges
// have no row in common: an assignment has one doctor and one patient, those of the doctors exclude owned patients, and
// those of the represented patients exclude both. With a filter by doctor, PostgreSQL may read the whole care teams of
// represented patients: 551 buffers for a team of 10,000.
type visible struct {
	db     *gorm.DB // of the request
	scope  patients.Scope
	except patients.Exceptions
	filter domain.Filter
}

// Rows implements database.List.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	ranges := []*gorm.DB{database.Keyset(v.owned(), order, after, limit)}
	for _, doctor := range v.scope.Doctors() {
		ranges = append(ranges, database.Keyset(v.granted().Where("doctor_id = ?", doctor), order, after, limit))
	}
	for _, patient := range v.except.Represented {
		ranges = append(ranges, database.Keyset(v.ofTeams().Where("patient_id = ?", patient), order, after, limit))
	}
	return database.Keyset(v.db.Table("(?) AS visible", database.UnionAll(ranges...)), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	ranges := []*gorm.DB{v.owned().Select("id").Limit(limit)}
	if doctors := v.scope.Doctors(); doctors != nil {
		ranges = append(ranges, v.granted().Select("id").Where("doctor_id IN ?", doctors).Limit(limit))
	}
	if len(v.except.Represented) > 0 {
		teams := database.WhereIn(v.ofTeams().Select("id"), "patient_id", v.except.Represented)
		ranges = append(ranges, teams.Limit(limit))
	}
	return database.UnionAll(ranges...)
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB {
	_, levels, _ := v.scope.Grants()
	q := matching(v.db, v.filter)
	return q.Where("(owner_id = ? OR (doctor_id IN ? AND access IN ? AND access <> 'none' AND NOT patient_id IN ?) "+
		"OR patient_id IN ?)", v.scope.Owner(), v.scope.Doctors(), levels,
		some(v.except.Restricted), some(v.except.Represented))
}

// some returns ids, or one that no patient has: IN without ids is NULL, and NOT NULL is not true.
func some(ids []patients.ID) []patients.ID {
	if len(ids) == 0 {
		return []patients.ID{{}}
	}
	return ids
}

func (v visible) owned() *gorm.DB { return matching(within(v.db.Model(&row{}), v.scope), v.filter) }

// granted queries what an index of the assignments that grant something serves.
func (v visible) granted() *gorm.DB {
	_, levels, _ := v.scope.Grants()
	q := matching(v.db.Model(&row{}), v.filter).
		Where("access <> 'none' AND access IN ? AND owner_id <> ?", levels, v.scope.Owner())
	if len(v.except.Restricted) == 0 {
		return q
	}
	return database.WhereNotIn(q, "patient_id", v.except.Restricted)
}

// ofTeams queries the assignments that owned and granted lack.
func (v visible) ofTeams() *gorm.DB {
	_, levels, _ := v.scope.Grants()
	q := matching(v.db.Model(&row{}), v.filter).Where("owner_id <> ?", v.scope.Owner())
	if doctors := v.scope.Doctors(); doctors != nil {
		q = q.Where("NOT (access <> 'none' AND access IN ? AND doctor_id IN ?)", levels, doctors)
	}
	return q
}
