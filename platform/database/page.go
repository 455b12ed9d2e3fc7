package database

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"healthcare/platform/database/internal/orm"
	"healthcare/platform/database/internal/postgres"
	"healthcare/platform/paging"
)

// Columns maps the columns by which a list may be ordered to functions that return a row's value. It is the allow-list
// that keeps clients' texts out of SQL. Every column is NOT NULL, and an index serves each order.
type Columns[R any] map[string]func(R) any

// List is what pages are read from.
type List interface {
	// Rows queries at most limit rows in the order, after the key unless it is nil.
	Rows(order []paging.Order, after []string, limit int) *gorm.DB

	// Counted queries at most limit rows, to count them.
	Counted(limit int) *gorm.DB

	// Unordered queries all rows.
	Unordered() *gorm.DB
}

// plain is the list of a query's rows.
type plain[R any] struct{ *gorm.DB }

func (q plain[R]) Rows(order []paging.Order, after []string, limit int) *gorm.DB {
	return Keyset(q.Session(&gorm.Session{}), order, after, limit)
}

func (q plain[R]) Counted(limit int) *gorm.DB {
	return q.Session(&gorm.Session{}).Model(new(R)).Select("1").Limit(limit)
}

func (q plain[R]) Unordered() *gorm.DB { return q.Session(&gorm.Session{}) }

// Page returns one page of q's rows. Errors: the store's; a defect if columns lacks a column of the request's order.
func Page[R any](q *gorm.DB, request paging.Request, columns Columns[R]) (paging.Page[R], error) {
	return PageOf(plain[R]{q}, request, columns)
}

// PageOf returns one page of the list. Errors: as of Page.
func PageOf[R any](list List, request paging.Request, columns Columns[R]) (paging.Page[R], error) {
	page := paging.Page[R]{}
	for _, o := range request.Order {
		if columns[o.Column] == nil {
			return page, fmt.Errorf("cannot order a list by %q", o.Column)
		}
	}
	if request.Count {
		page.Total = new(int64)
		limited := list.Counted(paging.CountLimit + 1)
		err := limited.Session(&gorm.Session{NewDB: true}).Table("(?) AS counted", limited).Count(page.Total).Error
		if err != nil {
			return page, err
		}
	}
	keyOf := func(row R) (key []string) {
		for _, o := range request.Order {
			key = append(key, keyText(columns[o.Column](row)))
		}
		return key
	}
	if request.Shortened != nil {
		after, err := resolve(list, request, keyOf)
		if err != nil {
			return page, err
		}
		request.After = after
	}
	size := request.Bytes
	if size == 0 {
		size = paging.MaxBytes
	}
	items, full, err := readRows(list, request, keyOf, size)
	if full && err == nil && request.More != nil && size < paging.MaxBytes {
		items = nil // releases the rows while More waits for memory
		if size, err = request.More(); err == nil {
			items, full, err = readRows(list, request, keyOf, size)
		}
	}
	if err != nil {
		return page, err
	}
	page.Items = items
	page.Key = func(i int) []string { return keyOf(items[i]) }
	if len(items) > request.Limit {
		return page.Cut(request.Limit), nil
	}
	if full {
		page.Next = page.Key(len(items) - 1)
	}
	return page, nil
}

// resolve returns the complete key of a shortened one if its row is unchanged, else the nearest position before it.
func resolve[R any](list List, request paging.Request, keyOf func(R) []string) ([]string, error) {
	var found []R
	id := len(request.Order) - 1
	row := list.Unordered().Where(request.Order[id].Column+" = ?", request.After[id]).Limit(1)
	if err := row.Find(&found).Error; err != nil {
		return nil, err
	}
	if len(found) > 0 {
		if key := keyOf(found[0]); paging.Digest(key) == request.Shortened.Digest {
			return key, nil
		}
	}
	return request.Begin(), nil
}

// batchRows bounds the rows of one statement: a page of the default size and one row more. PostgreSQL sends all rows of
// a statement, even if few of them are read.
const batchRows = 101

// readRows reads the page's rows and one more, whose existence means that there is a next page. It stops and reports
// full before the rows exceed size bytes.
func readRows[R any](
	list List, request paging.Request, keyOf func(R) []string, size int,
) (all []R, full bool, err error) {
	budget := orm.NewBudget(size)
	for wanted, after := request.Limit+1, request.After; wanted > 0; {
		var batch []R
		limit := min(wanted, batchRows)
		if err := budget.Apply(list.Rows(request.Order, after, limit)).Find(&batch).Error; err != nil {
			return nil, false, err
		}
		if all == nil {
			all = batch // without copying the usual single batch
		} else {
			all = append(all, batch...)
		}
		if budget.Exceeded() || len(batch) < limit {
			break
		}
		wanted -= limit
		after = keyOf(batch[limit-1])
	}
	return all, budget.Exceeded(), nil
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

// afterKey returns the condition on rows after the key. If all columns have the same direction, it is a row comparison,
// which an index serves as one range. Otherwise it is spelled out within the range of the first column. Without that
// range, every page would read from the first row.
func afterKey(order []paging.Order, key []string) (condition string, values []any) {
	order = order[:len(key)]
	columns, placeholders := make([]string, len(order)), make([]string, len(order))
	uniform := true
	for i, o := range order {
		columns[i], placeholders[i] = o.Column, "?"
		values = append(values, key[i])
		uniform = uniform && o.Descending == order[0].Descending
	}
	if uniform {
		left, right := strings.Join(columns, ", "), strings.Join(placeholders, ", ")
		return fmt.Sprintf("(%s) %s (%s)", left, afterOperator(order[0]), right), values
	}
	var alternatives []string
	values = []any{key[0]}
	for i, o := range order {
		var equal strings.Builder
		for j := range i {
			equal.WriteString(order[j].Column + " = ? AND ")
			values = append(values, key[j])
		}
		alternatives = append(alternatives, equal.String()+o.Column+" "+afterOperator(o)+" ?")
		values = append(values, key[i])
	}
	first, operator := order[0].Column, afterOperator(order[0])
	return fmt.Sprintf("(%s %s= ? AND (%s))", first, operator, strings.Join(alternatives, " OR ")), values
}

func afterOperator(o paging.Order) string {
	if o.Descending {
		return "<"
	}
	return ">"
}

// keyText formats a row's value in a way that both engines parse.
func keyText(value any) string {
	if v, ok := value.(driver.Valuer); ok {
		value, _ = v.Value() // of ids and times, which return no error
	}
	return fmt.Sprint(value)
}

// PlanForValues returns a context whose queries PostgreSQL plans for the values of their parameters. It is for lists
// with filters, for which a plan for any values may read all rows. Not for the first statement of a transaction.
func PlanForValues(ctx context.Context) context.Context { return postgres.PlanForValues(ctx) }
