package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// errUnconditional is the error of a request without an If-Match that the operator requires (RFC 6585, section 3).
var errUnconditional = errs.New(
	errs.Unconditional, "if_match_required", "Send If-Match with the ETag of the version you mean to change.",
)

// entityTag matches the tags of this service: the version and, for a body with derived parts, a digest of them.
// Compressing proxies weaken a tag (nginx) or append the coding to it (Apache and Caddy -gzip, older Apache ;gzip and a
// suffix after the quotation mark, Jetty --gzip). These forms still identify the version.
var entityTag = regexp.MustCompile(`^(?:W/)?"(v([0-9]{1,9})(?:-[0-9a-f]+)?)` + codingSuffix + `"` + codingSuffix + `$`)

const codingSuffix = `(?:(?:--?|;)(?:x-gzip|gzip|br|zstd|zstandard|deflate|compress))?`

// IfMatch returns the versions in If-Match; * or a missing header matches any version. Weak forms of this service's
// tags match their version. Other tags match nothing (RFC 9110, section 13.1.1). Errors: errs.Unconditional.
func IfMatch(c *fiber.Ctx) (revision.Match, error) {
	header := strings.TrimSpace(headerList(c, fiber.HeaderIfMatch))
	if header == "" && CallOf(c).Settings.RequireIfMatch {
		return revision.Match{}, errUnconditional
	}
	if header == "" || header == "*" {
		return revision.Match{}, nil
	}
	var versions []int
	for tag := range strings.SplitSeq(header, ",") {
		if m := entityTag.FindStringSubmatch(strings.TrimSpace(tag)); m != nil {
			version, _ := strconv.Atoi(m[2])
			versions = append(versions, version)
		}
	}
	return revision.OneOf(versions...), nil
}

// headerList returns the value of a list header, which may have several lines (RFC 9110, section 5.3).
func headerList(c *fiber.Ctx, name string) string {
	lines := c.Request().Header.PeekAll(name)
	if len(lines) == 1 {
		return string(lines[0])
	}
	return string(bytes.Join(lines, []byte(",")))
}

// Resource is a single resource with its version.
type Resource struct {
	Version int
	Derived bool // the body has parts that change independently of the version, such as an age
	Body    any
}

// Send responds with a resource and its ETag, or with 304 to a GET whose If-None-Match contains the tag (RFC 9110,
// section 13.1.2).
func Send(c *fiber.Ctx, status int, r Resource) error {
	body, err := EncodeJSON(r.Body)
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
	if (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && HasVersion(c, tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(body)
}

// HasVersion reports whether the request's If-None-Match contains tag.
func HasVersion(c *fiber.Ctx, tag string) bool {
	return containsTag(headerList(c, fiber.HeaderIfNoneMatch), tag)
}

// containsTag reports whether the value of an If-None-Match header contains tag, by weak comparison, or a form of tag
// that a proxy has rewritten.
func containsTag(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
		if m := entityTag.FindStringSubmatch(one); m != nil && `"`+m[1]+`"` == tag {
			return true
		}
	}
	return false
}
