package httpserver

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/jobs"
)

// Jobs returns the state of work that continues after its request. jobs.Queue implements it.
type Jobs interface {
	// Find returns the status of a job. Errors: jobs.ErrNotFound.
	Find(ctx context.Context, id string) (jobs.Status, error)
}

// job responds with a job's state and counts. The job's id is the credential, because the account that started the job
// may no longer exist.
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
