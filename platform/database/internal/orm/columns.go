package orm

import (
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// selectColumns lists the columns of the row type in a query for rows, or those of them that it selects. A whole row
// therefore does not change when a newer release adds a column. GORM would quote each name in each query.
func selectColumns(s *gorm.Statement) {
	_, joined := s.Clauses["FROM"]
	if s.SQL.Len() > 0 || s.Schema == nil || joined || s.Distinct || len(s.Omits)+len(s.Joins) > 0 || !wantsRows(s) {
		return
	}
	if list := columnsOf(s); list != "" {
		s.AddClauseIfNotExists(clause.Select{Columns: []clause.Column{{Name: list, Raw: true}}})
	}
}

// selection is the part of a query that its columns depend on.
type selection struct {
	schema  *schema.Schema
	selects string
	packed  bool
}

var columnLists sync.Map // selection -> its columns, quoted

// columnsOf returns the select list of a query, or "" if it selects something other than columns of its row type.
func columnsOf(s *gorm.Statement) string {
	packed := s.Dialector.Name() == "sqlite" && !s.DryRun // a subquery is built by a dry run
	key := selection{s.Schema, strings.Join(s.Selects, ","), packed}
	if list, known := columnLists.Load(key); known {
		return list.(string)
	}
	list := ""
	if fields := fieldsOf(s.Schema, s.Selects); len(fields) == 0 {
		list = columnList(readableFields(s.Schema), packed, s.Quote)
	} else if !slices.Contains(fields, nil) {
		list = columnList(fields, packed, s.Quote)
	}
	columnLists.Store(key, list)
	return list
}

func readableFields(s *schema.Schema) (fields []*schema.Field) {
	for _, name := range s.DBNames {
		if field := s.FieldsByDBName[name]; field.Readable {
			fields = append(fields, field)
		}
	}
	return fields
}

func columnList(fields []*schema.Field, packed bool, quote func(any) string) string {
	if packed && packable(fields) {
		return pack(fields, quote)
	}
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = quote(clause.Column{Name: field.DBName})
	}
	return strings.Join(names, ",")
}
