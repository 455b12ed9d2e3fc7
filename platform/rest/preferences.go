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

// Prefers reports whether the client states a preference, such as count=exact. If a preference has several values, the
// first counts, in any line of the header (RFC 7240, section 2).
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
