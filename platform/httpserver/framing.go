package httpserver

import (
	"bytes"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// understood answers what Fiber must not see: requests whose end or addressee others may read differently, and methods that Fiber does not
// know, which it answers itself, in plain text and without headers.
func (s *Server) understood(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !wellFramed(&ctx.Request) {
			s.turnAway(ctx, refusalRequest)
			ctx.SetConnectionClose() // what follows need not be a request
			return
		}
		release, err := s.receive(ctx)
		if err != nil {
			s.refuseUnread(ctx, err)
			ctx.SetConnectionClose()
			return
		}
		defer release()
		if conn, ok := ctx.Conn().(*countedConn); ok && !conn.begin() {
			ctx.SetConnectionClose()
			return // it was closed to make room; nothing is done for a client that would not learn of it
		}
		switch string(ctx.Method()) {
		case fiber.MethodGet, fiber.MethodHead, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
			fiber.MethodOptions, fiber.MethodTrace, fiber.MethodConnect:
			next(ctx)
			if s.draining.Load() {
				ctx.SetConnectionClose()
			}
		default:
			s.turnAway(ctx, refusalMethodUnknown)
		}
	}
}

// unmet is about an Expect header (RFC 9110, section 10.1.1).
func unmet(expected []byte) bool { return !strings.EqualFold(string(expected), "100-continue") }

// expectations refuses a body before the client sends it, where its length is too large for any operation.
func (s *Server) expectations(ctx *fasthttp.RequestCtx) int {
	err := refusedBody(&ctx.Request.Header)
	if err == nil {
		return fiber.StatusContinue
	}
	s.turnAway(ctx, err)
	return ctx.Response.StatusCode()
}

// turnAway answers a request that does not reach the middleware.
func (s *Server) turnAway(ctx *fasthttp.RequestCtx, refused error) {
	started, id := time.Now(), newRequestID()
	s.writeProblem(ctx, id, "", refused)
	s.answered(ctx, request{id: id, method: "unknown", op: unmatched, started: started, err: refused})
}

// wellFramed reports whether the request can be read in one way only (RFC 9112, sections 2.2, 3.2, 5 and 6.1). fasthttp refuses most of what
// cannot; what it lets pass is: lines that end in a bare LF, folded lines, spaces inside a name, Transfer-Encoding beside Content-Length or
// other than chunked, versions that are not HTTP/1, and an address that contradicts Host.
func wellFramed(r *fasthttp.Request) bool {
	var seen [len(saidOnce)]bool
	chunked := false
	for line := range bytes.Lines(r.Header.RawHeaders()) {
		line, ended := bytes.CutSuffix(line, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !ended || bytes.ContainsAny(name, " \t") {
			return false
		}
		for i, once := range saidOnce {
			if bytes.EqualFold(name, once) {
				if seen[i] {
					return false // who takes the first and who the last would disagree
				}
				seen[i] = true
				chunked = chunked || i == transferEncoding && bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked"))
			}
		}
	}
	if seen[transferEncoding] && (seen[contentLength] || !chunked) {
		return false
	}
	version := string(r.Header.Protocol())
	return (version == "HTTP/1.1" || version == "HTTP/1.0") && bytes.EqualFold(r.Header.Host(), r.URI().Host())
}

// What a request may say once only.
var saidOnce = [...][]byte{
	transferEncoding: []byte("Transfer-Encoding"), contentLength: []byte("Content-Length"), contentType: []byte("Content-Type"),
	contentEncoding: []byte("Content-Encoding"), authorization: []byte("Authorization"),
	idempotencyKey: []byte("Idempotency-Key"),
}

const (
	transferEncoding = iota
	contentLength
	contentType
	contentEncoding
	authorization
	idempotencyKey
)
