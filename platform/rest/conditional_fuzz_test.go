package rest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// FuzzIfMatch checks that a header matches a version only if it contains * or the version's tag, possibly rewritten by
// a proxy.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{
		"", "*", `"v1"`, `W/"v1"`, `"v1", "v2"`, `"v1","v3"`, "v1", `"v01"`, `"v1-0123456789abcdef"`, `"v1-"`,
		`"v4294967297"`, `"v999999999"`, `"v-1"`, `"v1" "v2"`,
		`,,"v1",`, "\"v1\r\n", `"*"`, "**", `"v１"`, " ", "\t*", `"v18446744073709551617"`,
		`W/"v1-0123456789abcdef"`, `"v1-gzip"`, `W/"v1--gzip"`, `"v1;gzip"`, `"v1"-gzip`, `W/"v2", "v1-br"`, `W/"x1"`,
		`w/"v1"`, `W/W/"v1"`, `"v1-gzip-gzip"`,
	} {
		f.Add(seed, uint8(1))
	}
	app := fiber.New()
	f.Fuzz(func(t *testing.T, header string, at uint8) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		Attach(c, &Call{Settings: &Settings{}})
		c.Request().Header.Set(fiber.HeaderIfMatch, header)
		version, tag := int(at), fmt.Sprintf(`"v%d"`, at)

		allowed, err := IfMatch(c)
		require.NoError(t, err)
		sent := strings.TrimSpace(c.Get(fiber.HeaderIfMatch))
		if allowed.Check(version) == nil && sent != "" && sent != "*" {
			require.Contains(t, sent, "v", "no tag is named")
			require.Contains(t, sent, fmt.Sprint(at))
			require.Contains(t, sent, `"v`, "a tag is quoted")
		}
		if !strings.ContainsAny(header, "*,") && containsTag(header, tag) {
			opaque, is := strings.CutPrefix(
				strings.TrimPrefix(strings.TrimSpace(header), "W/"), strings.TrimSuffix(tag, `"`),
			)
			require.True(t, is, "%q", header)
			require.Regexp(t, `^(--?[a-z-]+|;[a-z-]+)?"(--?[a-z-]+|;[a-z-]+)?$`, opaque)
		}
		Attach(c, &Call{Settings: &Settings{RequireIfMatch: true}})
		_, err = IfMatch(c)
		require.Equal(t, sent == "", errors.Is(err, errUnconditional))
	})
}
