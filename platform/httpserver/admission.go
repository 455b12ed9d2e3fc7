package httpserver

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"healthcare/platform/admission"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/paging"
	"healthcare/platform/rest"
)

const (
	// memoryBytes bounds bodies and answers in memory: pages while they are read and encoded, and all answers
	// until they have left.
	memoryBytes = 16 << 20

	// smallAnswer is the size of an answer that is not accounted for: it fits into the buffer that each connection has
	// anyway.
	smallAnswer = 4 << 10

	// ordinaryItem is the size that most items of a list stay below. A page of larger ones is read a second time, with
	// memory for the largest.
	ordinaryItem = 2 << 10
)

// The weights of reads that look at many rows. Others weigh nothing.
const (
	weightOfLongPage = 1 // more items than longPage
	weightOfFilter   = 1 // by a parameter that the contract calls heavy
	weightOfSearch   = 2 // reads rows until enough match
	weightOfCount    = 2

	longPage = 200
)

// atWork is how many requests are worked on at once for each processor, and twice as many as there
// are connections to the store if that is more. Others wait for their turn here, where it is shared, and not for a
// connection or the one writer, where whoever asks first is first.
const atWork = 8

// shares are what all callers use together. Who has most of one waits while others do.
type shares struct {
	memory  *admission.Resource // bytes of bodies and answers
	working *admission.Resource // requests that are worked on
	// reads that look at many rows, by weight: one processor stays free of them, if there are several
	heavy    *admission.Resource
	recorded *admission.Budget // requests that the audit trail keeps for ever
}

func newShares(cfg Config) shares {
	const waiting = 512
	all := int64(runtime.GOMAXPROCS(0))
	processors := max(1, all-1)
	return shares{
		working: admission.NewResource(admission.Bounds{
			Capacity: max(atWork*all, 2*int64(cfg.StoreConnections)), Waiting: 2 * waiting, Wait: cfg.HandlerTimeout,
		}),
		memory: admission.NewResource(
			admission.Bounds{Capacity: memoryBytes, Waiting: waiting, Wait: cfg.HandlerTimeout},
		),
		heavy: admission.NewResource(
			admission.Bounds{Capacity: processors * weightOfSearch, Waiting: waiting, Wait: cfg.HandlerTimeout},
		),
		recorded: admission.NewBudget(admission.Allowance{Amount: cfg.RecordedPerHour, Period: time.Hour}, time.Now),
	}
}

// heaviness is the weight of a list.
func (call *call) heaviness(c *fiber.Ctx) (weight int64) {
	if call.Limit(c) > longPage {
		weight += weightOfLongPage
	}
	if slices.ContainsFunc(call.Operation.List.Heavy, func(filter string) bool { return c.Query(filter) != "" }) {
		weight += weightOfFilter
	}
	if c.Query("search") != "" {
		weight += weightOfSearch
	}
	if rest.Prefers(c, rest.CountExact) {
		weight += weightOfCount
	}
	return weight
}

// spend takes a request that the audit trail will record from what its user and network may have recorded. Errors:
// errs.Throttled.
func (call *call) spend() error {
	if call.Operation.Platform || call.server.cfg.RecordedPerHour == 0 {
		return nil
	}
	if after := call.server.shares.recorded.Spend(call.caller(), 1); after > 0 {
		refused := *errTooManyRecorded
		refused.RetryAfter = after
		return &refused
	}
	return nil
}

var errTooManyRecorded = errs.New(
	errs.Throttled,
	"too_many_requests",
	"Too many requests from this user or network. Try again later.",
)

// caller is who sent the request, for shares.
func (call *call) caller() admission.Caller {
	user := ""
	if call.Principal.UserID != uuid.Nil {
		user = call.Principal.UserID.String()
	}
	return admission.By(call.Address, user)
}

// tokenKey is how much of a token's end tells it from others.
const tokenKey = 24

// enter waits for the request's turn. Whose it is, is not known before the store is asked: a user counts by token.
// Errors: admission.ErrShare, admission.ErrBusy, the context's.
func (call *call) enter(c *fiber.Ctx, token string) (err error) {
	call.token = strings.Clone(token[max(0, len(token)-tokenKey):])
	return call.again(c)
}

// again is enter after leave.
func (call *call) again(c *fiber.Ctx) (err error) {
	by := admission.By(call.Address, call.token)
	call.turn, err = call.server.shares.working.Lease(c.UserContext(), by, 1)
	return err
}

// leave ends the request's turn, before it waits for something else that is shared.
func (call *call) leave() {
	call.turn.Release()
	call.turn = nil
}

// pageWeight is that of a page of so many bytes: it is in memory as rows and as JSON.
func pageWeight(bytes int) int64 { return 2 * int64(bytes) }

// reserve takes a list's share of heavy reads, and memory for the page that it is about to read. Errors:
// admission.ErrShare, admission.ErrBusy, the context's.
func (call *call) reserve(c *fiber.Ctx) (err error) {
	if call.Operation.List == nil {
		return nil
	}
	call.leave()
	if weight := call.heaviness(c); weight > 0 {
		if call.heavy, err = call.server.shares.heavy.Lease(c.UserContext(), call.caller(), weight); err != nil {
			return err
		}
	}
	call.MorePage = func() (int, error) { return paging.MaxBytes, call.reservePage(c, paging.MaxBytes) }
	return call.reservePage(c, min(call.Limit(c)*ordinaryItem, paging.MaxBytes))
}

func (call *call) reservePage(c *fiber.Ctx, bytes int) (err error) {
	call.leave()
	call.lease.Release()
	call.lease, err = call.server.shares.memory.Lease(c.UserContext(), call.caller(), pageWeight(bytes))
	call.PageBytes = bytes
	if err != nil {
		return err
	}
	return call.again(c)
}

// account keeps the answer's bytes accounted for until it has left. What was changed is answered whatever else is in
// memory. Errors: those of reserve, for an answer that changed nothing.
func (call *call) account(c *fiber.Ctx) (err error) {
	call.leave()
	size := int64(len(c.Response().Body()))
	conn, counted := c.Context().Conn().(*transport.Conn)
	if size <= smallAnswer || !counted || call.Operation.Platform {
		call.lease.Release()
		return nil
	}
	memory := call.server.shares.memory
	switch {
	case call.lease != nil:
		call.lease.Resize(size)
	case call.Operation.Method == fiber.MethodGet:
		if call.lease, err = memory.Lease(c.UserContext(), call.caller(), size); err != nil {
			return err
		}
	default:
		call.lease = memory.Take(call.caller(), size)
	}
	conn.Hold(call.lease)
	call.lease = nil // the connection's by now
	return nil
}

// release gives back what the handler has used. The answer's memory is the connection's.
func (call *call) release() {
	call.leave()
	call.heavy.Release()
	call.lease.Release()
}
