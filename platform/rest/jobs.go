package rest

import (
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/jobs"
)

// SendJob responds with 202: the work continues as a new job with an estimated number of rows.
func SendJob(c *fiber.Ctx, id uuid.UUID, total int64) error {
	c.Location("/api/jobs/" + id.String() + "/")
	c.Set(fiber.HeaderRetryAfter, "1")
	return c.Status(fiber.StatusAccepted).JSON(jobs.Status{State: jobs.Pending, Total: total})
}
