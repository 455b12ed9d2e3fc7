package httpserver

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
)

// record is the outermost middleware: request id, security headers, recovery from panics, and one log line per request. An error
// ends here, as a problem; the line names the route's pattern, never the path that was typed.
func (s *Server) record(c *fiber.Ctx) error {
	started := time.Now()
	id := requestID(c.Context())
	c.Locals(requestIDKey, id)
	harden(c.Context(), id)

	err := s.recovered(c)
	if err != nil {
		_ = s.refuse(c, err) // it has answered
	}
	s.logRequest(c.Context(), id, c.Method(), route(c), started, err)
	return nil
}

// logRequest writes the one line that an answered request has.
func (s *Server) logRequest(ctx *fasthttp.RequestCtx, id, method, route string, started time.Time, err error) {
	status := ctx.Response.StatusCode()
	fields := []zap.Field{
		zap.String("request_id", id), zap.String("method", method), zap.String("route", route), zap.Int("status", status),
		zap.Duration("took", time.Since(started)), zap.Stringer("client", s.clientAddress(ctx)),
	}
	if status < fiber.StatusInternalServerError {
		s.log.Info("request", fields...)
		return
	}
	s.log.Error("request", append(fields, zap.Error(err))...)
}

func route(c *fiber.Ctx) string {
	if call := callOf(c); call != nil {
		return call.op.route
	}
	return "unmatched"
}

var errPanic = errors.New("a handler panicked")

// recovered runs the rest of the chain. What was panicked with is not logged: it may be anything, a patient included.
func (s *Server) recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if recover() != nil {
			s.log.Error("panic", zap.Any("request_id", c.Locals(requestIDKey)), zap.ByteString("stack", debug.Stack()))
			err = errPanic
		}
	}()
	return c.Next()
}

// limit refuses what no route would take, and gives the rest a deadline. The deadline's context is not Fiber's own, which ends the moment a
// shutdown starts.
func (s *Server) limit(c *fiber.Ctx) error {
	if len(c.Request().RequestURI()) > s.cfg.URLLimit {
		return refusalTooLong
	}
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refusalMediaType
	}
	if !s.servesHost(c) {
		return refusalMisdirected
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.HandlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// servesHost checks the Host header against the allowed hosts. Probes may come by address.
func (s *Server) servesHost(c *fiber.Ctx) bool {
	path := strings.TrimSuffix(c.Path(), "/")
	if len(s.cfg.AllowedHosts) == 0 || path == "/livez" || path == "/readyz" {
		return true
	}
	host := hostName(string(c.Request().Host()))
	for _, allowed := range s.cfg.AllowedHosts {
		allowed = hostName(allowed)
		if allowed == "*" || allowed == host {
			return true
		}
		if strings.HasPrefix(allowed, ".") && (strings.HasSuffix(host, allowed) || host == allowed[1:]) {
			return true
		}
	}
	return false
}

// hostName is a host as names are compared: without port, brackets, the root's dot and regard to case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// requestID is the client's own X-Request-ID where it is harmless, else a new one.
func requestID(ctx *fasthttp.RequestCtx) string {
	id := string(ctx.Request.Header.Peek(fiber.HeaderXRequestID))
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return newRequestID()
	}
	return id
}

func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// harden sets the headers that every answer carries.
func harden(ctx *fasthttp.RequestCtx, requestID string) {
	h := &ctx.Response.Header
	h.Set(fiber.HeaderXRequestID, requestID)
	for name, value := range securityHeaders {
		h.Set(name, value)
	}
}

// securityHeaders suit an API: nothing is stored, framed, sniffed or run.
var securityHeaders = map[string]string{
	fiber.HeaderCacheControl:          "no-store",
	fiber.HeaderContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
	fiber.HeaderXContentTypeOptions:   "nosniff",
	fiber.HeaderXFrameOptions:         "DENY",
	fiber.HeaderReferrerPolicy:        "no-referrer",
	"Cross-Origin-Resource-Policy":    "same-origin",
}
