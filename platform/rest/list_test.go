package rest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
	"healthcare/platform/paging"
)

// Releases without the canonical form bound a cursor to the query that was sent.
func TestCursorsOfReleasesWithoutTheCanonicalForm(t *testing.T) {
	app := fiber.New()
	op := &contract.Operation{List: &contract.ListRules{Ordering: []string{"name"}, Default: "name"}}
	settings := &Settings{Cursors: cursorsOf(t, aSecret), LinkLimit: 2048}
	ask := func(sent, canonical string) error {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/things/?" + canonical)
		c := app.AcquireCtx(&ctx)
		defer app.ReleaseCtx(c)
		Attach(c, &Call{Operation: op, Settings: settings, SentQuery: sent})
		request, err := PageRequest(c)
		if err == nil {
			require.Equal(t, []string{"a", "1"}, request.After)
		}
		return err
	}
	values, err := url.ParseQuery("search=&kind=a")
	require.NoError(t, err)
	cursor := "&cursor=" + url.QueryEscape(
		settings.Cursors.seal([]string{"a", "1"}, (&Call{}).binding("/things/", values), maxCursor),
	)
	t.Run("are valid for the query that they were made for, empty filters included", func(t *testing.T) {
		require.NoError(t, ask("search=&kind=a"+cursor, "kind=a"+cursor))
	})
	t.Run("are valid for no other query", func(t *testing.T) {
		require.Error(t, ask("search=&kind=b"+cursor, "kind=b"+cursor))
		require.Error(t, ask("", "kind=a"+cursor))
	})
}

// newListCall returns the call of a list ordered by name, whose pages have addresses of at most linkLimit bytes.
func newListCall(t *testing.T, linkLimit int) *Call {
	t.Helper()
	return &Call{
		Operation: &contract.Operation{List: &contract.ListRules{Default: "name"}},
		Settings:  &Settings{Cursors: cursorsOf(t, aSecret), LinkLimit: linkLimit},
	}
}

func number(n int) int { return n }

func TestPagesLinkToTheNext(t *testing.T) {
	call := newListCall(t, 2048)
	c := newRequest(t, call, "GET", "/things/?search=cursor%3D&limit=2")
	require.NoError(t, SendPage(c, paging.Page[int]{Items: []int{1, 2}, Next: []string{"b", "2"}}, number))
	require.JSONEq(t, "[1,2]", string(c.Response().Body()))
	require.Empty(t, header(c, "X-Total-Count"))
	link := header(c, fiber.HeaderLink)
	require.Regexp(t, `^</things/\?cursor=[\w-]+&limit=2&search=cursor%3D>; rel="next"$`, link)
	next, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")

	t.Run("the link leads to the items after the page", func(t *testing.T) {
		request, err := PageRequest(newRequest(t, call, "GET", next))
		require.NoError(t, err)
		require.Equal(t, []string{"b", "2"}, request.After)
		require.Equal(t, 2, request.Limit)
		require.Equal(t, []paging.Order{{Column: "name"}, {Column: "id"}}, request.Order)
	})
	t.Run("a different limit is accepted", func(t *testing.T) {
		_, err := PageRequest(newRequest(t, call, "GET", strings.Replace(next, "limit=2", "limit=3", 1)))
		require.NoError(t, err)
	})
	t.Run("a different filter is rejected", func(t *testing.T) {
		_, err := PageRequest(newRequest(t, call, "GET", next+"x"))
		require.Contains(t, fieldsOf(t, err), "cursor")
	})
	t.Run("a different number of columns is rejected", func(t *testing.T) {
		three := *call
		three.Operation = &contract.Operation{List: &contract.ListRules{Default: "kind,-name"}}
		_, err := PageRequest(newRequest(t, &three, "GET", next))
		require.Contains(t, fieldsOf(t, err), "cursor")
	})
	t.Run("a canonical query is preferred to the one that was sent", func(t *testing.T) {
		sent := *call
		sent.SentQuery = "search=else"
		_, err := PageRequest(newRequest(t, &sent, "GET", next))
		require.NoError(t, err)
	})
}

func TestTheLastPageHasNoLink(t *testing.T) {
	c := newRequest(t, newListCall(t, 2048), "GET", "/things/")
	require.NoError(t, SendPage(c, paging.Page[int]{Items: []int{1}}, number))
	require.Empty(t, header(c, fiber.HeaderLink))
	require.Error(t, SendPage(c, paging.Page[int]{Items: []int{1}}, func(int) func() { return func() {} }))
}

func TestCountsAreExactUpToTheLimit(t *testing.T) {
	for _, want := range []struct {
		total                      int64
		count, relation, preferred string
	}{
		{0, "0", "", CountExact},
		{paging.CountLimit, "10000", "", CountExact},
		{paging.CountLimit + 1, "10000", "gte", ""},
	} {
		c := newRequest(t, newListCall(t, 2048), "HEAD", "/things/")
		require.NoError(t, SendPage(c, paging.Page[int]{Items: []int{1}, Total: &want.total}, number))
		require.Equal(t, want.count, header(c, "X-Total-Count"))
		require.Equal(t, want.relation, header(c, "X-Total-Count-Relation"))
		require.Equal(t, want.preferred, header(c, "Preference-Applied"))
		require.Equal(t, fiber.MIMEApplicationJSON, header(c, fiber.HeaderContentType))
		require.Empty(t, c.Response().Body())
	}
}

func TestQueriesLeaveSpaceForACursor(t *testing.T) {
	const address, cursor = len("/things/?cursor="), 299 // the longest shortened cursor of two columns
	long := "/things/?search=" + strings.Repeat("a", 600)
	for name, c := range map[string]struct {
		uri   string
		limit int
		want  error
	}{
		"exactly the space":      {"/things/", address + cursor, nil},
		"one byte too few":       {"/things/", address + cursor - 1, ErrURITooLong},
		"much space":             {"/things/", 2048, nil},
		"a long query":           {long, 700, ErrURITooLong},
		"a long query that fits": {long, len("&cursor=") + len(long) + cursor, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := PageRequest(newRequest(t, newListCall(t, c.limit), "GET", c.uri))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestOrders(t *testing.T) {
	rules := &contract.ListRules{Default: "-created_at"}
	require.Equal(t, []paging.Order{
		{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
	}, orderOf("", rules))
	require.Equal(t, []paging.Order{
		{Column: "age", Descending: true}, {Column: "name"}, {Column: "id"},
	}, orderOf("-age,name", rules))
}
