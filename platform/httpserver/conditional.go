package httpserver

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// errUnconditional asks for an If-Match where the operator requires one (RFC 6585, section 3).
var errUnconditional = errs.New(errs.Unconditional, "if_match_required", "Send If-Match with the ETag of the version you mean to change.")

// entityTag is one tag of ours: the version, and for what is shown with derived parts a digest of them.
var entityTag = regexp.MustCompile(`^"v([0-9]{1,9})(?:-[0-9a-f]+)?"$`)

// IfMatch is which versions of the resource the client means to change: those it names, any that exists for *, any when it says
// nothing. Tags are compared strongly, so a weak one matches none (RFC 9110, section 13.1.1). Errors: errs.Unconditional.
func IfMatch(c *fiber.Ctx) (revision.Match, error) {
	header := strings.TrimSpace(c.Get(fiber.HeaderIfMatch))
	if header == "" && callOf(c).server.cfg.RequireIfMatch {
		return revision.Match{}, errUnconditional
	}
	if header == "" || header == "*" {
		return revision.Match{}, nil
	}
	var versions []int
	for tag := range strings.SplitSeq(header, ",") {
		if m := entityTag.FindStringSubmatch(strings.TrimSpace(tag)); m != nil {
			version, _ := strconv.Atoi(m[1])
			versions = append(versions, version)
		}
	}
	return revision.OneOf(versions...), nil
}

// Resource is a single resource to show, and the version it is at.
type Resource struct {
	Version int
	Derived bool // it shows parts that change without the version, such as an age
	Body    any
}

// Send answers a resource with its ETag: 304 without it where a GET says that it has it already (RFC 9110, section 13.1.2).
func Send(c *fiber.Ctx, status int, r Resource) error {
	body, err := encodeJSON(r.Body)
	if err != nil {
		return err
	}
	tag := "v" + strconv.Itoa(r.Version)
	if r.Derived {
		digest := sha256.Sum256(body)
		tag += "-" + hex.EncodeToString(digest[:8])
	}
	tag = `"` + tag + `"`
	c.Set(fiber.HeaderETag, tag)
	if (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && names(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(body)
}

// names reports whether an If-None-Match holds tag, by weak comparison.
func names(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
