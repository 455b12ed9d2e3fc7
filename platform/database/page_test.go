package database_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"healthcare/platform/database"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
)

// thing is a row of a list. Many rows have the same a and b.
type thing struct {
	ID string
	A  string
	B  int
}

func (thing) TableName() string { return "listed" }

var thingColumns = database.Columns[thing]{
	"id": func(t thing) any { return t.ID },
	"a":  func(t thing) any { return t.A },
	"b":  func(t thing) any { return t.B },
}

// eachWithList runs test once per engine, with count things with three values of a and five of b.
func eachWithList(t *testing.T, count int, test func(t *testing.T, db *database.DB, all []thing)) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		text := map[database.Engine]string{database.SQLite: "text", database.Postgres: `text COLLATE "C"`}[db.Engine()]
		exec(t, db, `CREATE TABLE listed (id `+text+` PRIMARY KEY, a `+text+` NOT NULL, b integer NOT NULL)`)
		var all []thing
		for i := range count {
			a := []string{"é", "A", "a'); --"}[i%3]
			all = append(all, thing{ID: fmt.Sprintf("%03d", i*37%1000), A: a, B: i % 5})
		}
		if count > 0 {
			require.NoError(t, db.Write(t.Context()).Create(&all).Error)
		}
		test(t, db, all)
	})
}

func list(ctx context.Context, t require.TestingT, db *database.DB, request paging.Request) paging.Page[thing] {
	page, err := database.Page(db.Read(ctx), request, thingColumns)
	require.NoError(t, err)
	return page
}

// walk returns all pages of a list. It verifies that every page but the last is full.
func walk(ctx context.Context, t require.TestingT, db *database.DB, request paging.Request) (pages [][]thing) {
	for {
		page := list(ctx, t, db, request)
		pages = append(pages, page.Items)
		if request.After = page.Next; page.Next == nil {
			return pages
		}
		require.Len(t, page.Items, request.Limit)
		require.Len(t, page.Next, len(request.Order))
		require.Less(t, len(pages), 1000, "the list should end")
	}
}

// inOrder returns all sorted by order.
func inOrder(all []thing, order []paging.Order) []thing {
	return slices.SortedStableFunc(slices.Values(all), func(x, y thing) int {
		for _, o := range order {
			c := map[string]int{
				"id": cmp.Compare(x.ID, y.ID), "a": cmp.Compare(x.A, y.A), "b": cmp.Compare(x.B, y.B),
			}[o.Column]
			if o.Descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

func TestPage(t *testing.T) {
	byID := []paging.Order{{Column: "id"}}
	eachWithList(t, 60, func(t *testing.T, db *database.DB, all []thing) {
		ctx := t.Context()
		t.Run("returns every row once, in any order and mix of directions", func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				var order []paging.Order
				columns := rapid.Permutation([]string{"a", "b"}).Draw(r, "columns")
				for _, column := range columns[rapid.IntRange(0, 2).Draw(r, "omitted"):] {
					order = append(order, paging.Order{Column: column, Descending: rapid.Bool().Draw(r, column)})
				}
				order = append(order, paging.Order{Column: "id", Descending: rapid.Bool().Draw(r, "id")})
				limit := rapid.SampledFrom([]int{4, 7, 20, 59, 60, 61, 100}).Draw(r, "limit")
				request := paging.Request{Limit: limit, Order: order}
				require.Equal(r, inOrder(all, order), slices.Concat(walk(ctx, r, db, request)...))
			})
		})
		t.Run("ends with a page that is exactly full", func(t *testing.T) {
			pages := walk(ctx, t, db, paging.Request{Limit: 20, Order: byID})
			require.Len(t, pages, 3)
			require.Len(t, pages[2], 20)
			require.Nil(t, list(ctx, t, db, paging.Request{Limit: 60, Order: byID}).Next)
			require.NotNil(t, list(ctx, t, db, paging.Request{Limit: 59, Order: byID}).Next)
		})
		t.Run("continues after a key whose row does not exist", func(t *testing.T) {
			page := list(ctx, t, db, paging.Request{Limit: 100, Order: byID, After: []string{all[0].ID + "x"}})
			require.Equal(t, inOrder(all, byID)[1:], page.Items)
		})
		t.Run("is empty after the last row", func(t *testing.T) {
			page := list(ctx, t, db, paging.Request{Limit: 5, Order: byID, After: []string{"~"}})
			require.Empty(t, page.Items)
			require.Nil(t, page.Next)
		})
		t.Run("counts the rows of all pages that match the filter", func(t *testing.T) {
			require.Nil(t, list(ctx, t, db, paging.Request{Limit: 5, Order: byID}).Total)
			request := paging.Request{Limit: 5, Order: byID, Count: true}
			for range 3 {
				page := list(ctx, t, db, request)
				require.Equal(t, int64(60), *page.Total)
				require.Len(t, page.Items, 5)
				request.After = page.Next
			}
			request = paging.Request{Limit: 12, Order: byID, Count: true}
			page, err := database.Page(db.Read(ctx).Where("b = ?", 3), request, thingColumns)
			require.NoError(t, err)
			require.Equal(t, int64(12), *page.Total)
			require.Len(t, page.Items, 12)
			require.Nil(t, page.Next)
		})
		t.Run("combines a filter with the key, even in mixed directions", func(t *testing.T) {
			order := []paging.Order{{Column: "b"}, {Column: "id", Descending: true}}
			filtered := func() *gorm.DB { return db.Read(ctx).Where("a = ?", "é").Where("b = ? OR b = ?", 1, 2) }
			first, err := database.Page(filtered(), paging.Request{Limit: 3, Order: order}, thingColumns)
			require.NoError(t, err)
			request := paging.Request{Limit: 100, Order: order, After: first.Next}
			rest, err := database.Page(filtered(), request, thingColumns)
			require.NoError(t, err)
			expected := slices.DeleteFunc(inOrder(all, order), func(t thing) bool {
				return t.A != "é" || t.B != 1 && t.B != 2
			})
			require.Equal(t, expected, append(first.Items, rest.Items...))
		})
		t.Run("rejects a column that is not in the allow-list", func(t *testing.T) {
			for _, column := range []string{"secret", "", "id; DROP TABLE listed", "ID"} {
				request := paging.Request{Limit: 5, Order: []paging.Order{{Column: column}, {Column: "id"}}}
				_, err := database.Page(db.Read(ctx), request, thingColumns)
				require.EqualError(t, err, "cannot order a list by "+strconv.Quote(column))
				require.Equal(t, errs.Internal, errs.KindOf(err), "it is a defect of the service")
			}
		})
	})
}

func TestEmptyPage(t *testing.T) {
	eachWithList(t, 0, func(t *testing.T, db *database.DB, _ []thing) {
		t.Run("is the only page of an empty list", func(t *testing.T) {
			request := paging.Request{Limit: 5, Order: []paging.Order{{Column: "id"}}, Count: true}
			page := list(t.Context(), t, db, request)
			require.Empty(t, page.Items)
			require.Nil(t, page.Next)
			require.Zero(t, *page.Total)
		})
	})
}

// A page ends before it exceeds the maximum size, and requests memory before it exceeds its budget. Every row is on
// exactly one page.
func TestPageSizeInBytes(t *testing.T) {
	eachWithList(t, 0, func(t *testing.T, db *database.DB, _ []thing) {
		const limit = paging.MaxBytes
		// The third row is larger than a page. The quotation marks of the fifth take two bytes each in JSON.
		for i, size := range []int{limit / 3, limit / 3, limit + 1, limit / 3, limit / 2, 10, 10} {
			text := strings.Repeat(map[bool]string{true: `"`, false: "a"}[i == 4], size)
			require.NoError(t, db.Write(t.Context()).Create(&thing{ID: fmt.Sprint(i), A: text}).Error)
		}
		pages := func(request paging.Request) (all [][]string) {
			for {
				page := list(t.Context(), t, db, request)
				var ids []string
				for i, row := range page.Items {
					ids = append(ids, row.ID)
					require.Equal(t, row.ID, page.Key(i)[0])
				}
				all = append(all, ids)
				if request.After = page.Next; page.Next == nil {
					return all
				}
			}
		}
		byID := []paging.Order{{Column: "id"}}
		require.Equal(
			t,
			[][]string{{"0", "1"}, {"2"}, {"3"}, {"4"}, {"5", "6"}},
			pages(paging.Request{Limit: 500, Order: byID}),
		)
		require.Equal(
			t,
			[][]string{{"0"}, {"1"}, {"2"}, {"3"}, {"4"}, {"5", "6"}},
			pages(paging.Request{Limit: 500, Order: byID, Bytes: 3000}),
		)

		calls := 0
		more := func() (int, error) {
			calls++
			return limit, nil
		}
		require.Equal(
			t,
			[][]string{{"0", "1"}, {"2"}, {"3"}, {"4"}, {"5", "6"}},
			pages(paging.Request{Limit: 500, Order: byID, Bytes: 3000, More: more}),
		)
		require.Equal(t, 4, calls)
		_, err := database.Page(
			db.Read(t.Context()),
			paging.Request{Limit: 2, Order: byID, Bytes: 10, More: func() (int, error) { return 0, context.Canceled }},
			thingColumns,
		)
		require.Error(t, err)
	})
}

// A count stops at one more than the limit.
func TestCountLimit(t *testing.T) {
	eachWithList(t, 0, func(t *testing.T, db *database.DB, _ []thing) {
		exec(t, db, `INSERT INTO listed (id, a, b)
			WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
			SELECT CAST(n AS text), 'a', n FROM numbers`, paging.CountLimit+50)
		request := paging.Request{Limit: 1, Order: []paging.Order{{Column: "id"}}, Count: true}
		require.EqualValues(t, paging.CountLimit+1, *list(t.Context(), t, db, request).Total)
		few, err := database.Page(db.Read(t.Context()).Where("b <= ?", paging.CountLimit), request, thingColumns)
		require.NoError(t, err)
		require.EqualValues(t, paging.CountLimit, *few.Total)
	})
}

// A shortened key identifies its row while that row is unchanged. Otherwise the page begins at the shortened key, so
// that it skips no row.
func TestShortenedKeys(t *testing.T) {
	eachWithList(t, 0, func(t *testing.T, db *database.DB, _ []thing) {
		prefix := strings.Repeat("é", paging.KeyText)
		for i := range 3 {
			exec(t, db, `INSERT INTO listed (id, a, b) VALUES (?, ?, 0)`, fmt.Sprint(i), prefix+fmt.Sprint(i))
		}
		request := paging.Request{Limit: 2, Order: []paging.Order{{Column: "a"}, {Column: "id"}}}
		first := list(t.Context(), t, db, request)
		request.After, request.Shortened = paging.Shorten(first.Next)
		require.Zero(t, request.Shortened.First)
		ids := func() (ids []string) {
			for _, row := range list(t.Context(), t, db, request).Items {
				ids = append(ids, row.ID)
			}
			return ids
		}
		require.Equal(t, []string{"2"}, ids(), "the row is unchanged")
		exec(t, db, `UPDATE listed SET a = 'é' WHERE id = '1'`)
		require.Equal(t, []string{"0", "2"}, ids(), "the row moved towards the beginning")
		exec(t, db, `UPDATE listed SET a = 'ü' WHERE id = '1'`)
		require.Equal(t, []string{"0", "2"}, ids(), "the row moved towards the end")
		exec(t, db, `DELETE FROM listed WHERE id = '1'`)
		require.Equal(t, []string{"0", "2"}, ids(), "the row was deleted")
	})
}

// A long page is read in batches.
func TestLongPages(t *testing.T) {
	eachWithList(t, 450, func(t *testing.T, db *database.DB, all []thing) {
		order := []paging.Order{{Column: "a"}, {Column: "id", Descending: true}}
		for _, limit := range []int{100, 101, 202, 449, 450, 500} {
			pages := walk(t.Context(), t, db, paging.Request{Limit: limit, Order: order})
			require.Equal(t, inOrder(all, order), slices.Concat(pages...))
		}
	})
}
