package httpserver

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/jobs"
)

// Jobs knows the state of work that continues after its request; jobs.Queue is one.
type Jobs interface {
	// Find returns the status of a job. Errors: jobs.ErrNotFound.
	Find(ctx context.Context, id string) (jobs.Status, error)
}

// SendJob responds that the work continues as a new job of an estimated number of rows (202).
func SendJob(c *fiber.Ctx, id uuid.UUID, total int64) error {
	c.Location("/api/jobs/" + id.String() + "/")
	c.Set(fiber.HeaderRetryAfter, "1")
	return c.Status(fiber.StatusAccepted).JSON(jobs.Status{State: jobs.Pending, Total: total})
}

// job responds with a job's state and counts. Whoever started it may have no account any more, so the id is the
// credential.
func (s *Server) job(c *fiber.Ctx) error {
	if s.jobs == nil {
		return jobs.ErrNotFound
	}
	status, err := s.jobs.Find(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	return c.JSON(status)
}
