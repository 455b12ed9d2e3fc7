package orm

import (
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// selectColumns lists the columns of the row type in a query for whole rows, so that its result does not change when a
// newer release adds a column. GORM's QueryFields would quote each name in each query.
func selectColumns(s *gorm.Statement) {
	_, joined := s.Clauses["FROM"]
	if s.SQL.Len() > 0 || s.Schema == nil || joined || s.Distinct ||
		len(s.Selects)+len(s.Omits)+len(s.Joins) > 0 || !wantsRows(s) {
		return
	}
	s.AddClauseIfNotExists(clause.Select{Columns: []clause.Column{{Name: columnsOf(s), Raw: true}}})
}

var columnLists sync.Map // *schema.Schema -> its columns, quoted

func columnsOf(s *gorm.Statement) string {
	if list, known := columnLists.Load(s.Schema); known {
		return list.(string)
	}
	list := columnList(s.Schema, s.Quote)
	columnLists.Store(s.Schema, list)
	return list
}

func columnList(s *schema.Schema, quote func(any) string) string {
	names := make([]string, len(s.DBNames))
	for i, name := range s.DBNames {
		names[i] = quote(clause.Column{Name: name})
	}
	return strings.Join(names, ",")
}
