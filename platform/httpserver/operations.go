package httpserver

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/rest"
)

// operations returns the API of the platform itself.
func (s *Server) operations() rest.API {
	return func(router fiber.Router) {
		router.Get("/livez", alive)
		router.Get("/readyz", s.readyz)
		router.Get("/metrics", s.metrics())
		router.Get("/openapi.json", s.openapi)
		router.Get("/docs/", docsIndex)
		router.Get("/docs/:asset", docsAsset)
		router.Get("/problems/:code", s.explain)
		router.Get("/api/jobs/:id/", s.job)
	}
}

type health struct {
	Status string `json:"status"`
}

func alive(c *fiber.Ctx) error { return c.JSON(health{Status: "ok"}) }

// readyz responds within a second, even if the store does not respond: a failing probe is more useful than a hanging
// one.
func (s *Server) readyz(c *fiber.Ctx) error {
	if s.draining.Load() {
		return errDraining
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), time.Second)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		return err
	}
	return c.JSON(health{Status: "ok"})
}

func (s *Server) openapi(c *fiber.Ctx) error {
	document, err := s.document()
	if err != nil {
		return err
	}
	return document.send(c)
}

// explain responds with the explanation of a problem type.
func (s *Server) explain(c *fiber.Ctx) error {
	text, ok := s.contract.Problems[c.Params("code")]
	if !ok {
		return errNotFound
	}
	return c.SendString(text + "\n")
}
