package rest

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"healthcare/platform/errs"
)

// maxWarned is the maximum number of names in a Warning.
const maxWarned = 10

// reportUnknown reports members that the operation does not describe: in a Warning or, with Prefer: handling=strict
// (RFC 7240), as rejected fields. Members of the response are accepted, so that clients can send back a resource as
// they read it.
func reportUnknown(c *fiber.Ctx, members map[string]jsontext.Value, rejected map[string][]string) {
	call := CallOf(c)
	if call == nil {
		return // no described operation
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

// WarnIgnored lists the ignored parts of the request in the Warning header, if there are any. names must be results of
// errs.FieldName.
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
