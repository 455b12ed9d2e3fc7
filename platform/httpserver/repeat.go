package httpserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/audit"
	"healthcare/platform/database/idempotency"
	"healthcare/platform/errs"
)

// Repeater runs an effect once for any number of the same requests; idempotency.Keys is one.
type Repeater interface {
	// Once runs effect in a transaction unless that was done for the same request already. Errors: idempotency.ErrInFlight,
	// idempotency.ErrReused, effect's.
	Once(ctx context.Context, r idempotency.Request, effect func(context.Context) (idempotency.Answer, error)) (idempotency.Answer, bool, error)
}

// maxKey bounds an Idempotency-Key, in characters.
const maxKey = 255

// repeatedHeaders are those of an answer that its repetition carries too; the others belong to the request.
var repeatedHeaders = []string{fiber.HeaderContentType, fiber.HeaderLocation, fiber.HeaderETag, fiber.HeaderWarning}

// once lets a client that sends an Idempotency-Key repeat a POST: the handler runs in one transaction with the keeping of its answer.
func (s *Server) once(c *fiber.Ctx, call *call, handler fiber.Handler) error {
	key := c.Get("Idempotency-Key")
	if key == "" {
		return handler(c)
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' }) {
		return errs.Invalidf("Idempotency-Key", "Must have 1 to %d visible ASCII characters.", maxKey)
	}
	digest := sha256.Sum256(c.Request().Body())
	outer := c.UserContext()
	request := idempotency.Request{
		User: call.principal.UserID, Route: call.op.method + " " + call.op.route, Key: key, Fingerprint: hex.EncodeToString(digest[:]),
	}
	given, replayed, err := s.repeater.Once(outer, request, func(ctx context.Context) (idempotency.Answer, error) {
		c.SetUserContext(ctx) // carries the transaction
		defer c.SetUserContext(outer)
		if err := handler(c); err != nil {
			return idempotency.Answer{}, err
		}
		return answered(c), nil
	})
	if err != nil || !replayed {
		return err
	}
	if call.op.resource != "" { // what was answered is shown again
		again := audit.Entry{Action: audit.Read, Resource: call.op.resource, Outcome: audit.Success, Status: given.Status}
		again.ResourceID = located(given.Header[fiber.HeaderLocation])
		if again.Resource == audit.Patient {
			again.PatientID = again.ResourceID
		}
		if err := s.trail.Record(outer, call.principal, again); err != nil {
			return err
		}
	}
	for name, value := range given.Header {
		c.Set(name, value)
	}
	c.Set("Idempotent-Replayed", "true")
	return c.Status(given.Status).Send(given.Body)
}

// located is the id at the end of an address; zero where there is none.
func located(address string) uuid.UUID {
	id, err := uuid.Parse(path.Base(address))
	if err != nil {
		return uuid.Nil
	}
	return id
}

func answered(c *fiber.Ctx) idempotency.Answer {
	header := map[string]string{}
	for _, name := range repeatedHeaders {
		if value := c.GetRespHeader(name); value != "" {
			header[name] = value
		}
	}
	body := append([]byte{}, c.Response().Body()...)
	return idempotency.Answer{Status: c.Response().StatusCode(), Header: header, Body: body}
}
