package store

import (
	"slices"

	"gorm.io/gorm"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// The functions of this file are the only places where a scope becomes a condition.

// within narrows a statement to the scope. It suits statements that name one patient; visible is for lists.
func within(q *gorm.DB, scope patients.Scope) *gorm.DB {
	if granted := grantOf(q, scope); granted != nil {
		return q.Where("(owner_id = ? OR EXISTS (?))", scope.Owner(), granted)
	}
	return q.Where("owner_id = ?", scope.Owner())
}

// among narrows a query to those of a few patients who are in the scope. coalesce keeps both engines from choosing an
// index of the owner, with which they would read all patients of the owner.
func among(q *gorm.DB, scope patients.Scope, ids []patients.ID) *gorm.DB {
	if granted := grantOf(q, scope); granted != nil {
		return database.WhereIn(
			q.Where("(coalesce(owner_id, owner_id) = ? OR EXISTS (?))", scope.Owner(), granted), "id", ids)
	}
	return database.WhereIn(q.Where("coalesce(owner_id, owner_id) = ?", scope.Owner()), "id", ids)
}

// grantOf queries the grants of a row of patients to the grantees of the scope, or returns nil without grantees.
// coalesce keeps PostgreSQL from choosing an index of the grantee, with which it would read all grants to the grantee.
func grantOf(q *gorm.DB, scope patients.Scope) *gorm.DB {
	grantees, _, _ := scope.Grants()
	if len(grantees) == 0 {
		return nil
	}
	return live(q, scope).Select("1").Where("g.patient_id = patients.id").
		Where("coalesce(g.grantee_id, g.grantee_id) IN ?", grantees)
}

// reasons adds to patients of the scope why the user may see them: as the owner, else by the grant that outweighs the
// others. It omits patients whose grants have ended since they were found, so that each response has its reason.
func reasons(q *gorm.DB, scope patients.Scope, found []domain.Patient) ([]domain.Patient, error) {
	var granted []patients.ID
	for i, p := range found {
		if p.OwnerID == scope.Owner() {
			found[i].Reason = patients.Owned
		} else {
			granted = append(granted, p.ID)
		}
	}
	if len(granted) == 0 {
		return found, nil
	}
	grantees, _, _ := scope.Grants()
	var rows []grantRow
	of := live(q, scope).Select("patient_id", "grantee_id", "basis", "source_id", "level", "granted_at").
		Where("coalesce(g.grantee_id, g.grantee_id) IN ?", grantees)
	if err := database.WhereIn(of, "g.patient_id", granted).Find(&rows).Error; err != nil {
		return nil, err
	}
	best := make(map[patients.ID]domain.Grant, len(granted))
	for _, r := range rows {
		if g := r.grant(); g.Outweighs(best[g.PatientID]) {
			best[g.PatientID] = g
		}
	}
	for i, p := range found {
		if grant, granted := best[p.ID]; granted && p.OwnerID != scope.Owner() {
			found[i].Reason = grant.Reason()
		}
	}
	return slices.DeleteFunc(found, func(p domain.Patient) bool { return p.Reason == (auth.Reason{}) }), nil
}

// live queries the grants g that count at the level and the time of the scope.
func live(q *gorm.DB, scope patients.Scope) *gorm.DB {
	_, levels, at := scope.Grants()
	return q.Session(&gorm.Session{NewDB: true}).Table("patient_grants g").
		Where("g.level IN ?", levels).Where("(g.expires_at IS NULL OR g.expires_at > ?)", database.At(at))
}

// visible is the list of the patients of a scope with grantees. Each page is one statement that merges one range of an
// index for each grantee, and that of the owner. A single condition for all of them would make both engines read and
// sort every row of every grantee.
type visible struct {
	db     *gorm.DB // of the request
	scope  patients.Scope
	filter domain.Filter
}

// ofGrants maps the columns of an order to their copies in patient_grants.
var ofGrants = map[string]string{
	"created_at": "g.patient_created_at", "updated_at": "g.patient_updated_at", "name": "g.patient_name",
	"id": "g.patient_id",
}

// Rows implements database.List.
//
// UNION between the grantees, because a patient may be granted to several of them; UNION ALL with the owner's patients,
// which the granted half excludes. A granted patient on the page is among the first rows of its range, because every
// row before it in the range is on the page as well, so the limits of the parts omit nothing.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	ofGrant := make([]paging.Order, len(order))
	for i, o := range order {
		ofGrant[i] = paging.Order{Column: ofGrants[o.Column], Descending: o.Descending}
	}
	grantees, _, _ := v.scope.Grants()
	ranges := make([]*gorm.DB, len(grantees))
	for i, grantee := range grantees {
		ranges[i] = database.Keys(v.granted().Where("g.grantee_id = ?", grantee), ofGrant, after, limit)
	}
	granted := v.db.Model(&row{}).Where("owner_id <> ?", v.scope.Owner()).
		Where("id IN (SELECT v.patient_id FROM (?) AS v)", database.Union(ranges...))
	both := database.UnionAll(database.Keyset(v.owned(), order, after, limit), granted)
	return database.Keyset(v.db.Table("(?) AS visible", both), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	granted := v.granted().Distinct("g.patient_id").Where("g.grantee_id IN ?", grantees)
	if !v.filter.Narrows() {
		granted = granted.Joins("JOIN patients p ON p.id = g.patient_id")
	}
	return database.UnionAll(
		v.owned().Select("id").Limit(limit), granted.Where("p.owner_id <> ?", v.scope.Owner()).Limit(limit))
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB { return matching(within(v.db, v.scope), v.filter) }

// granted queries grants of the scope whose patients match the filter.
func (v visible) granted() *gorm.DB {
	q := live(v.db, v.scope)
	if v.filter.Narrows() {
		q = matching(q.Joins("JOIN patients p ON p.id = g.patient_id"), v.filter)
		// The copy is in the index of the grantee, which patients of other times need not be read for.
		q = database.WhereBetween(q, "g.patient_created_at", v.filter.CreatedAfter, v.filter.CreatedBefore)
	}
	return q
}

// owned queries the owner's patients that match the filter.
func (v visible) owned() *gorm.DB {
	return matching(v.db.Model(&row{}).Where("owner_id = ?", v.scope.Owner()), v.filter)
}
