package database

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"healthcare/platform/paging"
)

// Columns are what a list may be ordered by, and how a row's value of each is read. They are the allow-list that keeps a client's
// text out of SQL. Every column is NOT NULL, and an index serves each order.
type Columns[R any] map[string]func(R) any

// Page answers one page of q's rows. Errors: the store's; a column that is not in columns is a defect.
func Page[R any](q *gorm.DB, request paging.Request, columns Columns[R]) (paging.Page[R], error) {
	page := paging.Page[R]{}
	for _, o := range request.Order {
		if columns[o.Column] == nil {
			return page, fmt.Errorf("a list cannot be ordered by %q", o.Column)
		}
	}
	if request.Count {
		page.Total = new(int64)
		some := q.Session(&gorm.Session{}).Model(new(R)).Select("1").Limit(paging.CountLimit + 1)
		if err := q.Session(&gorm.Session{NewDB: true}).Table("(?) AS counted", some).Count(page.Total).Error; err != nil {
			return page, err
		}
	}
	if request.After != nil {
		condition, values := after(request)
		q = q.Where(condition, values...)
	}
	// One row more than asked for tells whether there is a next page, also when the last page is exactly full.
	if err := q.Order(orderBy(request.Order)).Limit(request.Limit + 1).Find(&page.Items).Error; err != nil {
		return page, err
	}
	if len(page.Items) > request.Limit {
		page.Items = page.Items[:request.Limit]
		last := page.Items[request.Limit-1]
		for _, o := range request.Order {
			page.Next = append(page.Next, keyText(columns[o.Column](last)))
		}
	}
	return page, nil
}

func orderBy(order []paging.Order) string {
	columns := make([]string, len(order))
	for i, o := range order {
		columns[i] = o.Column
		if o.Descending {
			columns[i] += " DESC"
		}
	}
	return strings.Join(columns, ", ")
}

// after is the condition that a row comes after the key: a row comparison where all columns run the same way, which an index serves as
// one range; else the same spelt out, within the range of the first column, without which every page would begin at the first row.
func after(request paging.Request) (condition string, values []any) {
	order := request.Order
	columns, marks := make([]string, len(order)), make([]string, len(order))
	uniform := true
	for i, o := range order {
		columns[i], marks[i] = o.Column, "?"
		values = append(values, request.After[i])
		uniform = uniform && o.Descending == order[0].Descending
	}
	if uniform {
		return fmt.Sprintf("(%s) %s (%s)", strings.Join(columns, ", "), beyond(order[0]), strings.Join(marks, ", ")), values
	}
	var alternatives []string
	values = []any{request.After[0]}
	for i, o := range order {
		var equal strings.Builder
		for j := range i {
			equal.WriteString(order[j].Column + " = ? AND ")
			values = append(values, request.After[j])
		}
		alternatives = append(alternatives, equal.String()+o.Column+" "+beyond(o)+" ?")
		values = append(values, request.After[i])
	}
	return fmt.Sprintf("(%s %s= ? AND (%s))", order[0].Column, beyond(order[0]), strings.Join(alternatives, " OR ")), values
}

func beyond(o paging.Order) string {
	if o.Descending {
		return "<"
	}
	return ">"
}

// keyText spells a row's value as both engines read it back from text.
func keyText(value any) string {
	if v, ok := value.(driver.Valuer); ok {
		value, _ = v.Value() // ids and times: they cannot fail
	}
	return fmt.Sprint(value)
}
