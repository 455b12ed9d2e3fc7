package httpserver

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/httpserver/transport"
)

// understood answers what Fiber must not see: requests whose end or addressee others may read differently, and methods that Fiber does not
// know, which it answers itself, in plain text and without headers.
func (s *Server) understood(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !transport.WellFramed(&ctx.Request) {
			s.turnAway(ctx, refusalRequest)
			ctx.SetConnectionClose() // what follows need not be a request
			return
		}
		release, err := s.bodies.Receive(ctx)
		if err != nil {
			s.refuseUnread(ctx, err)
			ctx.SetConnectionClose()
			return
		}
		defer release()
		if conn, ok := ctx.Conn().(*transport.Conn); ok && !conn.Begin() {
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

// expectations refuses a body before the client sends it, where its length is too large for any operation.
func (s *Server) expectations(ctx *fasthttp.RequestCtx) int {
	err := transport.Rejected(&ctx.Request.Header)
	switch {
	case err == nil:
		return fiber.StatusContinue
	case errors.Is(err, transport.ErrExpectation):
		err = refusalExpectation
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		err = refusalTooLarge
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
