package httpserver

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// limit rejects requests that no route accepts and gives the others a deadline. The deadline's context is not Fiber's
// own, which ends as soon as a shutdown starts.
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
		base = c.UserContext() // holds the request's span
	}
	ctx, cancel := context.WithTimeout(base, s.cfg.HandlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}
