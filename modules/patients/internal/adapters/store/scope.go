package store

import (
	"strings"

	"gorm.io/gorm"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// The functions of this file are the only places where a scope becomes a condition.

// within narrows a statement to the scope. It suits statements that name one patient: a list of granted patients reads
// one range of an index for each grantee instead (granted.go).
func within(q *gorm.DB, scope patients.Scope) *gorm.DB {
	if granted, values := grantedTo(scope); granted != "" {
		return q.Where("(owner_id = ? OR "+granted+")", append([]any{scope.Owner()}, values...)...)
	}
	return q.Where("owner_id = ?", scope.Owner())
}

// among narrows a query to those of a few patients who are in the scope. coalesce keeps both engines from choosing an
// index of the owner, with which they would read all patients of the owner.
func among(q *gorm.DB, scope patients.Scope, ids []patients.ID) *gorm.DB {
	q = database.WhereIn(q, "id", ids)
	if granted, values := grantedTo(scope); granted != "" {
		return q.Where("(coalesce(owner_id, owner_id) = ? OR "+granted+")", append([]any{scope.Owner()}, values...)...)
	}
	return q.Where("coalesce(owner_id, owner_id) = ?", scope.Owner())
}

// grantedTo returns the condition that a patient is granted to a grantee of the scope, or "" without grantees.
func grantedTo(scope patients.Scope) (condition string, values []any) {
	grantees, levels, at := scope.Grants()
	if len(grantees) == 0 {
		return "", nil
	}
	return "EXISTS (SELECT 1 FROM patient_grants g WHERE g.patient_id = patients.id AND g.grantee_id IN ? " +
		"AND g.level IN ? AND " + live + ")", []any{grantees, levels, database.At(at)}
}

// live is the condition that a grant g has not expired at a time.
const live = "(g.expires_at IS NULL OR g.expires_at > ?)"

// visible is the list of the patients of a scope with grantees. Each page is one statement that merges one range of an
// index for each grantee, and that of the owner. A single condition for all of them would make both engines read and
// sort every row of every grantee.
type visible struct {
	db     *gorm.DB // of the request
	scope  patients.Scope
	filter domain.Filter
}

// granted queries columns of the grantee's live grants that match the filter.
func (v visible) granted(columns string, grantees ...any) *gorm.DB {
	_, levels, at := v.scope.Grants()
	q := v.db.Session(&gorm.Session{}).Table("patient_grants g").Select(columns)
	if v.filter.Narrows() {
		q = matching(q.Joins("JOIN patients p ON p.id = g.patient_id"), v.filter)
	}
	return q.Where("g.grantee_id IN ?", grantees).Where("g.level IN ?", levels).Where(live, database.At(at))
}

// owned queries the owner's patients that match the filter.
func (v visible) owned() *gorm.DB {
	return matching(v.db.Session(&gorm.Session{}).Model(&row{}).Where("owner_id = ?", v.scope.Owner()), v.filter)
}

// copied are the columns of patient_grants that copy those of patients.
var copied = map[string]string{
	"created_at": "g.patient_created_at", "updated_at": "g.patient_updated_at", "name": "g.patient_name",
	"id": "g.patient_id",
}

// Rows implements database.List.
//
// UNION between the grantees, because a patient may be granted to several of them; UNION ALL with the owner's patients,
// which the granted half excludes. A granted patient on the page is among the first rows of its range, because every
// row before it in the range is on the page as well, so the limits of the parts omit nothing.
func (v visible) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	keys, own := make([]paging.Order, len(order)), columnsOf("")
	names := make([]string, len(order))
	for i, o := range order {
		names[i] = copied[o.Column]
		keys[i] = paging.Order{Column: names[i], Descending: o.Descending}
	}
	grantees, _, _ := v.scope.Grants()
	parts := make([]string, len(grantees))
	values := []any{database.Keyset(v.owned().Select(own), order, after, limit)}
	for i, grantee := range grantees {
		parts[i] = "SELECT * FROM (?) AS b"
		values = append(values, database.Keyset(
			v.granted("DISTINCT "+strings.Join(names, ", "), grantee), keys, after, limit))
	}
	return v.db.Session(&gorm.Session{}).Raw("SELECT * FROM (SELECT * FROM (?) AS own UNION ALL SELECT "+columnsOf("q.")+
		" FROM ("+strings.Join(parts, " UNION ")+") v JOIN patients q ON q.id = v.patient_id WHERE q.owner_id <> ?) u "+
		"ORDER BY "+database.OrderBy(order)+" LIMIT ?", append(values, v.scope.Owner(), limit)...)
}

// Counted implements database.List.
func (v visible) Counted(limit int) *gorm.DB {
	grantees, _, _ := v.scope.Grants()
	all := make([]any, len(grantees))
	for i, grantee := range grantees {
		all[i] = grantee
	}
	granted := v.granted("DISTINCT g.patient_id", all...)
	if !v.filter.Narrows() {
		granted = granted.Joins("JOIN patients p ON p.id = g.patient_id")
	}
	return v.db.Session(&gorm.Session{}).Raw("SELECT 1 FROM (SELECT * FROM (?) AS own UNION ALL SELECT * FROM (?) AS granted) u",
		v.owned().Select("id").Limit(limit), granted.Where("p.owner_id <> ?", v.scope.Owner()).Limit(limit))
}

// Row implements database.List.
func (v visible) Row(column, value string) *gorm.DB {
	one := within(v.db.Session(&gorm.Session{}), v.scope).Where(column+" = ?", value).Limit(1)
	return matching(one, v.filter)
}

// columnsOf returns the columns of row, each with the prefix.
func columnsOf(prefix string) string { return prefix + strings.Join(rowColumns, ", "+prefix) }

var rowColumns = []string{
	"id", "owner_id", "name", "gender", "age", "birth_date", "email", "phone", "address", "medical_record_number", "notes",
	"search_text", "version", "created_at", "updated_at",
}


