package httpserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/rest"
)

// Problem is the one shape of every answer that is not a success (RFC 9457).
type Problem struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Code      string              `json:"code"`
	Detail    string              `json:"detail"`
	Instance  string              `json:"instance,omitempty"`
	RequestID string              `json:"request_id"`
	Errors    map[string][]string `json:"errors,omitempty"`
}

// kinds is where an error kind meets a status.
var kinds = map[errs.Kind]struct {
	status int
	title  string
}{
	errs.Invalid:         {fiber.StatusBadRequest, "Invalid input"},
	errs.Unauthenticated: {fiber.StatusUnauthorized, "Not authenticated"},
	errs.Forbidden:       {fiber.StatusForbidden, "Forbidden"},
	errs.NotFound:        {fiber.StatusNotFound, "Not found"},
	errs.Conflict:        {fiber.StatusConflict, "Conflict"},
	errs.Gone:            {fiber.StatusGone, "Gone"},
	errs.Stale:           {fiber.StatusPreconditionFailed, "Precondition failed"},
	errs.Unconditional:   {fiber.StatusPreconditionRequired, "Precondition required"},
	errs.Unprocessable:   {fiber.StatusUnprocessableEntity, "Unprocessable"},
	errs.Throttled:       {fiber.StatusTooManyRequests, "Too many requests"},
	errs.Unavailable:     {fiber.StatusServiceUnavailable, "Unavailable"},
}

// refusal is an error of the transport: what HTTP knows and the modules do not.
type refusal struct {
	status              int
	code, title, detail string
}

func (r *refusal) Error() string { return r.code }

var (
	refusalRequest       = &refusal{fiber.StatusBadRequest, "malformed_request", "Malformed request", "The request is not valid HTTP."}
	refusalMethod        = &refusal{fiber.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "The path does not have this method; see the Allow header."}
	refusalTimeout       = &refusal{fiber.StatusRequestTimeout, "request_timeout", "Request timeout", "The request did not arrive in time."}
	refusalTooLarge      = &refusal{fiber.StatusRequestEntityTooLarge, "body_too_large", "Body too large", "The body is larger than this operation takes."}
	refusalTooLong       = &refusal{fiber.StatusRequestURITooLong, "uri_too_long", "URI too long", "The path and query are longer than the server takes."}
	refusalMediaType     = &refusal{fiber.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type", "Send application/json in UTF-8, without a Content-Encoding."}
	refusalMisdirected   = &refusal{fiber.StatusMisdirectedRequest, "misdirected_request", "Misdirected request", "This server does not serve the host that the request names."}
	refusalHeaders       = &refusal{fiber.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "Headers too large", "The request line and headers are larger than the server takes."}
	refusalMethodUnknown = &refusal{fiber.StatusNotImplemented, "method_not_implemented", "Not implemented", "The server does not know this method."}
	refusalInternal      = &refusal{fiber.StatusInternalServerError, "internal_error", "Internal error", "The server failed. The request id finds the cause in its log."}
	refusalLate          = errs.New(errs.Unavailable, "unavailable", "The request could not be worked on in time. Try again shortly.")
	refusalDraining      = errs.New(errs.Unavailable, "shutting_down", "The server is stopping.")
	refusalExpectation   = &refusal{
		fiber.StatusExpectationFailed,
		"expectation_failed",
		"Expectation failed",
		"The server meets no other expectation than 100-continue.",
	}
)

// refuse answers an error that came out of the chain. It is Fiber's ErrorHandler too.
func (s *Server) refuse(c *fiber.Ctx, err error) error {
	var instance string
	if call := rest.CallOf(c); call != nil {
		instance = call.Operation.Collection()
	}
	id, _ := c.Locals(requestIDKey).(string)
	if id == "" {
		id = newRequestID()
	}
	if f, ok := errors.AsType[*fiber.Error](err); ok {
		err = fromFiber(f)
	}
	s.writeProblem(c.Context(), id, instance, err)
	return nil
}

// fromFiber keeps Fiber's status and drops its text, which may quote the request.
func fromFiber(f *fiber.Error) error {
	switch {
	case f.Code == fiber.StatusNotFound:
		return errNotFound
	case f.Code == fiber.StatusMethodNotAllowed:
		return refusalMethod
	case f.Code == fiber.StatusRequestEntityTooLarge:
		return refusalTooLarge
	case f.Code < fiber.StatusInternalServerError:
		return refusalRequest
	}
	return refusalInternal
}

// refuseUnread answers a request that could not be read. fasthttp calls it outside every middleware, with an error that may quote the request.
func (s *Server) refuseUnread(ctx *fasthttp.RequestCtx, err error) {
	var network net.Error
	var refused error = refusalRequest
	switch {
	case errors.As(err, new(*refusal)), errors.As(err, new(*errs.Error)):
		refused = err
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		refused = refusalHeaders
	case errors.Is(err, transport.ErrExpectation):
		refused = refusalExpectation
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		refused = refusalTooLarge
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, fasthttp.ErrTimeout):
		refused = refusalTimeout
	}
	if conn, ok := ctx.Conn().(*transport.Conn); ok {
		conn.Reject()
	}
	s.turnAway(ctx, refused)
}

// writeProblem writes err as a problem with the headers every answer has, and those its status demands.
func (s *Server) writeProblem(ctx *fasthttp.RequestCtx, requestID, instance string, err error) {
	p, retryAfter := describe(err)
	p.Type, p.Instance, p.RequestID = "/problems/"+p.Code, instance, requestID
	body, _ := rest.EncodeJSON(p) // strings only: it cannot fail
	if s.cfg.Django {
		body = s.djangoProblem(ctx, &p, err)
	}
	resetKeeping(&ctx.Response)
	harden(ctx, requestID)
	ctx.SetStatusCode(p.Status)
	ctx.SetContentType("application/problem+json")
	ctx.SetBody(body)
	ctx.Response.SkipBody = ctx.IsHead() // fasthttp forgets it where a request could not be read
	if p.Status == fiber.StatusUnauthorized {
		ctx.Response.Header.Set(fiber.HeaderWWWAuthenticate, challenge(err))
	}
	if retryAfter > 0 || p.Status == fiber.StatusServiceUnavailable || p.Status == fiber.StatusTooManyRequests {
		seconds := max(1, int(math.Ceil(retryAfter.Seconds())))
		ctx.Response.Header.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	}
}

// challenge returns how a request is to authenticate (RFC 6750, section 3). It names an error only if the request had an access token.
func challenge(err error) string {
	if errors.Is(err, auth.ErrInvalidToken) {
		return `Bearer realm="api", error="invalid_token"`
	}
	return `Bearer realm="api"`
}

// describe says of an error what a client may know.
func describe(err error) (p Problem, retryAfter time.Duration) {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		if k, ok := kinds[e.Kind]; ok {
			return Problem{Title: k.title, Status: k.status, Code: e.Code, Detail: e.Detail, Errors: e.Fields}, e.RetryAfter
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return describe(refusalLate)
	}
	if errors.Is(err, rest.ErrURITooLong) {
		return describe(refusalTooLong)
	}
	r := refusalInternal
	errors.As(err, &r)
	return Problem{Title: r.title, Status: r.status, Code: r.code, Detail: r.detail}, 0
}

// busyResponse returns the whole response to a connection beyond the limit.
func (s *Server) busyResponse() []byte {
	id := newRequestID()
	body, _ := rest.EncodeJSON(Problem{Type: "/problems/unavailable", Title: "Unavailable", Status: 503, Code: "unavailable",
		Detail: "Too many connections. Try again shortly.", RequestID: id})
	response := fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nX-Request-ID: %s\r\n"+
		"Content-Type: application/problem+json\r\nContent-Length: %d\r\n", id, len(body))
	for name, value := range securityHeaders {
		response = fmt.Appendf(response, "%s: %s\r\n", name, value)
	}
	return append(append(response, "\r\n"...), body...)
}
