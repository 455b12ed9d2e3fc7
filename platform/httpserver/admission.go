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
	// memoryBytes limits the memory of bodies and responses: pages while they are read and encoded, and all responses
	// until they are sent.
	memoryBytes = 16 << 20

	// smallResponse is the size up to which a response is not counted: it fits into the buffer of each connection.
	smallResponse = 4 << 10

	// ordinaryItem is larger than most items of a list. A page of larger items is read a second time, with memory for
	// the largest page.
	ordinaryItem = 2 << 10
)

// The weights of reads that examine many rows. Other reads have no weight.
const (
	weightOfLongPage = 1 // more items than longPage
	weightOfFilter   = 1 // by a parameter that the contract calls heavy
	weightOfSearch   = 2 // reads rows until enough match
	weightOfCount    = 2

	longPage = 200
)

// turnsPerProcessor is the number of requests that run at once per processor. The total is at least twice the number of
// connections to the store. Further requests wait for a turn, which is shared fairly among callers. Otherwise they
// would wait for a connection or for the single writer, in the order of their arrival.
const turnsPerProcessor = 8

// shares are the resources that all callers share. A caller that uses most of a resource waits while others wait for
// it.
type shares struct {
	memory *admission.Resource // bytes of bodies and responses
	turns  *admission.Resource // running requests
	// reads that examine many rows, and other heavy work, by weight; of several processors, it leaves one free
	heavy    *admission.Resource
	recorded *admission.Budget // requests that the audit trail records; nil: unlimited
}

func newShares(cfg Config) shares {
	const waiting = 512
	all := int64(runtime.GOMAXPROCS(0))
	processors := max(1, all-1)
	s := shares{
		turns: admission.NewResource(admission.Bounds{
			Capacity: max(turnsPerProcessor*all, 2*int64(cfg.StoreConnections)), Waiting: 2 * waiting,
			Wait: cfg.HandlerTimeout,
		}),
		memory: admission.NewResource(
			admission.Bounds{Capacity: memoryBytes, Waiting: waiting, Wait: cfg.HandlerTimeout},
		),
		heavy: admission.NewResource(
			admission.Bounds{Capacity: processors * weightOfSearch, Waiting: waiting, Wait: cfg.HandlerTimeout},
		),
	}
	if cfg.RecordedPerHour > 0 {
		s.recorded = admission.NewBudget(
			admission.Allowance{Amount: cfg.RecordedPerHour, Period: time.Hour}, time.Now,
		)
	}
	return s
}

// tokenKey is the number of bytes at the end of a token that identify it.
const tokenKey = 24

// takeTurn waits for the request's turn. The token identifies the caller, because the user is unknown until the store
// is read. Operations of the platform need no turn, and neither do public operations that hash a password, which have
// their own queue. Errors: admission.ErrTooMany, admission.ErrBusy, that of the context.
func (call *call) takeTurn(c *fiber.Ctx) error {
	if op := call.Operation; op.Access.IsPublic() && (op.Platform || op.Hashes) {
		return nil
	}
	call.token = strings.Clone(call.bearer[max(0, len(call.bearer)-tokenKey):])
	return call.acquireTurn(c)
}

// acquireTurn waits for a turn.
func (call *call) acquireTurn(c *fiber.Ctx) (err error) {
	by := admission.NewCaller(call.Address, call.token)
	call.turn, err = call.shares.turns.Lease(c.UserContext(), by, 1)
	return err
}

// releaseTurn ends the request's turn, before it waits for another shared resource.
func (call *call) releaseTurn() {
	call.turn.Release()
	call.turn = nil
}

// releaseTurnToHash ends the turn of an operation that hashes a password.
func (call *call) releaseTurnToHash(*fiber.Ctx) error {
	if call.Operation.Hashes {
		call.releaseTurn()
	}
	return nil
}

// spend charges a request that the audit trail will record to the budget of its user and network. Errors:
// errs.Throttled.
func (call *call) spend(*fiber.Ctx) error {
	if call.Operation.Platform || call.shares.recorded == nil {
		return nil
	}
	if after := call.shares.recorded.Spend(call.caller(), 1); after > 0 {
		rejected := *errTooManyRecorded
		rejected.RetryAfter = after
		return &rejected
	}
	return nil
}

var errTooManyRecorded = errs.New(
	errs.Throttled,
	"too_many_requests",
	"Too many requests from this user or network. Try again later.",
)

// caller returns the user and the network to which the request's resources are charged.
func (call *call) caller() admission.Caller {
	user := ""
	if call.Principal.UserID != uuid.Nil {
		user = call.Principal.UserID.String()
	}
	return admission.NewCaller(call.Address, user)
}

// reserve acquires the share of heavy work, and a list's memory for the page that it is about to read. Errors:
// admission.ErrTooMany, admission.ErrBusy, that of the context.
func (call *call) reserve(c *fiber.Ctx) (err error) {
	if call.Operation.List == nil && !call.Operation.Heavy {
		return nil
	}
	call.releaseTurn()
	if weight := call.weight(c); weight > 0 {
		if call.heavy, err = call.shares.heavy.Lease(c.UserContext(), call.caller(), weight); err != nil {
			return err
		}
	}
	if call.Operation.List == nil {
		return call.acquireTurn(c)
	}
	call.MorePage = func() (int, error) { return paging.MaxBytes, call.reservePage(c, paging.MaxBytes) }
	return call.reservePage(c, min(call.Limit(c)*ordinaryItem, paging.MaxBytes))
}

// weight returns the weight of heavy work, or of a list request as a heavy read; 0 for an ordinary one.
func (call *call) weight(c *fiber.Ctx) (weight int64) {
	if call.Operation.Heavy {
		return weightOfSearch
	}
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

func (call *call) reservePage(c *fiber.Ctx, bytes int) (err error) {
	call.releaseTurn()
	call.lease.Release()
	call.lease, err = call.shares.memory.Lease(c.UserContext(), call.caller(), pageWeight(bytes))
	call.PageBytes = bytes
	if err != nil {
		return err
	}
	return call.acquireTurn(c)
}

// pageWeight returns the memory for a page of a size in bytes: it is in memory as rows and as JSON.
func pageWeight(bytes int) int64 { return 2 * int64(bytes) }

// account leases memory for the response until it is sent. The response to a change is sent even without free memory.
// Errors: those of reserve, for a response to a read.
func (call *call) account(c *fiber.Ctx) (err error) {
	call.releaseTurn()
	size := int64(len(c.Response().Body()))
	conn, counted := c.Context().Conn().(*transport.Conn)
	if size <= smallResponse || !counted || call.Operation.Platform {
		call.lease.Release()
		return nil
	}
	switch {
	case call.lease != nil:
		call.lease.Resize(size)
	case call.Operation.Method == fiber.MethodGet:
		if call.lease, err = call.shares.memory.Lease(c.UserContext(), call.caller(), size); err != nil {
			return err
		}
	default:
		call.lease = call.shares.memory.ForceLease(call.caller(), size)
	}
	conn.HoldLease(call.lease)
	call.lease = nil // the connection releases it
	return nil
}

// release releases the resources of the request. The connection releases the memory of the response.
func (call *call) release() {
	call.releaseTurn()
	call.heavy.Release()
	call.lease.Release()
}
