package httpserver

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// FuzzIfMatch holds that a header allows a version only by naming its tag, in a form that a proxy may have made of it, or by *.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{
		"", "*", `"v1"`, `W/"v1"`, `"v1", "v2"`, `"v1","v3"`, "v1", `"v01"`, `"v1-0123456789abcdef"`, `"v1-"`, `"v4294967297"`, `"v999999999"`, `"v-1"`, `"v1" "v2"`,
		`,,"v1",`, "\"v1\r\n", `"*"`, "**", `"v１"`, " ", "\t*", `"v18446744073709551617"`,
		`W/"v1-0123456789abcdef"`, `"v1-gzip"`, `W/"v1--gzip"`, `"v1;gzip"`, `"v1"-gzip`, `W/"v2", "v1-br"`, `W/"x1"`, `w/"v1"`, `W/W/"v1"`, `"v1-gzip-gzip"`,
	} {
		f.Add(seed, uint8(1))
	}
	app := fiber.New()
	server := &Server{cfg: Config{}}
	f.Fuzz(func(t *testing.T, header string, at uint8) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		c.Locals(callKey, &call{server: server, op: &operation{}})
		c.Request().Header.Set(fiber.HeaderIfMatch, header)
		version, tag := int(at), fmt.Sprintf(`"v%d"`, at)

		allowed, err := IfMatch(c)
		require.NoError(t, err)
		said := strings.TrimSpace(c.Get(fiber.HeaderIfMatch))
		if allowed.Check(version) == nil && said != "" && said != "*" {
			require.Contains(t, said, "v", "no tag is named")
			require.Contains(t, said, fmt.Sprint(at))
			require.Contains(t, said, `"v`, "a tag is quoted")
		}
		if !strings.ContainsAny(header, "*,") && names(header, tag) {
			opaque, is := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(header), "W/"), strings.TrimSuffix(tag, `"`))
			require.True(t, is, "%q", header)
			require.Regexp(t, `^(--?[a-z-]+|;[a-z-]+)?"(--?[a-z-]+|;[a-z-]+)?$`, opaque)
		}
		server := &Server{cfg: Config{RequireIfMatch: true}}
		c.Locals(callKey, &call{server: server, op: &operation{}})
		_, err = IfMatch(c)
		require.Equal(t, said == "", errors.Is(err, errUnconditional))
	})
}

// FuzzHost holds that a host is served only when, without port, dot and case, it is the allowed one or below an allowed domain.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"", "api.example", "API.example.:80", "[::1]:80", "evilapi.example", "api.example.evil", "deep.below.test", "below.test", "xbelow.test", "api.example:80:80",
		"[api.example]", "api.example@evil", "api.example/evil", "api.example\\evil", "api.example\x00evil", "..below.test", "]api.example[",
	} {
		f.Add(seed)
	}
	s := &Server{cfg: Config{AllowedHosts: []string{"api.example", ".below.test"}}}
	app := fiber.New()
	f.Fuzz(func(t *testing.T, host string) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		c.Request().SetRequestURI("/things/")
		c.Request().SetHost(host)
		if !s.servesHost(c) {
			return
		}
		lower := strings.ToLower(string(c.Request().Host()))
		name, _, _ := strings.Cut(lower, ":")
		name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
		require.True(t, name == "api.example" || name == "below.test" || strings.HasSuffix(name, ".below.test"), "%q", host)
	})
}
