package database

import (
	"strings"

	"gorm.io/gorm"

	"healthcare/platform/paging"
)

// Keyset narrows q to at most limit rows in the order, after the key unless it is nil. An index with the columns of the
// order finds them without reading others.
func Keyset(q *gorm.DB, order []paging.Order, after []string, limit int) *gorm.DB {
	if after != nil {
		condition, values := afterKey(order, after)
		q = q.Where(condition, values...)
	}
	return q.Order(orderBy(order)).Limit(limit)
}

// Keys is Keyset for the different keys of the rows instead of the rows: the columns of the order only.
func Keys(q *gorm.DB, order []paging.Order, after []string, limit int) *gorm.DB {
	columns := make([]string, len(order))
	for i, o := range order {
		columns[i] = o.Column
	}
	return Keyset(q.Distinct(columns), order, after, limit)
}

// Union returns the different rows of queries with the same columns, as a table. Each query keeps its own order and
// limit.
func Union(queries ...*gorm.DB) *gorm.DB { return union(" UNION ", queries) }

// UnionAll returns all rows of queries with the same columns, as a table. Each query keeps its own order and limit.
func UnionAll(queries ...*gorm.DB) *gorm.DB { return union(" UNION ALL ", queries) }

// union joins the queries. SQLite allows no parentheses around the members, so each is a table of a query.
func union(operator string, queries []*gorm.DB) *gorm.DB {
	members := make([]string, len(queries))
	values := make([]any, len(queries))
	for i, q := range queries {
		members[i], values[i] = "SELECT * FROM (?) AS member", q
	}
	return queries[0].Session(&gorm.Session{NewDB: true}).Raw(strings.Join(members, operator), values...)
}
