package httpserver

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver/query"
	"healthcare/platform/rest"
)

type localsKey int

const (
	requestIDKey localsKey = iota
	readErrorKey
)

// call is a request to a described operation, with the shares that it holds.
type call struct {
	rest.Call
	server *Server

	turn  *admission.Lease // nil: it is not its turn, or it needs none
	token string           // the end of the access token
	heavy *admission.Lease // of heavy reads; nil: none
	lease *admission.Lease // the memory of a page; nil: none
}

// callHandler responds to a call that has passed the checks.
type callHandler func(*fiber.Ctx, *call) error

// errNotFound is the answer to a path that names nothing.
var errNotFound = errs.New(errs.NotFound, "not_found", "There is nothing here.")

// guard stands before every handler: who may call, and what may be sent.
func (s *Server) guard(op *contract.Operation, handler fiber.Handler) fiber.Handler {
	answer := callHandler(func(c *fiber.Ctx, _ *call) error { return handler(c) })
	if op.Repeatable {
		answer = func(c *fiber.Ctx, call *call) error { return s.once(c, call, handler) }
	}
	answer = s.spread(op, answer)
	return func(c *fiber.Ctx) error {
		call := &call{server: s}
		call.Operation, call.Settings, call.Address = op, &s.settings, s.addresses.Client(c.Context())
		rest.Attach(c, &call.Call)
		id, _ := c.Locals(requestIDKey).(string)
		request := audit.Request{ID: id, Address: call.Address, ShowsNothing: c.Method() == fiber.MethodHead}
		c.SetUserContext(audit.WithRequest(database.Unit(c.UserContext()), request))
		for _, name := range c.Route().Params {
			if _, err := url.PathUnescape(c.Params(name)); err != nil {
				return errNotFound // no id is spelt like this
			}
		}
		defer call.release()
		switch {
		case !op.Access.IsPublic():
			principal, err := s.authenticate(c, call)
			if err != nil {
				return err
			}
			call.Principal = principal
		case !op.Platform && !op.Hashes:
			if err := call.enter(c, ""); err != nil {
				return err
			}
		}
		if err := call.spend(); err != nil {
			return err
		}
		if !op.Access.IsPublic() && !op.Access.Allows(call.Principal.Role) {
			return s.forbid(c, op, call.Principal)
		}
		if err := call.readQuery(c); err != nil {
			return err
		}
		if op.TakesBody {
			if s.cfg.Django {
				if err := readForm(c, op); err != nil {
					return err
				}
			}
			if err := acceptable(c, op); err != nil {
				return err
			}
		}
		if op.Hashes {
			call.leave()
		}
		if err := call.reserve(c); err != nil {
			return err
		}
		if err := answer(c, call); err != nil {
			return err
		}
		return call.account(c)
	}
}

// readQuery checks the query, and replaces it with its canonical form where it was sent in another. Errors: errs.Invalid.
func (call *call) readQuery(c *fiber.Ctx) error {
	op, uri := call.Operation, c.Request().URI()
	if len(uri.QueryString()) == 0 || len(op.Query) == 0 && !op.ReturnsArray {
		return nil
	}
	reader := query.Reader{
		Zone: call.server.cfg.TimeZone, Strict: rest.Prefers(c, rest.HandlingStrict), Array: op.ReturnsArray,
		Django: call.Settings.Django, Ignored: map[string]bool{},
	}
	canonical, err := reader.Read(uri.QueryArgs(), op.Query)
	if err == nil && canonical != nil {
		call.SentQuery = string(uri.QueryString())
		uri.SetQueryString(canonical.Encode())
	}
	rest.WarnIgnored(c, "parameters", slices.Collect(maps.Keys(reader.Ignored)))
	return err
}

// forbid refuses a role, and has the audit trail know of it.
func (s *Server) forbid(c *fiber.Ctx, op *contract.Operation, who auth.Principal) error {
	entry := audit.Entry{Action: audit.Refused, Resource: op.Resource, Outcome: audit.Denied, Status: fiber.StatusForbidden}
	if err := s.trail.Record(c.UserContext(), who, entry); err != nil {
		return err
	}
	return auth.ErrForbidden
}

// authenticate verifies the bearer token (RFC 6750; the scheme's case does not matter, RFC 9110 section 11.1). A header of another scheme holds
// no token. Errors: auth.ErrUnauthenticated without a token, auth.ErrInvalidToken, errs.Unavailable.
func (s *Server) authenticate(c *fiber.Ctx, call *call) (auth.Principal, error) {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "bearer") {
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	if err := call.enter(c, token); err != nil {
		return auth.Principal{}, err
	}
	return s.authenticator.Authenticate(c.UserContext(), token)
}
