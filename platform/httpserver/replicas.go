package httpserver

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// Replicas answer plain reads in the place of the store; database.Replicas is one.
type Replicas interface {
	// Reading is ctx for a session's plain reads: a replica may answer them that has what the session wrote.
	Reading(ctx context.Context, session uuid.UUID) context.Context
	// WasAsked reports whether a replica was asked with a ctx of Reading.
	WasAsked(ctx context.Context) bool
	// Wrote notes that the session may have written up to now. Errors: errs.Unavailable.
	Wrote(ctx context.Context, session uuid.UUID) error
}

// spread has replicas answer the operations that read, and notes which sessions write, at every instance. It stands behind the checks of who may
// call, which ask the store itself. What is open to everybody signed in is about their own account and sessions, which no session wrote that signs in
// first: the store answers it.
func (s *Server) spread(op *contract.Operation, next callHandler) callHandler {
	switch {
	case op.Access.IsPublic():
		return next
	case op.Method != fiber.MethodGet:
		return s.noted(next)
	case len(op.Access.Roles()) == 0:
		return next
	}
	return func(c *fiber.Ctx, call *call) error {
		if s.replicas == nil {
			return next(c, call)
		}
		outer := c.UserContext()
		ctx := s.replicas.Reading(outer, call.Principal.SessionID)
		c.SetUserContext(ctx)
		err := next(c, call)
		c.SetUserContext(outer)
		if errs.KindOf(err) != errs.Unavailable || outer.Err() != nil || !s.replicas.WasAsked(ctx) {
			return err
		}
		return next(c, call) // the replica may be what failed, and nobody depends on one
	}
}

// noteGrace is how much longer than its request the note of a write may take. A request whose time is over is still noted, as its write may have been
// committed, and is still answered within two seconds when the store is gone.
const noteGrace = 250 * time.Millisecond

// noted also notes a refusal: a client that is told that a record is another by now must see that when it reads again. A write that could not
// be noted is not answered as if all were well.
func (s *Server) noted(next callHandler) callHandler {
	return func(c *fiber.Ctx, call *call) error {
		err := next(c, call)
		if s.replicas == nil {
			return err
		}
		end := time.Now()
		if deadline, limited := c.UserContext().Deadline(); limited && deadline.After(end) {
			end = deadline
		}
		ctx, cancel := context.WithDeadline(context.WithoutCancel(c.UserContext()), end.Add(noteGrace))
		defer cancel()
		if failed := s.replicas.Wrote(ctx, call.Principal.SessionID); err == nil {
			return failed
		}
		return err
	}
}
