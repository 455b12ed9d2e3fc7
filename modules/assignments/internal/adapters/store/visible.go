package store

import (
	"gorm.io/gorm"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// visible is the list of the assignments of the patients whom a scope's user owns, of the doctors for whom the user
// acts, and of the patients whom the user represents. Each page is one statement that merges one range of an index for
// the owner, one for each grantee and one for each represented patient. The ranges have no row in common: an assignment
// has one doctor and one patient, those of the doctors exclude owned patients, and those of the represented patients
// exclude both. With a filter by doctor, PostgreSQL may read the whole care teams of represented patients: 551 buffers
// for a team of 10,000.
type visible struct {
	db          *gorm.DB // of the request
	scope       patients.Scope
	represented []patients.ID
	filter      domain.Filter
}

// Rows implements database.List.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	ranges := []*gorm.DB{database.Keyset(v.owned(), order, after, limit)}
	for _, grantee := range grantees {
		ranges = append(ranges, database.Keyset(v.granted().Where("doctor_id = ?", grantee), order, after, limit))
	}
	for _, patient := range v.represented {
		ranges = append(ranges, database.Keyset(v.ofTeams().Where("patient_id = ?", patient), order, after, limit))
	}
	return database.Keyset(v.db.Table("(?) AS visible", database.UnionAll(ranges...)), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	ranges := []*gorm.DB{
		v.owned().Select("id").Limit(limit), v.granted().Select("id").Where("doctor_id IN ?", grantees).Limit(limit),
	}
	if len(v.represented) > 0 {
		ranges = append(ranges, database.WhereIn(v.ofTeams().Select("id"), "patient_id", v.represented).Limit(limit))
	}
	return database.UnionAll(ranges...)
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB {
	grantees, levels, _ := v.scope.Grants()
	q := matching(v.db, v.filter)
	if len(v.represented) == 0 {
		return q.Where("(owner_id = ? OR (doctor_id IN ? AND access IN ? AND access <> 'none'))",
			v.scope.Owner(), grantees, levels)
	}
	return q.Where("(owner_id = ? OR (doctor_id IN ? AND access IN ? AND access <> 'none') OR patient_id IN ?)",
		v.scope.Owner(), grantees, levels, v.represented)
}

func (v visible) owned() *gorm.DB { return matching(within(v.db.Model(&row{}), v.scope), v.filter) }

// granted queries what an index of the assignments that grant something serves.
func (v visible) granted() *gorm.DB {
	_, levels, _ := v.scope.Grants()
	return matching(v.db.Model(&row{}), v.filter).
		Where("access <> 'none' AND access IN ? AND owner_id <> ?", levels, v.scope.Owner())
}

// ofTeams queries the assignments that owned and granted lack.
func (v visible) ofTeams() *gorm.DB {
	grantees, levels, _ := v.scope.Grants()
	return matching(v.db.Model(&row{}), v.filter).
		Where("owner_id <> ? AND NOT (access <> 'none' AND access IN ? AND doctor_id IN ?)",
			v.scope.Owner(), levels, grantees)
}
