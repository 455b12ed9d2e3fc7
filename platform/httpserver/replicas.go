package httpserver

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// Replicas serve plain reads instead of the primary database. *replica.Set implements it.
type Replicas interface {
	// Reading returns a context for a session's plain reads, which may use a replica that has replayed the session's
	// writes.
	Reading(ctx context.Context, session uuid.UUID) context.Context
	// UsedReplica reports whether a read with a context of Reading was sent to a replica.
	UsedReplica(ctx context.Context) bool
	// Wrote records that the session may have written up to now. Errors: errs.Unavailable.
	Wrote(ctx context.Context, session uuid.UUID) error
}

// routeReads lets replicas serve read operations, and records which sessions write. It runs after the authorization,
// which uses the primary. Operations for all roles use the primary, too: they concern the caller's own account and
// sessions, which another session may have changed.
func (s *Server) routeReads(op *contract.Operation, next step) step {
	switch {
	case op.Access.IsPublic():
		return next
	case op.Method != fiber.MethodGet:
		return s.recordWrite(next)
	case len(op.Access.Roles()) == 0:
		return next
	}
	return func(call *call, c *fiber.Ctx) error {
		if s.replicas == nil {
			return next(call, c)
		}
		outer := c.UserContext()
		ctx := s.replicas.Reading(outer, call.Principal.SessionID)
		c.SetUserContext(ctx)
		err := next(call, c)
		c.SetUserContext(outer)
		if errs.KindOf(err) != errs.Unavailable || outer.Err() != nil || !s.replicas.UsedReplica(ctx) {
			return err
		}
		return next(call, c) // the replica may have failed; the primary serves every read
	}
}

// recordGrace is how long the recording of a write may continue after the request's deadline. The write is recorded
// even after the deadline, because it may have been committed. If the store is unreachable, the response is still sent
// within two seconds.
const recordGrace = 250 * time.Millisecond

// recordWrite records the write after next, also a rejected one: a client that is informed that a resource has changed
// must see the change when it reads again. If a write cannot be recorded, the response is an error.
func (s *Server) recordWrite(next step) step {
	return func(call *call, c *fiber.Ctx) error {
		err := next(call, c)
		if s.replicas == nil {
			return err
		}
		end := time.Now()
		if deadline, limited := c.UserContext().Deadline(); limited && deadline.After(end) {
			end = deadline
		}
		ctx, cancel := context.WithDeadline(context.WithoutCancel(c.UserContext()), end.Add(recordGrace))
		defer cancel()
		if failed := s.replicas.Wrote(ctx, call.Principal.SessionID); err == nil {
			return failed
		}
		return err
	}
}
