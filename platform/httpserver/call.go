package httpserver

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

type localsKey int

const (
	callKey localsKey = iota
	requestIDKey
	readErrorKey
)

// call is a request to a described operation.
type call struct {
	server    *Server
	op        *operation
	principal auth.Principal
	address   netip.Addr
	sentQuery string // where it was not in the form that handlers read

	turn      *admission.Lease // nil: it is not its turn, or it needs none
	token     string           // the end of the access token
	heavy     *admission.Lease // of heavy reads; nil: none
	lease     *admission.Lease // the memory of a page; nil: none
	pageBytes int              // how large the page may be
}

// callOf is the call that a handler answers; nil where no described operation was reached.
func callOf(c *fiber.Ctx) *call {
	call, _ := c.Locals(callKey).(*call)
	return call
}

// Principal is the signed-in user, for the handler of an operation that is not public.
func Principal(c *fiber.Ctx) auth.Principal { return callOf(c).principal }

// errNotFound is the answer to a path that names nothing.
var errNotFound = errs.New(errs.NotFound, "not_found", "There is nothing here.")

// guard stands before every handler: who may call, and what may be sent.
func (s *Server) guard(op *operation, handler fiber.Handler) fiber.Handler {
	answer := handler
	if op.repeatable {
		answer = func(c *fiber.Ctx) error { return s.once(c, callOf(c), handler) }
	}
	answer = s.spread(op, answer)
	return func(c *fiber.Ctx) error {
		call := &call{server: s, op: op, address: s.clientAddress(c.Context())}
		c.Locals(callKey, call)
		id, _ := c.Locals(requestIDKey).(string)
		request := audit.Request{ID: id, Address: call.address, ShowsNothing: c.Method() == fiber.MethodHead}
		c.SetUserContext(audit.WithRequest(database.Unit(c.UserContext()), request))
		for _, name := range c.Route().Params {
			if _, err := url.PathUnescape(c.Params(name)); err != nil {
				return errNotFound // no id is spelt like this
			}
		}
		defer call.release()
		switch {
		case !op.access.IsPublic():
			principal, err := s.authenticate(c)
			if err != nil {
				return err
			}
			call.principal = principal
		case !op.platform && !op.hashes:
			if err := call.enter(c, ""); err != nil {
				return err
			}
		}
		if err := call.spend(); err != nil {
			return err
		}
		if !op.access.IsPublic() && !op.access.Allows(call.principal.Role) {
			return s.forbid(c, op, call.principal)
		}
		if err := call.readQuery(c); err != nil {
			return err
		}
		if op.takesBody {
			if s.cfg.Django {
				if err := readForm(c, op); err != nil {
					return err
				}
			}
			if err := acceptable(c, op); err != nil {
				return err
			}
		}
		if op.hashes {
			call.leave()
		}
		if err := call.reserve(c); err != nil {
			return err
		}
		if err := answer(c); err != nil {
			return err
		}
		return call.account(c)
	}
}

// readQuery checks the query, and replaces it with its canonical form where it was sent in another. Errors: errs.Invalid.
func (call *call) readQuery(c *fiber.Ctx) error {
	op, uri := call.op, c.Request().URI()
	if len(uri.QueryString()) == 0 || len(op.query) == 0 && !op.array {
		return nil
	}
	reader := queryReader{zone: call.server.cfg.TimeZone, strict: prefers(c, handlingStrict), array: op.array}
	reader.django, reader.ignored = call.server.cfg.Django, map[string]bool{}
	canonical, err := reader.read(uri.QueryArgs(), op.query)
	if err == nil && canonical != nil {
		call.sentQuery = string(uri.QueryString())
		uri.SetQueryString(canonical.Encode())
	}
	warnIgnored(c, "parameters", slices.Collect(maps.Keys(reader.ignored)))
	return err
}

// forbid refuses a role, and has the audit trail know of it.
func (s *Server) forbid(c *fiber.Ctx, op *operation, who auth.Principal) error {
	entry := audit.Entry{Action: audit.Refused, Resource: op.resource, Outcome: audit.Denied, Status: fiber.StatusForbidden}
	if err := s.trail.Record(c.UserContext(), who, entry); err != nil {
		return err
	}
	return auth.ErrForbidden
}

// authenticate verifies the bearer token (RFC 6750; the scheme's case does not matter, RFC 9110 section 11.1). A header of another scheme holds
// no token. Errors: auth.ErrUnauthenticated without a token, auth.ErrInvalidToken, errs.Unavailable.
func (s *Server) authenticate(c *fiber.Ctx) (auth.Principal, error) {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "bearer") {
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	if err := callOf(c).enter(c, token); err != nil {
		return auth.Principal{}, err
	}
	return s.authenticator.Authenticate(c.UserContext(), token)
}
