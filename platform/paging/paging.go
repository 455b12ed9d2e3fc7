// Package paging says how lists are asked for and answered: by key, never by offset, so that a page costs the same wherever it
// lies and nothing repeats or is skipped while rows come and go. It depends on nothing.
package paging

// Order is one column of a list's order.
type Order struct {
	Column     string
	Descending bool
}

// CountLimit is how far the items of a list are counted: an exact number of many is rarely worth reading all of them.
const CountLimit = 10_000

// Request is what a client asks of a list.
type Request struct {
	Limit int      // items on a page, at least 1
	Order []Order  // total: the last column is unique
	After []string // the key of the last item before the page, a text for each column of Order; nil: the first page
	Count bool     // whether Total is wanted
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  []string // the key to ask the next page with; nil when this is the last one
	Total *int64   // how many items all pages have together, CountLimit+1 for any number above CountLimit; nil when nobody asked
}

// Map is the same page of other items.
func Map[T, U any](p Page[T], convert func(T) U) Page[U] {
	items := make([]U, len(p.Items))
	for i, item := range p.Items {
		items[i] = convert(item)
	}
	return Page[U]{Items: items, Next: p.Next, Total: p.Total}
}
