package httpserver

import (
	"errors"

	"github.com/gofiber/fiber/v2"
)

// serveUnrouted responds to requests that no described operation handles: OPTIONS, and GET of / by browsers. It
// requires no token, because it reveals only what the contract contains.
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
		err = c.Next() // Fiber determines the methods of the path
	}
	if !errors.Is(err, fiber.ErrMethodNotAllowed) {
		return err
	}
	return refuseMethod(c)
}

// refuseMethod responds to a method that no described operation of the path has, with the methods in Allow, and to
// OPTIONS.
func refuseMethod(c *fiber.Ctx) error {
	c.Append(fiber.HeaderAllow, fiber.MethodOptions)
	if c.Method() == fiber.MethodOptions {
		return c.SendStatus(fiber.StatusNoContent)
	}
	return fiber.ErrMethodNotAllowed
}

// wantsPage reports whether the client accepts HTML explicitly and does not prefer JSON. */* is not explicit: programs
// send it.
func wantsPage(c *fiber.Ctx) bool {
	accepted := weights(c, fiber.HeaderAccept)
	return accepted[fiber.MIMETextHTML] > 0 && accepted[fiber.MIMETextHTML] >= accepted[fiber.MIMEApplicationJSON]
}
