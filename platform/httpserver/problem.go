package httpserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/rest"
)

// Only this file maps errors to HTTP statuses.

// Problem is the body of every error response (RFC 9457).
type Problem struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Code      string              `json:"code"`
	Detail    string              `json:"detail"`
	Instance  string              `json:"instance,omitempty"`
	RequestID string              `json:"request_id"`
	Errors    map[string][]string `json:"errors,omitempty"`
	Members   map[string]any      `json:",embed"` // extension members, none with the name of a member above
}

// standardMembers are the members of Problem that are not extension members of an error.
var standardMembers = []string{"type", "title", "status", "code", "detail", "instance", "request_id", "errors"}

// kinds maps the kind of an error to its status and title.
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

// httpError is an error of HTTP itself, which no module returns.
type httpError struct {
	status              int
	code, title, detail string
}

func (e *httpError) Error() string { return e.code }

var (
	errMalformed = &httpError{
		fiber.StatusBadRequest, "malformed_request", "Malformed request", "The request is not valid HTTP.",
	}
	errMethodNotAllowed = &httpError{
		fiber.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
		"The path does not support this method. The Allow header lists the supported methods.",
	}
	errRequestTimeout = &httpError{
		fiber.StatusRequestTimeout, "request_timeout", "Request timeout", "The request did not arrive in time.",
	}
	errBodyTooLarge = &httpError{
		fiber.StatusRequestEntityTooLarge, "body_too_large", "Body too large",
		"The body is larger than this operation accepts.",
	}
	errURITooLong = &httpError{
		fiber.StatusRequestURITooLong, "uri_too_long", "URI too long",
		"The path and query are longer than the server accepts.",
	}
	errMediaType = &httpError{
		fiber.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type",
		"Send application/json in UTF-8, without a Content-Encoding.",
	}
	errMisdirected = &httpError{
		fiber.StatusMisdirectedRequest, "misdirected_request", "Misdirected request",
		"This server does not serve the host that the request names.",
	}
	errHeadersTooLarge = &httpError{
		fiber.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "Headers too large",
		"The request line and headers are larger than the server accepts.",
	}
	errMethodUnknown = &httpError{
		fiber.StatusNotImplemented, "method_not_implemented", "Not implemented",
		"The server does not know this method.",
	}
	errExpectation = &httpError{
		fiber.StatusExpectationFailed, "expectation_failed", "Expectation failed",
		"The server supports no expectation other than 100-continue.",
	}
	errInternal = &httpError{
		fiber.StatusInternalServerError, "internal_error", "Internal error",
		"The server failed. Its log has the cause under the request id.",
	}
	errLate = errs.New(
		errs.Unavailable, "unavailable", "The request could not be handled in time. Try again shortly.",
	)
	errDraining = errs.New(errs.Unavailable, "shutting_down", "The server is stopping.")
)

// respondProblem responds with err as a problem. It is also Fiber's ErrorHandler. It always returns nil.
func (s *Server) respondProblem(c *fiber.Ctx, err error) error {
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

// fromFiber returns the error with the status of Fiber's error, without its text, which may quote the request.
func fromFiber(f *fiber.Error) error {
	switch {
	case f.Code == fiber.StatusNotFound:
		return errNotFound
	case f.Code == fiber.StatusMethodNotAllowed:
		return errMethodNotAllowed
	case f.Code == fiber.StatusRequestEntityTooLarge:
		return errBodyTooLarge
	case f.Code < fiber.StatusInternalServerError:
		return errMalformed
	}
	return errInternal
}

// fromTransport returns the error for a request that could not be read, without fasthttp's text, which may quote the
// request.
func fromTransport(err error) error {
	var network net.Error
	switch {
	case errors.As(err, new(*errs.Error)):
		return err
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		return errHeadersTooLarge
	case errors.Is(err, transport.ErrExpectation):
		return errExpectation
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return errBodyTooLarge
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, fasthttp.ErrTimeout):
		return errRequestTimeout
	}
	return errMalformed
}

// writeProblem writes err as a problem, with the headers of every response and those that the status requires.
func (s *Server) writeProblem(ctx *fasthttp.RequestCtx, requestID, instance string, err error) {
	p, retryAfter := describe(err)
	p.Type, p.Instance, p.RequestID = "/problems/"+p.Code, instance, requestID
	body := s.encodeProblem(ctx, &p, err)
	reset(&ctx.Response)
	setSecurityHeaders(ctx, requestID)
	ctx.SetStatusCode(p.Status)
	ctx.SetContentType("application/problem+json")
	ctx.SetBody(body)
	ctx.Response.SkipBody = ctx.IsHead() // fasthttp does not set it for a request that could not be read
	if p.Status == fiber.StatusUnauthorized {
		ctx.Response.Header.Set(fiber.HeaderWWWAuthenticate, challenge(err))
	}
	if retryAfter > 0 || p.Status == fiber.StatusServiceUnavailable || p.Status == fiber.StatusTooManyRequests {
		seconds := max(1, int(math.Ceil(retryAfter.Seconds())))
		ctx.Response.Header.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	}
}

// encodeProblem returns p as JSON. It omits the extension members if JSON cannot represent them, which is a defect of
// the module.
func (s *Server) encodeProblem(ctx *fasthttp.RequestCtx, p *Problem, err error) []byte {
	encode := func() ([]byte, error) {
		if s.cfg.Django {
			return djangoProblem(ctx, p, err)
		}
		return rest.EncodeJSON(*p)
	}
	body, failed := encode()
	if failed != nil {
		s.log.Error(
			"extension members of a problem cannot be encoded",
			zap.String("request_id", p.RequestID), zap.String("code", p.Code),
		)
		p.Members = nil
		body, _ = encode() // never fails for texts and numbers
	}
	return body
}

// challenge returns the value of WWW-Authenticate (RFC 6750, section 3). It contains an error only if the request had
// an access token.
func challenge(err error) string {
	if errors.Is(err, auth.ErrInvalidToken) {
		return `Bearer realm="api", error="invalid_token"`
	}
	return `Bearer realm="api"`
}

// describe returns the members of a problem that depend only on err.
func describe(err error) (p Problem, retryAfter time.Duration) {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		if k, ok := kinds[e.Kind]; ok {
			p = Problem{Title: k.title, Status: k.status, Code: e.Code, Detail: e.Detail, Errors: e.Fields}
			p.Members = maps.Clone(e.Members)
			maps.DeleteFunc(p.Members, func(name string, _ any) bool { return slices.Contains(standardMembers, name) })
			return p, e.RetryAfter
		}
	}
	h := errInternal
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return describe(errLate)
	case errors.Is(err, rest.ErrURITooLong):
		h = errURITooLong
	default:
		errors.As(err, &h)
	}
	return Problem{Title: h.title, Status: h.status, Code: h.code, Detail: h.detail}, 0
}

// busyResponse returns the whole response to a connection beyond the limit.
func (s *Server) busyResponse() []byte {
	id := newRequestID()
	body, _ := rest.EncodeJSON(Problem{
		Type: "/problems/unavailable", Title: "Unavailable", Status: fiber.StatusServiceUnavailable,
		Code: "unavailable", Detail: "Too many connections. Try again shortly.",
		RequestID: id,
	})
	response := fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"+
		"X-Request-ID: %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n", id, len(body))
	for name, value := range securityHeaders {
		response = fmt.Appendf(response, "%s: %s\r\n", name, value)
	}
	return append(append(response, "\r\n"...), body...)
}
