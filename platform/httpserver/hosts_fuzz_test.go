package httpserver

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// FuzzHost checks that a host is served only if it equals the allowed host, or is in an allowed domain, ignoring port,
// final dot and case.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"", "api.example", "API.example.:80", "[::1]:80", "evilapi.example", "api.example.evil", "deep.below.test",
		"below.test", "xbelow.test", "api.example:80:80",
		"[api.example]", "api.example@evil", "api.example/evil", "api.example\\evil", "api.example\x00evil",
		"..below.test", "]api.example[",
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
		require.True(
			t, name == "api.example" || name == "below.test" || strings.HasSuffix(name, ".below.test"), "%q", host,
		)
	})
}
