package rest

import (
	"net/url"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
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
