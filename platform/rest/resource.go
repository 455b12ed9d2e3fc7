package rest

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/auth"
	"healthcare/platform/revision"
)

// The functions below are the handlers of a resource that has an id and a version. Their parameters are the parts that
// differ: parse parses an id, convert converts a body to the input of the use case, and show returns the representation
// of a result.

// Create adds a resource and responds with 201, its address and the resource itself.
func Create[In, Input, T any](
	c *fiber.Ctx, convert func(In) Input, create func(context.Context, auth.Principal, Input) (T, error),
	location func(T) string, show func(T) Resource,
) error {
	input, err := Body(c, convert)
	if err != nil {
		return err
	}
	created, err := create(c.UserContext(), Principal(c), input)
	if err != nil {
		return err
	}
	c.Location(location(created))
	return Send(c, fiber.StatusCreated, show(created))
}

// Read responds with one resource.
func Read[ID, T any](
	c *fiber.Ctx, id string, parse func(string) (ID, error),
	find func(context.Context, auth.Principal, ID) (T, error), show func(T) Resource,
) error {
	parsed, err := parse(id)
	if err != nil {
		return err
	}
	found, err := find(c.UserContext(), Principal(c), parsed)
	if err != nil {
		return err
	}
	return Send(c, fiber.StatusOK, show(found))
}

// Change changes a resource, if its version matches If-Match, and responds with it.
func Change[ID, In, Input, T any](
	c *fiber.Ctx, id string, parse func(string) (ID, error), convert func(In) Input,
	change func(context.Context, auth.Principal, ID, revision.Match, Input) (T, error), show func(T) Resource,
) error {
	parsed, err := parse(id)
	if err != nil {
		return err
	}
	expected, err := IfMatch(c)
	if err != nil {
		return err
	}
	input, err := Body(c, convert)
	if err != nil {
		return err
	}
	changed, err := change(c.UserContext(), Principal(c), parsed, expected, input)
	if err != nil {
		return err
	}
	return Send(c, fiber.StatusOK, show(changed))
}

// Remove removes a resource, if its version matches If-Match, and responds with 204.
func Remove[ID any](
	c *fiber.Ctx, id string, parse func(string) (ID, error),
	remove func(context.Context, auth.Principal, ID, revision.Match) error,
) error {
	parsed, err := parse(id)
	if err != nil {
		return err
	}
	expected, err := IfMatch(c)
	if err != nil {
		return err
	}
	if err := remove(c.UserContext(), Principal(c), parsed, expected); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
