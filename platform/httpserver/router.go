package httpserver

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// describedRouter registers a handler only behind the guard of its described operation, so that a route nobody described, or nobody
// may call, cannot exist.
type describedRouter struct {
	fiber.Router
	server *Server
	routed []string
	failed []string
}

// Get registers HEAD beside GET, as Fiber does.
func (r *describedRouter) Get(path string, handlers ...fiber.Handler) fiber.Router {
	r.add(fiber.MethodHead, fiber.MethodGet, path, handlers)
	return r.add(fiber.MethodGet, fiber.MethodGet, path, handlers)
}

// Post, Put, Patch and Delete are the other methods the contract may describe.
func (r *describedRouter) Post(path string, handlers ...fiber.Handler) fiber.Router {
	return r.add(fiber.MethodPost, fiber.MethodPost, path, handlers)
}

// Put implements fiber.Router.
func (r *describedRouter) Put(path string, handlers ...fiber.Handler) fiber.Router {
	return r.add(fiber.MethodPut, fiber.MethodPut, path, handlers)
}

// Patch implements fiber.Router.
func (r *describedRouter) Patch(path string, handlers ...fiber.Handler) fiber.Router {
	return r.add(fiber.MethodPatch, fiber.MethodPatch, path, handlers)
}

// Delete implements fiber.Router.
func (r *describedRouter) Delete(path string, handlers ...fiber.Handler) fiber.Router {
	return r.add(fiber.MethodDelete, fiber.MethodDelete, path, handlers)
}

func (r *describedRouter) add(method, describedAs, path string, handlers []fiber.Handler) fiber.Router {
	key := operationKey(describedAs, path)
	op, ok := r.server.contract.operations[key]
	if !ok {
		r.failed = append(r.failed, key+" is routed but not described")
		return r
	}
	r.routed = append(r.routed, key)
	r.Add(method, path, append([]fiber.Handler{r.server.guard(op)}, handlers...)...)
	return r
}

// complete checks that what is described is routed.
func (r *describedRouter) complete() error {
	for key := range r.server.contract.operations {
		if !slices.Contains(r.routed, key) {
			r.failed = append(r.failed, key+" is described but not routed")
		}
	}
	if len(r.failed) == 0 {
		return nil
	}
	slices.Sort(r.failed)
	return fmt.Errorf("%s", strings.Join(r.failed, "; "))
}

type localsKey int

const (
	principalKey localsKey = iota
	operationLocal
	requestIDKey
)

// Principal is the signed-in user, for the handler of an operation that is not public.
func Principal(c *fiber.Ctx) auth.Principal {
	p, _ := c.Locals(principalKey).(auth.Principal)
	return p
}

// ErrNotFound is the answer to a path that names nothing.
var errNotFound = errs.New(errs.NotFound, "not_found", "There is nothing here.")

// guard stands before every handler: who may call, and what may be sent.
func (s *Server) guard(op *operation) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(operationLocal, op)
		for _, name := range c.Route().Params {
			if _, err := url.PathUnescape(c.Params(name)); err != nil {
				return errNotFound // no id is spelt like this
			}
		}
		if op.access != auth.Public {
			principal, err := s.authenticate(c)
			if err != nil {
				return err
			}
			c.Locals(principalKey, principal)
		}
		if op.takesBody {
			if err := acceptable(c, op); err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// authenticate reads the bearer token (RFC 6750; the scheme's case does not matter, RFC 9110 section 11.1).
func (s *Server) authenticate(c *fiber.Ctx) (auth.Principal, error) {
	scheme, token, found := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	return s.authenticator.Authenticate(c.UserContext(), strings.TrimSpace(token))
}
