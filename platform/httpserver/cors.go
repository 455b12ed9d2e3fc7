package httpserver

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/valyala/fasthttp"
)

// crossOrigin lets browsers show answers to pages of the given origins, compared exactly (Fetch Standard, CORS protocol). No cookies are involved:
// a page sends the bearer token itself, so credentials stay off.
func crossOrigin(origins []string) fiber.Handler {
	return cors.New(cors.Config{
		AllowOrigins:  strings.Join(origins, ","),
		AllowMethods:  "GET,HEAD,POST,PUT,PATCH,DELETE",
		AllowHeaders:  strings.Join(callerHeaders, ","),
		ExposeHeaders: strings.Join(answerHeaders, ","),
		MaxAge:        600, // seconds a browser may remember the answer to its preflight
	})
}

// keptHeaders are those of the middleware that an answer keeps when it turns into a problem.
var keptHeaders = []string{
	fiber.HeaderAccessControlAllowOrigin, fiber.HeaderAccessControlExposeHeaders, fiber.HeaderVary, fiber.HeaderAllow,
}

// resetKeeping empties an answer but for those headers.
func resetKeeping(answer *fasthttp.Response) {
	kept := map[string]string{}
	for _, name := range keptHeaders {
		if value := answer.Header.Peek(name); len(value) > 0 {
			kept[name] = string(value)
		}
	}
	answer.Reset()
	for name, value := range kept {
		answer.Header.Set(name, value)
	}
}
