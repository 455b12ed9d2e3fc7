package store

import (
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// The functions of this file are the only places where a scope becomes a condition.

// within narrows a statement to the scope. It suits statements that name one patient; visible is for lists.
func within(q *gorm.DB, scope patients.Scope) *gorm.DB {
	if !scope.Shared() {
		return q.Where("owner_id = ?", scope.Owner())
	}
	owner, colleagues := scope.Owner(), scope.Colleagues()
	granted, restricted := grantExists(q, scope), restrictionExists(q, scope)
	if !scope.InEmergencies() {
		return q.Where("(owner_id = ? OR (owner_id IN ? OR EXISTS (?)) AND NOT EXISTS (?))",
			owner, colleagues, granted, restricted)
	}
	return q.Where("(owner_id = ? OR (owner_id IN ? OR EXISTS (?)) AND NOT EXISTS (?) OR EXISTS (?))",
		owner, colleagues, granted, restricted, emergencyExists(q, scope))
}

// among narrows a query to those of a few patients who are in the scope. coalesce keeps both engines from choosing an
// index of the owner, with which they would read all patients of the owner.
func among(q *gorm.DB, scope patients.Scope, ids []patients.ID) *gorm.DB {
	q = database.WhereIn(q, "id", ids)
	if !scope.Shared() {
		return q.Where("coalesce(owner_id, owner_id) = ?", scope.Owner())
	}
	owner, colleagues := scope.Owner(), scope.Colleagues()
	granted, restricted := grantExists(q, scope), restrictionExists(q, scope)
	if !scope.InEmergencies() {
		return q.Where("(coalesce(owner_id, owner_id) = ? OR "+
			"(coalesce(owner_id, owner_id) IN ? OR EXISTS (?)) AND NOT EXISTS (?))",
			owner, colleagues, granted, restricted)
	}
	return q.Where("(coalesce(owner_id, owner_id) = ? OR "+
		"(coalesce(owner_id, owner_id) IN ? OR EXISTS (?)) AND NOT EXISTS (?) OR EXISTS (?))",
		owner, colleagues, granted, restricted, emergencyExists(q, scope))
}

// The conditions about a row of patients.

func grantExists(q *gorm.DB, scope patients.Scope) *gorm.DB {
	return grantsOf(q, scope).Select("1").Where("g.patient_id = patients.id")
}

func restrictionExists(q *gorm.DB, scope patients.Scope) *gorm.DB {
	return restrictionsOf(q, scope).Select("1").Where("r.patient_id = patients.id")
}

func emergencyExists(q *gorm.DB, scope patients.Scope) *gorm.DB {
	return emergenciesOf(q, scope).Select("1").Where("e.patient_id = patients.id")
}

func fresh(q *gorm.DB) *gorm.DB { return q.Session(&gorm.Session{NewDB: true}) }

// grantsOf queries the grants to the grantees of the scope. coalesce keeps PostgreSQL from choosing an index of the
// grantee, with which it would read all grants to the grantee.
func grantsOf(q *gorm.DB, scope patients.Scope) *gorm.DB {
	grantees, _, _ := scope.Grants()
	return live(q, scope).Where("coalesce(g.grantee_id, g.grantee_id) IN ?", grantees)
}

// live queries the grants g that count at the level and the time of the scope.
func live(q *gorm.DB, scope patients.Scope) *gorm.DB {
	_, levels, at := scope.Grants()
	return fresh(q).Table("patient_grants g").
		Where("g.level IN ?", levels).Where("(g.expires_at IS NULL OR g.expires_at > ?)", database.At(at))
}

// restrictionsOf queries the restrictions r of the user of the scope, in all capacities: with a capacity that is not
// restricted, the user would see what is hidden from another.
func restrictionsOf(q *gorm.DB, scope patients.Scope) *gorm.DB {
	return fresh(q).Table("patient_restrictions r").Where("r.grantee_id IN ?", scope.Parties())
}

// emergenciesOf queries the emergency accesses e of the user of the scope that have not ended.
func emergenciesOf(q *gorm.DB, scope patients.Scope) *gorm.DB {
	_, _, at := scope.Grants()
	return fresh(q).Table("emergency_accesses e").
		Where("e.user_id = ? AND e.ended_at IS NULL AND e.until > ?", scope.Owner(), database.At(at))
}

// reasons adds to patients of the scope why the user may see them: as the owner, else by the grant that outweighs the
// others, or as a deputy who may do more, else by an emergency access, or as a deputy. It omits patients for whom no
// reason is left since they were found, so that each response has its reason.
func reasons(q *gorm.DB, scope patients.Scope, found []domain.Patient) ([]domain.Patient, error) {
	var others []patients.ID
	for i, p := range found {
		if p.OwnerID == scope.Owner() {
			found[i].Reason = patients.Owned
		} else {
			others = append(others, p.ID)
		}
	}
	if len(others) == 0 {
		return found, nil
	}
	granted, err := bestGrants(q, scope, others)
	if err != nil {
		return nil, err
	}
	opened := map[patients.ID]patients.Reason{}
	if len(granted) < len(others) && scope.InEmergencies() {
		if opened, err = emergencyReasons(q, scope, others); err != nil {
			return nil, err
		}
	}
	for i, p := range found {
		deputy := slices.Contains(scope.Colleagues(), p.OwnerID)
		asDeputy := domain.Grant{Level: scope.LevelOf(p.OwnerID, patients.Keep), GranteeID: p.OwnerID}
		grant, isGranted := granted[p.ID]
		switch opened, isOpen := opened[p.ID]; {
		case p.OwnerID == scope.Owner():
		case isGranted && (!deputy || !asDeputy.Outweighs(grant)):
			found[i].Reason = grant.Reason()
		case isOpen && !isGranted:
			found[i].Reason = opened
		case deputy:
			found[i].Reason = patients.Reason{Basis: "deputy", For: p.OwnerID}
		}
	}
	return slices.DeleteFunc(found, func(p domain.Patient) bool { return p.Reason == (patients.Reason{}) }), nil
}

// bestGrants returns the grants to the user of the scope that outweigh others of the same patient, with the level at
// which the user may use them.
func bestGrants(q *gorm.DB, scope patients.Scope, ids []patients.ID) (map[patients.ID]domain.Grant, error) {
	var rows []grantRow
	of := grantsOf(q, scope).Select("patient_id", "grantee_id", "basis", "source_id", "level", "granted_at").
		Where("NOT EXISTS (?)", restrictionsOf(q, scope).Select("1").Where("r.patient_id = g.patient_id"))
	if err := database.WhereIn(of, "g.patient_id", ids).Find(&rows).Error; err != nil {
		return nil, err
	}
	best := make(map[patients.ID]domain.Grant, len(ids))
	for _, r := range rows {
		g := r.grant()
		if g.Level = scope.LevelOf(g.GranteeID, g.Level); g.Outweighs(best[g.PatientID]) {
			best[g.PatientID] = g
		}
	}
	return best, nil
}

// emergencyReasons returns the reasons of the patients to whom the user of the scope has opened an emergency access.
func emergencyReasons(q *gorm.DB, scope patients.Scope, ids []patients.ID) (map[patients.ID]patients.Reason, error) {
	var rows []emergencyRow
	of := emergenciesOf(q, scope).Select("id", "patient_id", "user_id")
	if err := database.WhereIn(of, "e.patient_id", ids).Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make(map[patients.ID]patients.Reason, len(rows))
	for _, r := range rows {
		all[r.PatientID] = r.emergency().Access()
	}
	return all, nil
}

// visible is the list of the patients of a scope that is shared. Each page is one statement that merges one range of an
// index for each grantee, and for each owner. A single condition for all of them would make both engines read and sort
// every row of every grantee.
type visible struct {
	db     *gorm.DB       // of the request
	scope  patients.Scope // without emergencies
	filter domain.Filter
}

// ofGrants maps the columns of an order to their copies in patient_grants.
var ofGrants = map[string]string{
	"created_at": "g.patient_created_at", "updated_at": "g.patient_updated_at", "name": "g.patient_name",
	"id": "g.patient_id",
}

// Rows implements database.List.
//
// UNION between the grantees, because a patient may be granted to several of them; UNION ALL between the owners, and
// with the granted half, which excludes their patients. A granted patient on the page is among the first rows of its
// range, because every row before it in the range is on the page as well, so the limits of the parts omit nothing.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	ofGrant := make([]paging.Order, len(order))
	for i, o := range order {
		ofGrant[i] = paging.Order{Column: ofGrants[o.Column], Descending: o.Descending}
	}
	parts := []*gorm.DB{database.Keyset(v.owned(v.scope.Owner()), order, after, limit)}
	for _, colleague := range v.scope.Colleagues() {
		parts = append(parts, database.Keyset(v.ofColleague(colleague), order, after, limit))
	}
	var ranges []*gorm.DB
	grantees, _, _ := v.scope.Grants()
	for _, grantee := range grantees {
		granted := v.granted().Where("g.grantee_id = ?", grantee)
		ranges = append(ranges, database.Keys(granted, ofGrant, after, limit))
	}
	if ranges != nil {
		granted := v.db.Model(&row{}).Where("owner_id NOT IN ?", v.owners())
		parts = append(parts, granted.Where("id IN (SELECT v.patient_id FROM (?) AS v)", database.Union(ranges...)))
	}
	return database.Keyset(v.db.Table("(?) AS visible", database.UnionAll(parts...)), order, nil, limit)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	parts := []*gorm.DB{v.owned(v.scope.Owner()).Select("id").Limit(limit)}
	for _, colleague := range v.scope.Colleagues() {
		parts = append(parts, v.ofColleague(colleague).Select("id").Limit(limit))
	}
	if grantees, _, _ := v.scope.Grants(); grantees != nil {
		granted := v.granted().Distinct("g.patient_id").Where("g.grantee_id IN ?", grantees)
		if !v.filter.Narrows() {
			granted = granted.Joins("JOIN patients p ON p.id = g.patient_id")
		}
		parts = append(parts, granted.Where("p.owner_id NOT IN ?", v.owners()).Limit(limit))
	}
	return database.UnionAll(parts...)
}

// Unordered implements database.List.
func (v visible) Unordered() *gorm.DB {
	return matching(within(v.db, v.scope), v.filter)
}

// owners returns the user and the colleagues, whose patients are in the scope without a grant.
func (v visible) owners() []uuid.UUID { return append(v.scope.Colleagues(), v.scope.Owner()) }

// ofColleague queries the colleague's patients that match the filter and are not restricted for the user.
func (v visible) ofColleague(colleague uuid.UUID) *gorm.DB {
	return v.owned(colleague).Where("id NOT IN (?)", restrictionsOf(v.db, v.scope).Select("r.patient_id"))
}

// granted queries grants of the scope whose patients match the filter and are not restricted for the user.
func (v visible) granted() *gorm.DB {
	q := live(v.db, v.scope).Where("g.patient_id NOT IN (?)", restrictionsOf(v.db, v.scope).Select("r.patient_id"))
	if v.filter.Narrows() {
		q = matching(q.Joins("JOIN patients p ON p.id = g.patient_id"), v.filter)
		// The copy is in the index of the grantee, which patients of other times need not be read for.
		q = database.WhereBetween(q, "g.patient_created_at", v.filter.CreatedAfter, v.filter.CreatedBefore)
	}
	return q
}

// owned queries the owner's patients that match the filter.
func (v visible) owned(owner uuid.UUID) *gorm.DB {
	return matching(v.db.Model(&row{}).Where("owner_id = ?", owner), v.filter)
}
