package rest

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// Tags that compressing proxies have rewritten match their version; other texts do not.
func TestTagsThatProxiesRewrite(t *testing.T) {
	t.Parallel()
	app := fiber.New()
	for name, c := range map[string]struct {
		tag  string // the tag of the response
		sent []string
		is   bool
	}{
		"the tag itself":                   {`"v3"`, []string{`"v3"`}, true},
		"the weak form, as nginx makes it": {`"v3"`, []string{`W/"v3"`}, true},
		"the weak form with a derived part": {
			`"v3-1f2e3d4c5b6a7988"`, []string{`W/"v3-1f2e3d4c5b6a7988"`}, true,
		},
		"Apache's coding inside": {`"v3"`, []string{`"v3-gzip"`}, true},
		"Apache's coding behind a derived part": {
			`"v3-1f2e3d4c5b6a7988"`, []string{`"v3-1f2e3d4c5b6a7988-gzip"`}, true,
		},
		"Brotli":                                   {`"v3"`, []string{`"v3-br"`}, true},
		"Zstandard":                                {`"v3"`, []string{`"v3-zstd"`}, true},
		"a semicolon":                              {`"v3"`, []string{`"v3;gzip"`}, true},
		"two hyphens":                              {`"v3"`, []string{`"v3--gzip"`}, true},
		"the coding behind the quotation mark":     {`"v3"`, []string{`"v3"-gzip`}, true},
		"weak and with a coding":                   {`"v3"`, []string{`W/"v3-gzip"`}, true},
		"one of a list":                            {`"v3"`, []string{`"x", W/"v2" ,	W/"v3"`}, true},
		"one of a list without spaces":             {`"v3"`, []string{`W/"v9","v3-gzip"`}, true},
		"one of several lines":                     {`"v3"`, []string{`"x"`, `W/"v3"`}, true},
		"anything":                                 {`"v3"`, []string{`*`}, true},
		"anything, between spaces":                 {`"v3"`, []string{` * `}, true},
		"another version":                          {`"v3"`, []string{`W/"v2"`}, false},
		"another version with a coding":            {`"v3"`, []string{`"v33-gzip"`}, false},
		"a weak tag of another service":            {`"v3"`, []string{`W/"3"`}, false},
		"a strong tag of another service":          {`"v3"`, []string{`"3-gzip"`}, false},
		"a tag without quotation marks":            {`"v3"`, []string{`W/v3`}, false},
		"a word that is no coding":                 {`"v3"`, []string{`"v3-draft"`}, false},
		"a coding twice":                           {`"v3"`, []string{`"v3-gzip-br"`}, false},
		"the weak mark twice":                      {`"v3"`, []string{`W/W/"v3"`}, false},
		"the weak mark inside the quotation marks": {`"v3"`, []string{`"W/v3"`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := app.AcquireCtx(&fasthttp.RequestCtx{})
			defer app.ReleaseCtx(ctx)
			Attach(ctx, &Call{Settings: &Settings{}})
			for _, line := range c.sent {
				ctx.Request().Header.Add(fiber.HeaderIfMatch, line)
				ctx.Request().Header.Add(fiber.HeaderIfNoneMatch, line)
			}
			match, err := IfMatch(ctx)
			require.NoError(t, err)
			require.Equal(t, c.is, match.Check(3) == nil, "If-Match")
			require.Equal(t, c.is, containsTag(headerList(ctx, fiber.HeaderIfNoneMatch), c.tag), "If-None-Match")
		})
	}
	t.Run("a different derived part is a different body of the same version", func(t *testing.T) {
		require.False(t, containsTag(`W/"v3-1f2e3d4c5b6a7988"`, `"v3-0000000000000000"`))
		require.False(t, containsTag(`W/"v3"`, `"v3-0000000000000000"`))
	})
}

func TestSend(t *testing.T) {
	t.Parallel()
	send := func(method, sent string, r Resource) *fiber.Ctx {
		c := newRequest(t, nil, method, "/things/1/", fiber.HeaderIfNoneMatch, sent)
		require.NoError(t, Send(c, fiber.StatusOK, r))
		return c
	}
	known := Resource{Version: 3, Body: 1}
	for name, want := range map[string]struct {
		method, sent string
		status       int
	}{
		"GET of the known version":     {"GET", `"v3"`, 304},
		"HEAD of the known version":    {"HEAD", `"v3"`, 304},
		"GET of another version":       {"GET", `"v2"`, 200},
		"PATCH with the known version": {"PATCH", `"v3"`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			c := send(want.method, want.sent, known)
			require.Equal(t, want.status, c.Response().StatusCode())
			require.Equal(t, `"v3"`, header(c, fiber.HeaderETag))
			if want.status == fiber.StatusOK {
				require.Equal(t, fiber.MIMEApplicationJSON, header(c, fiber.HeaderContentType))
				require.Equal(t, "1", string(c.Response().Body()))
			}
		})
	}
	t.Run("the tag of a body with derived parts has a digest of eight bytes", func(t *testing.T) {
		one := header(send("GET", "", Resource{Version: 3, Derived: true, Body: 1}), fiber.HeaderETag)
		two := header(send("GET", "", Resource{Version: 3, Derived: true, Body: 2}), fiber.HeaderETag)
		require.Regexp(t, `^"v3-[0-9a-f]{16}"$`, one)
		require.NotEqual(t, one, two)
	})
}
