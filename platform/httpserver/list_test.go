package httpserver

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestCursorsOfReleasesWithoutTheCanonicalForm(t *testing.T) {
	s := serve(t)
	op := &operation{list: &listRules{Ordering: []string{"name"}, Default: "name"}, query: everyKind(), array: true}
	op.query["cursor"] = op.query["search"]
	ask := func(query string) error {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/things/?" + query)
		c := s.app.AcquireCtx(&ctx)
		defer s.app.ReleaseCtx(c)
		call := &call{server: s.Server, op: op}
		c.Locals(callKey, call)
		require.NoError(t, call.readQuery(c))
		request, err := PageRequest(c)
		if err == nil {
			require.Equal(t, []string{"a", "1"}, request.After)
		}
		return err
	}
	op.query["cursor"].MaxLength = nil
	sealed := func(query string) string {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		return url.QueryEscape(s.cursors.seal([]string{"a", "1"}, (&call{}).binding("/things/", values), maxCursor))
	}
	t.Run("are good for the query that they were made for, empty filters included", func(t *testing.T) {
		require.NoError(t, ask("search=&kind=a&cursor="+sealed("search=&kind=a")))
	})
	t.Run("are good for no other query", func(t *testing.T) {
		require.Error(t, ask("search=&kind=b&cursor="+sealed("search=&kind=a")))
		require.Error(t, ask("kind=a&cursor="+sealed("search=&kind=a")))
	})
}
