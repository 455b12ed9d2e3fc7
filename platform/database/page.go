package database

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"healthcare/platform/database/internal/orm"
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
	keyOf := func(row R) (key []string) {
		for _, o := range request.Order {
			key = append(key, keyText(columns[o.Column](row)))
		}
		return key
	}
	if request.Shortened != nil {
		after, err := resume(q, request, keyOf)
		if err != nil {
			return page, err
		}
		request.After = after
	}
	room := request.Bytes
	if room == 0 {
		room = paging.MaxBytes
	}
	items, full, err := rows(q, request, keyOf, room)
	if full && err == nil && request.More != nil && room < paging.MaxBytes {
		items = nil // nothing is held while it waits for memory
		if room, err = request.More(); err == nil {
			items, full, err = rows(q, request, keyOf, room)
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

// resume returns the whole key that a shortened one stands for, while its row is as it was; else the nearest place
// before it.
func resume[R any](q *gorm.DB, request paging.Request, keyOf func(R) []string) ([]string, error) {
	var found []R
	id := len(request.Order) - 1 // the last column
	err := q.Session(&gorm.Session{}).Where(request.Order[id].Column+" = ?", request.After[id]).Limit(1).Find(&found).Error
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		if key := keyOf(found[0]); paging.Digest(key) == request.Shortened.Digest {
			return key, nil
		}
	}
	return request.Begin(), nil
}

// portion bounds the rows of one statement, of which PostgreSQL sends all even if few are read: a default page and one
// row more.
const portion = 101

// rows reads the page's rows and one more, which tells that there is a next page, also when the last page is exactly
// full. It ends early and reports that the page is full where more would not fit into so many bytes.
func rows[R any](
	q *gorm.DB, request paging.Request, keyOf func(R) []string, bytes int,
) (all []R, full bool, err error) {
	budget := orm.NewBudget(bytes)
	q = q.Session(&gorm.Session{})
	for wanted, after := request.Limit+1, request.After; wanted > 0; {
		page := q
		if after != nil {
			condition, values := beyondKey(request.Order, after)
			page = page.Where(condition, values...)
		}
		var some []R
		asked := min(wanted, portion)
		if err := budget.Apply(page.Order(orderBy(request.Order)).Limit(asked)).Find(&some).Error; err != nil {
			return nil, false, err
		}
		if all == nil {
			all = some
		} else {
			all = append(all, some...)
		}
		if budget.Exceeded() || len(some) < asked {
			break
		}
		wanted -= asked
		after = keyOf(some[asked-1])
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

// beyondKey is the condition that a row comes after the key: a row comparison where all columns run the same way, which
// an index serves as one range; else the same spelt out, within the range of the first column, without which every page
// would begin at the first row.
func beyondKey(order []paging.Order, key []string) (condition string, values []any) {
	order = order[:len(key)]
	columns, marks := make([]string, len(order)), make([]string, len(order))
	uniform := true
	for i, o := range order {
		columns[i], marks[i] = o.Column, "?"
		values = append(values, key[i])
		uniform = uniform && o.Descending == order[0].Descending
	}
	if uniform {
		return fmt.Sprintf("(%s) %s (%s)", strings.Join(columns, ", "), beyond(order[0]), strings.Join(marks, ", ")), values
	}
	var alternatives []string
	values = []any{key[0]}
	for i, o := range order {
		var equal strings.Builder
		for j := range i {
			equal.WriteString(order[j].Column + " = ? AND ")
			values = append(values, key[j])
		}
		alternatives = append(alternatives, equal.String()+o.Column+" "+beyond(o)+" ?")
		values = append(values, key[i])
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
