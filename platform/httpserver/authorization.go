package httpserver

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// errNotFound is the error for a path that does not exist.
var errNotFound = errs.New(errs.NotFound, "not_found", "Not found.")

// checkPath rejects a path parameter that cannot be decoded, because no id has such a form. Errors: errNotFound.
func checkPath(_ *call, c *fiber.Ctx) error {
	for _, name := range c.Route().Params {
		if _, err := url.PathUnescape(c.Params(name)); err != nil {
			return errNotFound
		}
	}
	return nil
}

// readToken reads the bearer token (RFC 6750; the scheme is case-insensitive, RFC 9110, section 11.1). A header with
// another scheme counts as missing. Errors: auth.ErrUnauthenticated.
func readToken(call *call, c *fiber.Ctx) error {
	if call.Operation.Access.IsPublic() {
		return nil
	}
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "bearer") {
		return auth.ErrUnauthenticated
	}
	call.bearer = token
	return nil
}

// authenticate verifies the token. Errors: auth.ErrInvalidToken, errs.Unavailable.
func (s *Server) authenticate(call *call, c *fiber.Ctx) (err error) {
	if call.Operation.Access.IsPublic() {
		return nil
	}
	call.Principal, err = s.authenticator.Authenticate(c.UserContext(), call.bearer)
	return err
}

// authorize rejects a role that may not call the operation. Errors: auth.ErrForbidden; that of the audit trail.
func (s *Server) authorize(call *call, c *fiber.Ctx) error {
	if call.Operation.Access.IsPublic() || call.Operation.Access.Allows(call.Principal.Role) {
		return nil
	}
	return s.forbid(c, call.Operation, call.Principal)
}

// forbid records in the audit trail that a role was rejected. Errors: auth.ErrForbidden; that of the audit trail.
func (s *Server) forbid(c *fiber.Ctx, op *contract.Operation, by auth.Principal) error {
	entry := audit.Entry{
		Action: audit.Refused, Resource: op.Resource, Outcome: audit.Denied, Status: fiber.StatusForbidden,
	}
	if err := s.trail.Record(c.UserContext(), by, entry); err != nil {
		return err
	}
	return auth.ErrForbidden
}
