package httpserver

import (
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/httpserver/transport"
)

// checkFraming rejects a request whose end or host other implementations may interpret differently.
func (s *Server) checkFraming(ctx *fasthttp.RequestCtx) bool {
	if transport.WellFramed(&ctx.Request) {
		return true
	}
	s.rejectUnrouted(ctx, errMalformed)
	ctx.SetConnectionClose() // the following bytes are not necessarily a request
	return false
}

// receiveBody reads the request's body. The caller must call release after the response.
func (s *Server) receiveBody(ctx *fasthttp.RequestCtx) (release func(), received bool) {
	release, err := s.bodies.Receive(ctx)
	if err != nil {
		s.rejectUnread(ctx, err)
		ctx.SetConnectionClose()
		return nil, false
	}
	return release, true
}

// claimConnection reports whether the connection is still open. If the listener closed it for a new connection, the
// request is dropped, because the client would not receive the response.
func claimConnection(ctx *fasthttp.RequestCtx) bool {
	if conn, ok := ctx.Conn().(*transport.Conn); ok && !conn.Begin() {
		ctx.SetConnectionClose()
		return false
	}
	return true
}

// checkMethod rejects methods that Fiber does not support. Fiber itself would respond in plain text and without
// security headers.
func (s *Server) checkMethod(ctx *fasthttp.RequestCtx) bool {
	if slices.Contains(standardMethods, string(ctx.Method())) {
		return true
	}
	s.rejectUnrouted(ctx, errMethodUnknown)
	return false
}

func (s *Server) closeIfDraining(ctx *fasthttp.RequestCtx) {
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
}

// expect returns the status for a request with Expect: 100-continue. It rejects a body before the client sends it if
// its length is too large for every operation.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	err := transport.Rejected(&ctx.Request.Header)
	if err == nil {
		return fiber.StatusContinue
	}
	s.rejectUnrouted(ctx, fromTransport(err))
	return ctx.Response.StatusCode()
}

// rejectUnrouted responds to a request that does not reach the middleware.
func (s *Server) rejectUnrouted(ctx *fasthttp.RequestCtx, err error) {
	started, id := time.Now(), newRequestID()
	s.writeProblem(ctx, id, "", err)
	s.logRequest(ctx, requestRecord{id: id, method: "unknown", op: unmatched, started: started, err: err})
}

// rejectUnread responds to a request that could not be read. fasthttp calls it outside the middleware, with an error
// that may quote the request.
func (s *Server) rejectUnread(ctx *fasthttp.RequestCtx, err error) {
	if conn, ok := ctx.Conn().(*transport.Conn); ok {
		conn.Reject()
	}
	s.rejectUnrouted(ctx, fromTransport(err))
}
