package rest

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"healthcare/platform/errs"
)

// warnedNames bounds how many unknown members a Warning names.
const warnedNames = 10

// unknownMembers tells the client of members that the operation does not know: by a Warning, or with Prefer: handling=strict (RFC 7240) by
// refusing them beside what else is refused. Members of the answer are known: what was read can be put back.
func unknownMembers(c *fiber.Ctx, members map[string]jsontext.Value, refused map[string][]string) {
	call := CallOf(c)
	if call == nil {
		return // no described operation, so nothing is known
	}
	var unknown []string
	for name := range members {
		if !call.Operation.Known[name] {
			unknown = append(unknown, errs.FieldName(name, "body"))
		}
	}
	if Prefers(c, HandlingStrict) {
		for _, name := range unknown {
			refused[name] = []string{"Unknown field."}
		}
		return
	}
	WarnIgnored(c, "fields", unknown)
}

// WarnIgnored tells the client which printable names of its request were ignored, if any.
func WarnIgnored(c *fiber.Ctx, what string, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	if len(names) > warnedNames {
		names = append(names[:warnedNames], "...")
	}
	c.Set(fiber.HeaderWarning, `299 - "Unknown `+what+` were ignored: `+strings.Join(slices.Compact(names), ", ")+`"`)
}
