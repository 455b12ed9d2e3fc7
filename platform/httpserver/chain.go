package httpserver

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/rest"
)

// This file defines the path of a request: the steps in the order in which they run, each of which is one function. A
// request first passes serve, then the middleware, then the steps of its operation.

// serve returns the handler that fasthttp calls. Its steps reject the requests that Fiber must not receive.
func (s *Server) serve(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !s.checkFraming(ctx) {
			return
		}
		release, received := s.receiveBody(ctx)
		if !received {
			return
		}
		defer release()
		if !claimConnection(ctx) || !s.checkMethod(ctx) {
			return
		}
		next(ctx)
		s.closeIfDraining(ctx)
	}
}

// middleware returns the handlers that all requests pass.
func (s *Server) middleware() []any {
	all := []any{
		s.record, // outermost: it also recovers from panics and turns errors into problems
		s.limit,  // the length of the URL, the encoding, the host and the deadline
	}
	if len(s.cfg.CORSOrigins) > 0 {
		all = append(all, crossOrigin(s.cfg.CORSOrigins))
	}
	return all
}

// step is a part of the path of a call. A step that does not apply to the call's operation returns nil.
type step func(*call, *fiber.Ctx) error

// operation returns the handler of a described operation.
func (s *Server) operation(op *contract.Operation, handler fiber.Handler) fiber.Handler {
	steps := []step{
		checkPath,
		readToken,
		(*call).takeTurn,
		s.authenticate,
		(*call).spend,
		s.authorize,
		s.readQuery,
		s.readForm,
		checkBody,
		(*call).releaseTurnToHash,
		(*call).reserve,
		s.routeReads(op, s.once(op, func(_ *call, c *fiber.Ctx) error { return handler(c) })),
		(*call).account,
	}
	return func(c *fiber.Ctx) error {
		call := s.newCall(op, c)
		defer call.release()
		for _, step := range steps {
			if err := step(call, c); err != nil {
				return err
			}
		}
		return nil
	}
}

// call is a request to a described operation, with the resources that it uses.
type call struct {
	rest.Call
	shares *shares
	bearer string // the access token

	turn  *admission.Lease // nil: the request has no turn, or needs none
	token string           // the end of the access token, which identifies the caller
	heavy *admission.Lease // weight of a heavy read; nil: none
	lease *admission.Lease // memory of the page; nil: none
}

// newCall returns the request's call, for the steps and, as a rest.Call, for the handler.
func (s *Server) newCall(op *contract.Operation, c *fiber.Ctx) *call {
	call := &call{shares: &s.shares}
	call.Operation, call.Settings, call.Address = op, &s.settings, s.addresses.Client(c.Context())
	rest.Attach(c, &call.Call)
	id, _ := c.Locals(requestIDKey).(string)
	request := audit.Request{ID: id, Address: call.Address, ShowsNothing: c.Method() == fiber.MethodHead}
	c.SetUserContext(audit.WithRequest(database.WithRequest(c.UserContext()), request))
	return call
}

type localsKey int

const (
	requestIDKey localsKey = iota
	readErrorKey
)
