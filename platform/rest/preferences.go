package rest

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Preferences of clients (RFC 7240) that change what an operation does.
const (
	HandlingStrict = "handling=strict" // reject unknown fields, and values of another type than the contract has
	CountExact     = "count=exact"     // count all items of a list
)

// Prefers reports whether the request has a preference, such as count=exact. The first value of a preference counts,
// across all lines of the header (RFC 7240, section 2).
func Prefers(c *fiber.Ctx, preference string) bool {
	wanted, _, _ := strings.Cut(preference, "=")
	for _, line := range c.Request().Header.PeekAll("Prefer") {
		for one := range strings.SplitSeq(string(line), ",") {
			one, _, _ = strings.Cut(one, ";") // parameters are ignored
			name, value, _ := strings.Cut(one, "=")
			name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
			if strings.EqualFold(name, wanted) {
				return strings.EqualFold(name+"="+value, preference)
			}
		}
	}
	return false
}
