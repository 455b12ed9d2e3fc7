package httpserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/contract"
)

// describedRouter registers handlers together with the steps of their operations, so that every route is described and
// authorized.
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

// Post implements fiber.Router.
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
	key := describedAs + " " + path
	op, ok := r.server.contract.Operations[contract.Key(describedAs, routeOf(path))]
	if !ok {
		r.failed = append(r.failed, key+" is routed but not described")
		return r
	}
	r.routed = append(r.routed, key)
	handler := r.server.traceHandler(op, handlers[len(handlers)-1])
	if method == fiber.MethodGet {
		r.server.addRead(op, path, handler)
	}
	r.Add(method, path, r.server.operation(op, handler))
	return r
}

// reserve responds with 405 to undescribed methods of paths such as /api/doctors/claims/, which would otherwise be
// requests for /api/doctors/{id}/.
func (r *describedRouter) reserve() {
	described := map[string][]string{} // methods by path template
	for _, op := range r.server.contract.Operations {
		described[op.Route] = append(described[op.Route], op.Method)
	}
	for route, methods := range described {
		if !isMatchedByOther(route, slices.Collect(maps.Keys(described))) {
			continue
		}
		slices.Sort(methods)
		if slices.Contains(methods, fiber.MethodGet) {
			methods = append(methods, fiber.MethodHead)
		}
		for _, method := range r.server.app.Config().RequestMethods {
			if !slices.Contains(methods, method) {
				r.Add(method, fiberPath(route), func(c *fiber.Ctx) error {
					c.Append(fiber.HeaderAllow, methods...)
					return refuseMethod(c)
				})
			}
		}
	}
}

// isMatchedByOther reports whether a route without parameters is a path of another route.
func isMatchedByOther(route string, others []string) bool {
	segments := strings.Split(route, "/")
	return !strings.Contains(route, "{") && slices.ContainsFunc(others, func(other string) bool {
		return other != route && slices.EqualFunc(segments, strings.Split(other, "/"), func(segment, of string) bool {
			return segment == of || segment != "" && strings.HasPrefix(of, "{")
		})
	})
}

// complete returns an error if an operation has no handler, or a handler no operation.
func (r *describedRouter) complete() error {
	for _, op := range r.server.contract.Operations {
		key := op.Method + " " + fiberPath(op.Route)
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

// fiberPath converts a path template to Fiber's form: {id} becomes :id.
func fiberPath(route string) string { return strings.NewReplacer("{", ":", "}", "").Replace(route) }

// routeOf converts a path in Fiber's form to a path template.
func routeOf(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if name, parameter := strings.CutPrefix(segment, ":"); parameter {
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}
