package store

import (
	"gorm.io/gorm"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// visible is the list of the assignments of the patients whom a scope's user owns, and of the doctors for whom the user
// acts. Each page is one statement that merges one range of an index for the owner and one for each grantee. An
// assignment has one doctor, so that the ranges have no row in common once those of the doctors exclude owned patients.
type visible struct {
	db     *gorm.DB // of the request
	scope  patients.Scope
	filter domain.Filter
}

// Rows implements database.List.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	ranges := []*gorm.DB{database.Keyset(v.owned(), order, after, limit)}
	for _, grantee := range grantees {
		ranges = append(ranges, database.Keyset(v.granted().Where("doctor_id = ?", grantee), order, after, limit))
	}
	return database.Keyset(v.db.Table("(?) AS visible", database.UnionAll(ranges...)), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	return database.UnionAll(
		v.owned().Select("id").Limit(limit), v.granted().Select("id").Where("doctor_id IN ?", grantees).Limit(limit))
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB {
	grantees, levels, _ := v.scope.Grants()
	return matching(v.db, v.filter).Where("(owner_id = ? OR (doctor_id IN ? AND access IN ? AND access <> 'none'))",
		v.scope.Owner(), grantees, levels)
}

func (v visible) owned() *gorm.DB { return matching(within(v.db.Model(&row{}), v.scope), v.filter) }

// granted queries what an index of the assignments that grant something serves.
func (v visible) granted() *gorm.DB {
	_, levels, _ := v.scope.Grants()
	return matching(v.db.Model(&row{}), v.filter).
		Where("access <> 'none' AND access IN ? AND owner_id <> ?", levels, v.scope.Owner())
}
