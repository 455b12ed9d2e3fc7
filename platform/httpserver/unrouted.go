package httpserver

import (
	"errors"

	"github.com/gofiber/fiber/v2"
)

// serveUnrouted responds to requests that no described operation handles: OPTIONS, and the root for browsers. It needs
// no token, because it shows only what the contract shows.
func serveUnrouted(c *fiber.Ctx) error {
	var err error
	switch reads := c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead; {
	case c.Path() == "/" && reads:
		c.Vary(fiber.HeaderAccept)
		if wantsPage(c) {
			return c.Redirect("/docs/", fiber.StatusSeeOther)
		}
		err = c.Next()
	case c.Path() == "/":
		c.Append(fiber.HeaderAllow, fiber.MethodGet, fiber.MethodHead)
		err = fiber.ErrMethodNotAllowed
	default:
		err = c.Next() // Fiber finds the methods of the path
	}
	if !errors.Is(err, fiber.ErrMethodNotAllowed) {
		return err
	}
	c.Append(fiber.HeaderAllow, fiber.MethodOptions)
	if c.Method() == fiber.MethodOptions {
		return c.SendStatus(fiber.StatusNoContent)
	}
	return err
}

// wantsPage reports whether the client asks for HTML and does not prefer JSON. */* does not ask for it: programs send
// that.
func wantsPage(c *fiber.Ctx) bool {
	accepted := weights(c, fiber.HeaderAccept)
	return accepted[fiber.MIMETextHTML] > 0 && accepted[fiber.MIMETextHTML] >= accepted[fiber.MIMEApplicationJSON]
}
