package httpserver

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/valyala/fasthttp"
)

// crossOrigin allows pages of the given origins, compared exactly, to read responses (Fetch Standard, CORS protocol).
// Credentials are not allowed: the service uses no cookies, and a page sends the bearer token itself.
func crossOrigin(origins []string) fiber.Handler {
	return cors.New(cors.Config{
		AllowOrigins:  strings.Join(origins, ","),
		AllowMethods:  "GET,HEAD,POST,PUT,PATCH,DELETE",
		AllowHeaders:  strings.Join(requestHeaders, ","),
		ExposeHeaders: strings.Join(responseHeaders, ","),
		MaxAge:        600, // seconds for which a browser may cache the response to its preflight
	})
}

// problemHeaders are the headers that a response keeps when it is replaced by a problem.
var problemHeaders = []string{
	fiber.HeaderAccessControlAllowOrigin, fiber.HeaderAccessControlExposeHeaders, fiber.HeaderVary, fiber.HeaderAllow,
}

// reset resets a response, except for problemHeaders.
func reset(response *fasthttp.Response) {
	kept := map[string]string{}
	for _, name := range problemHeaders {
		if value := response.Header.Peek(name); len(value) > 0 {
			kept[name] = string(value)
		}
	}
	response.Reset()
	for name, value := range kept {
		response.Header.Set(name, value)
	}
}
