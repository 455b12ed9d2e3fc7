package httpserver

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// weights parses a header with weighted values, such as br, gzip;q=0.5 (RFC 9110, section 12.4.2). It returns the
// values in lower case. An invalid weight counts as 1.
func weights(c *fiber.Ctx, header string) map[string]float64 {
	all := map[string]float64{}
	for _, line := range c.Request().Header.PeekAll(header) {
		for one := range strings.SplitSeq(strings.ToLower(string(line)), ",") {
			value, parameters, _ := strings.Cut(one, ";")
			weight := 1.0
			for parameter := range strings.SplitSeq(parameters, ";") {
				if q, found := strings.CutPrefix(strings.TrimSpace(parameter), "q="); found {
					if read, err := strconv.ParseFloat(q, 64); err == nil && read >= 0 && read <= 1 {
						weight = read
					}
				}
			}
			if value = strings.TrimSpace(value); value != "" {
				all[value] = weight
			}
		}
	}
	return all
}

// prefersGzip reports whether the client accepts gzip and does not prefer the plain form (RFC 9110, section 12.5.3).
func prefersGzip(c *fiber.Ctx) bool {
	accepted := weights(c, fiber.HeaderAcceptEncoding)
	gzip, named := accepted["gzip"]
	if !named {
		gzip, named = accepted["x-gzip"]
	}
	if !named {
		gzip = accepted["*"]
	}
	return gzip > 0 && gzip >= accepted["identity"]
}
