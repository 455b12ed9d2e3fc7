package httpserver

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// Replicas serve plain reads in the place of the primary database. database.Replicas implements it.
type Replicas interface {
	// Reading returns ctx for a session's plain reads: they may use a replica that has the session's writes.
	Reading(ctx context.Context, session uuid.UUID) context.Context
	// UsedReplica reports whether a replica was used with a ctx of Reading.
	UsedReplica(ctx context.Context) bool
	// Wrote records that the session may have written up to now. Errors: errs.Unavailable.
	Wrote(ctx context.Context, session uuid.UUID) error
}

// routeReads lets replicas serve the operations that read, and records at every instance which sessions write. It
// follows the authorization, which uses the primary. So do operations that are open to all roles: they are about the
// caller's own account and sessions, which another session may have changed.
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

// recordGrace is how much longer than its request the record of a write may take. A write is recorded even if its time
// is over, as it may have been committed. The response is still sent within two seconds when the store is gone.
const recordGrace = 250 * time.Millisecond

// recordWrite also records a rejected write: a client that learns that a resource has changed must see the change when
// it reads again. A write that could not be recorded is not answered with success.
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
