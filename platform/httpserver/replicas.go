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
	// writes, and those that affected one of the parties for whom its user acts.
	Reading(ctx context.Context, session uuid.UUID, parties ...uuid.UUID) context.Context
	// UsedReplica reports whether a read with a context of Reading was sent to a replica.
	UsedReplica(ctx context.Context) bool
	// Writing returns a context for a request that may write, which collects whom the writes affect.
	Writing(ctx context.Context) context.Context
	// Wrote records that the session may have written up to now, with a context of Writing. Errors: errs.Unavailable.
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
		parties := []uuid.UUID{call.Principal.UserID}
		for _, capacity := range call.Principal.For {
			parties = append(parties, capacity.ID)
		}
		ctx := s.replicas.Reading(outer, call.Principal.SessionID, parties...)
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
		if s.replicas == nil {
			return next(call, c)
		}
		outer := c.UserContext()
		written := s.replicas.Writing(outer)
		c.SetUserContext(written)
		err := next(call, c)
		c.SetUserContext(outer)
		end := time.Now()
		if deadline, limited := outer.Deadline(); limited && deadline.After(end) {
			end = deadline
		}
		ctx, cancel := context.WithDeadline(context.WithoutCancel(written), end.Add(recordGrace))
		defer cancel()
		if failed := s.replicas.Wrote(ctx, call.Principal.SessionID); err == nil {
			return failed
		}
		return err
	}
}
