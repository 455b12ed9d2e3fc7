package fields_test

import (
	"testing"

	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"healthcare/platform/fields"
)

type year int

func (y year) String() string {
	if y == 0 {
		return ""
	}
	return "MMXXVI"
}

type code string

type book struct {
	Title         string
	Pages         int
	Printed       year
	CatalogNumber code
	Shelf         *int
}

func TestComparer(t *testing.T) {
	differing := fields.Comparer[book]()
	whole := book{Title: "a", Pages: 1, Printed: 2026, CatalogNumber: "c", Shelf: new(1)}
	require.Equal(t, []string{"title", "pages", "printed", "catalog_number", "shelf"}, differing(book{}, whole))
	require.Equal(t, []string{"shelf"}, differing(whole, book{"a", 1, 2026, "c", new(2)}))
	require.Empty(t, differing(whole, book{"a", 1, 2026, "c", new(1)}), "pointers are compared by value")
	require.Empty(t, differing(book{}, book{}))
}

func TestTrim(t *testing.T) {
	b := book{Title: " a b\n", Pages: 1, CatalogNumber: "\u00a0c"}
	fields.Trim(&b)
	require.Equal(t, book{Title: "a b", Pages: 1, CatalogNumber: "c"}, b)
}

func TestPatcher(t *testing.T) {
	type changes struct {
		Title *string
		Pages *int
		Shelf *int
		Why   string
	}
	patch := fields.Patcher[book, changes]("Why")
	whole := book{Title: "a", Pages: 1, Printed: 2026, CatalogNumber: "c", Shelf: new(1)}
	patched := whole
	patch(&patched, changes{})
	require.Equal(t, whole, patched)
	patch(&patched, changes{Title: new(""), Pages: new(2), Shelf: new(3)})
	require.Equal(t, book{Title: "", Pages: 2, Printed: 2026, CatalogNumber: "c", Shelf: new(3)}, patched)

	t.Run("panics on a change of no field", func(t *testing.T) {
		requirePanic(t, "Author", func() { fields.Patcher[book, struct{ Author *string }]() })
		requirePanic(t, "Title", func() { fields.Patcher[book, struct{ Title *int }]() })
		requirePanic(t, "Title", func() { fields.Patcher[book, struct{ Title string }]() })
		requirePanic(t, "Author", func() { fields.Patcher[book, struct{ Title *string }]("Author") })
	})
}

func TestMapper(t *testing.T) {
	t.Run("reads", func(t *testing.T) {
		type body struct {
			Title         string
			Pages         int
			Printed       nullable.Nullable[int]
			CatalogNumber nullable.Nullable[string]
			Shelf         int
		}
		read := fields.Mapper[body, book]("Printed")
		require.Equal(t, book{Title: "a", Pages: 1, Shelf: new(0)}, read(body{Title: "a", Pages: 1}))
		require.Equal(t, book{CatalogNumber: "c", Shelf: new(2)},
			read(body{CatalogNumber: nullable.NewNullableWithValue("c"), Shelf: 2}))
		require.Equal(t, code(""), read(body{CatalogNumber: nullable.NewNullNullable[string]()}).CatalogNumber)
	})
	t.Run("reads changes", func(t *testing.T) {
		type body struct{ Title nullable.Nullable[string] }
		type changes struct{ Title *string }
		read := fields.Mapper[body, changes]()
		require.Nil(t, read(body{}).Title)
		require.Equal(t, new(""), read(body{Title: nullable.NewNullNullable[string]()}).Title)
		require.Equal(t, new("a"), read(body{Title: nullable.NewNullableWithValue("a")}).Title)
	})
	t.Run("writes a fmt.Stringer as text", func(t *testing.T) {
		type from struct{ Printed year }
		type to struct{ Printed string }
		require.Equal(t, to{"MMXXVI"}, fields.Mapper[from, to]()(from{2026}))
	})
	t.Run("panics on a field without a counterpart", func(t *testing.T) {
		type title struct{ Title string }
		requirePanic(t, "Pages", func() { fields.Mapper[book, title]("Printed", "CatalogNumber", "Shelf") })
		requirePanic(t, "Pages", func() { fields.Mapper[title, book]("Printed", "CatalogNumber", "Shelf") })
		requirePanic(t, "Author", func() { fields.Mapper[title, title]("Author") })
		requirePanic(t, "Title", func() { fields.Mapper[title, struct{ Title int }]() })
		requirePanic(t, "title", func() { fields.Mapper[struct{ title }, title]() })
	})
}

func requirePanic(t *testing.T, naming string, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		require.Contains(t, recover(), naming)
	}()
	do()
}

func BenchmarkMapper(b *testing.B) {
	type body struct {
		Title         string
		Pages         int
		Printed       year
		CatalogNumber nullable.Nullable[string]
		Shelf         *int
	}
	read := fields.Mapper[body, book]()
	whole := body{Title: "a", Pages: 1, Printed: 2026, CatalogNumber: nullable.NewNullableWithValue("c"), Shelf: new(1)}
	for b.Loop() {
		_ = read(whole)
	}
}

func BenchmarkComparer(b *testing.B) {
	differing := fields.Comparer[book]()
	whole := book{Title: "a", Pages: 1, Printed: 2026, CatalogNumber: "c", Shelf: new(1)}
	for b.Loop() {
		_ = differing(whole, whole)
	}
}
