package httpserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/idempotency"
	"healthcare/platform/rest"
)

// Deduplicator runs an effect once for any number of equal requests. idempotency.Store implements it.
type Deduplicator interface {
	// Once runs effect in a transaction, or returns the stored response if the same request was processed before.
	// Errors: idempotency.ErrInFlight, idempotency.ErrReused, those of effect.
	Once(
		ctx context.Context, r idempotency.Request, effect func(context.Context) (idempotency.Response, error),
	) (first idempotency.Response, replayed bool, err error)
}

// maxKey is the maximum length of an Idempotency-Key, in characters.
const maxKey = 255

// once lets a client that sends an Idempotency-Key repeat a POST. The handler runs in the transaction that stores the
// key.
func (s *Server) once(op *contract.Operation, next step) step {
	if !op.Repeatable {
		return next
	}
	return func(call *call, c *fiber.Ctx) error {
		key := c.Get("Idempotency-Key")
		if key == "" {
			return next(call, c)
		}
		if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' }) {
			return errs.Invalidf("Idempotency-Key", "Must have 1 to %d visible ASCII characters.", maxKey)
		}
		digest := sha256.Sum256(append([]byte(pathOfRecord(op, c)), c.Request().Body()...))
		outer := c.UserContext()
		request := idempotency.Request{
			User: call.Principal.UserID, Route: op.Method + " " + op.Route, Key: key,
			Fingerprint: hex.EncodeToString(digest[:]),
		}
		effect := func(ctx context.Context) (idempotency.Response, error) {
			c.SetUserContext(ctx) // carries the transaction
			defer c.SetUserContext(outer)
			if err := next(call, c); err != nil {
				return idempotency.Response{}, err
			}
			return responseOf(c), nil
		}
		first, replayed, err := s.deduplicator.Once(outer, request, effect)
		if err != nil || !replayed {
			return err
		}
		c.Set("Idempotent-Replayed", "true")
		return s.replay(c, first)
	}
}

// pathOfRecord returns the path if it names a record, so that a key of a request about one record is rejected for
// another. Other paths are those of the route.
func pathOfRecord(op *contract.Operation, c *fiber.Ctx) string {
	if op.Collection() == op.Route {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(c.Path(), "/"))
}

// responseOf returns the part of the response that is stored with the key.
func responseOf(c *fiber.Ctx) idempotency.Response {
	header := map[string]string{}
	if location := c.GetRespHeader(fiber.HeaderLocation); location != "" {
		header[fiber.HeaderLocation] = location
	}
	return idempotency.Response{Status: c.Response().StatusCode(), Header: header}
}

// errGone is the error of a repeated request whose result no longer exists, or is no longer visible to the caller.
var errGone = errs.New(
	errs.Gone,
	"gone",
	"The earlier request with this Idempotency-Key succeeded, but you can no longer read its result.",
)

// replay responds with the current state of the resource that the first request created. It authorizes and audits the
// read like any other, so that the response contains only data that the caller may read.
func (s *Server) replay(c *fiber.Ctx, first idempotency.Response) error {
	location := first.Header[fiber.HeaderLocation]
	err := s.readBack(c, location)
	if errs.KindOf(err) == errs.NotFound {
		return errGone
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, location)
	c.Status(first.Status)
	return nil
}

// readBack runs the GET handler of a path of this server.
func (s *Server) readBack(c *fiber.Ctx, location string) (err error) {
	request, outer := c.Request(), rest.CallOf(c)
	uri, method := string(request.RequestURI()), string(request.Header.Method())
	defer func() {
		request.SetRequestURI(uri)
		request.Header.SetMethod(method)
		rest.Attach(c, outer)
	}()
	request.SetRequestURI(location)
	request.Header.SetMethod(fiber.MethodGet)
	request.Header.Del(fiber.HeaderIfNoneMatch) // has no meaning in a POST
	// the route sets the operation
	rest.Attach(c, &rest.Call{Principal: outer.Principal, Address: outer.Address, Settings: outer.Settings})
	c.Locals(readErrorKey, nil)
	s.reads.Handler()(c.Context())
	err, _ = c.Locals(readErrorKey).(error)
	return err
}

// newReads returns the router of readBack. Its routes run no steps, because the repeated request has already passed its
// own.
func newReads() *fiber.App {
	return fiber.New(fiber.Config{
		CaseSensitive: true, Immutable: true, DisableStartupMessage: true, JSONEncoder: rest.EncodeJSON,
		ErrorHandler: func(c *fiber.Ctx, err error) error { c.Locals(readErrorKey, err); return nil },
	})
}

// addRead adds a route to the router of readBack.
func (s *Server) addRead(op *contract.Operation, path string, handler fiber.Handler) {
	if op.Access.IsPublic() {
		return
	}
	s.reads.Get(path, func(c *fiber.Ctx) error {
		call := rest.CallOf(c)
		call.Operation = op
		if !op.Access.Allows(call.Principal.Role) {
			return s.forbid(c, op, call.Principal)
		}
		return handler(c)
	})
}
