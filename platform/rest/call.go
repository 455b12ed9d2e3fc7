// Package rest holds the functions that the modules' handlers share: they read bodies, page requests and conditions,
// and send resources and pages. The server has checked the request against the contract before a handler runs.
package rest

import (
	"net/netip"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/auth"
	"healthcare/platform/contract"
)

// API registers the handlers of one module's operations.
type API func(fiber.Router)

// Call is a request to a described operation.
type Call struct {
	Operation *contract.Operation
	Principal auth.Principal // the zero Principal for a public operation
	Address   netip.Addr     // the client's; invalid where the peer has no IP address
	Settings  *Settings
	SentQuery string // the query as it was sent, if that was not its canonical form

	PageBytes int                 // how large a page may be before MorePage is called
	MorePage  func() (int, error) // reserves memory for the largest page and returns its size in bytes
}

// Settings are the settings of a server that handlers' helpers need.
type Settings struct {
	Cursors        Cursors
	LinkLimit      int  // the length of the longest address of a page
	RequireIfMatch bool // PUT, PATCH and DELETE must name the version that they change
	Django         bool // serves clients of the original service
}

type callKey struct{}

// Attach makes call the request's call.
func Attach(c *fiber.Ctx, call *Call) { c.Locals(callKey{}, call) }

// CallOf returns the request's call, or nil if the request has not reached a described operation.
func CallOf(c *fiber.Ctx) *Call {
	call, _ := c.Locals(callKey{}).(*Call)
	return call
}

// Principal returns the signed-in user, for the handler of an operation that is not public.
func Principal(c *fiber.Ctx) auth.Principal { return CallOf(c).Principal }

// ClientAddress returns the address that sent the request, past the proxies that the operator trusts. It is invalid
// where the peer has no IP address.
func ClientAddress(c *fiber.Ctx) netip.Addr { return CallOf(c).Address }

// Django reports whether the server serves clients of the original service, which was written with Django REST
// framework.
func Django(c *fiber.Ctx) bool {
	call := CallOf(c)
	return call != nil && call.Settings.Django
}

const (
	defaultLimit = 100 // items on a page when the client does not ask for a number
	djangoLimit  = 500 // the same for clients of the original service, which returned whole lists: the largest page
)

// Limit returns how many items the request asks for, at most.
func (call *Call) Limit(c *fiber.Ctx) int {
	if limit, err := strconv.Atoi(c.Query("limit")); err == nil {
		return limit // checked against the contract
	}
	if call.Settings.Django {
		return djangoLimit
	}
	return defaultLimit
}
