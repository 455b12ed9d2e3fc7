package httpserver

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// limit rejects requests that no route accepts, and sets the deadline of the others. The context is not derived from
// Fiber's, which is cancelled as soon as a shutdown starts.
func (s *Server) limit(c *fiber.Ctx) error {
	if len(c.Request().RequestURI()) > s.cfg.URLLimit {
		return errURITooLong
	}
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errMediaType
	}
	if !s.servesHost(c) {
		s.warnOfHost(string(c.Request().Host()))
		return errMisdirected
	}
	base := context.Background()
	if s.telemetry.Tracing.Enabled() {
		base = c.UserContext() // contains the request's span
	}
	ctx, cancel := context.WithTimeout(base, s.cfg.HandlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}
