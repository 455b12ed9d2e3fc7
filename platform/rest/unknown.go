package rest

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"healthcare/platform/errs"
)

// maxWarned is how many unknown names a Warning lists.
const maxWarned = 10

// reportUnknown reports members that the operation does not know: in a Warning, or with Prefer: handling=strict (RFC
// 7240) among the rejected fields. Members of the response are known, so that a resource can be sent back as it was
// read.
func reportUnknown(c *fiber.Ctx, members map[string]jsontext.Value, rejected map[string][]string) {
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
			rejected[name] = []string{"Unknown field."}
		}
		return
	}
	WarnIgnored(c, "fields", unknown)
}

// WarnIgnored sets the Warning header to the names of the request's parts that were ignored, if any. The names must be
// those of errs.FieldName.
func WarnIgnored(c *fiber.Ctx, kind string, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	if len(names) > maxWarned {
		names = append(names[:maxWarned], "...")
	}
	list := strings.Join(slices.Compact(names), ", ")
	c.Set(fiber.HeaderWarning, `299 - "Unknown `+kind+` were ignored: `+list+`"`)
}
