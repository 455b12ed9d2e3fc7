// Package rest provides functions for the handlers of modules: they read bodies, page requests and conditions, and send
// resources and pages. Before a handler runs, the server validates the request against the contract.
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
	Address   netip.Addr     // address of the client; invalid if the peer has no IP address
	Settings  *Settings
	SentQuery string // the query as it was sent, if it was not canonical

	PageBytes int                 // maximum size of a page unless MorePage is called
	MorePage  func() (int, error) // reserves memory for the largest page and returns its maximum size in bytes
}

// Settings are the server settings that this package needs.
type Settings struct {
	Cursors        Cursors
	LinkLimit      int  // the maximum length of the address of a page
	RequireIfMatch bool // changes must name the version that they change
	Django         bool // serves clients of the original service
}

type callKey struct{}

// Attach attaches call to the request.
func Attach(c *fiber.Ctx, call *Call) { c.Locals(callKey{}, call) }

// CallOf returns the request's call, or nil if the request has not reached a described operation.
func CallOf(c *fiber.Ctx) *Call {
	call, _ := c.Locals(callKey{}).(*Call)
	return call
}

// Principal returns the signed-in user, for the handler of an operation that is not public.
func Principal(c *fiber.Ctx) auth.Principal { return CallOf(c).Principal }

// ClientAddress returns the address of the client, behind trusted proxies. It is invalid if the peer has no IP address.
func ClientAddress(c *fiber.Ctx) netip.Addr { return CallOf(c).Address }

// Django reports whether the server serves clients of the original service, which was written with Django REST
// framework.
func Django(c *fiber.Ctx) bool {
	call := CallOf(c)
	return call != nil && call.Settings.Django
}

const (
	defaultLimit = 100 // items on a page if the client sends no limit
	djangoLimit  = 500 // for clients of the original service, which returned whole lists: the largest page
)

// Limit returns the maximum number of items that the request asks for.
func (call *Call) Limit(c *fiber.Ctx) int {
	if limit, err := strconv.Atoi(c.Query("limit")); err == nil {
		return limit // checked against the contract
	}
	if call.Settings.Django {
		return djangoLimit
	}
	return defaultLimit
}
