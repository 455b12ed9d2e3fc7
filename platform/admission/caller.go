// Package admission shares limited resources fairly among callers. A Resource (memory, hashing, running requests) is
// used by several callers at once. While no caller waits, a single caller may use the whole capacity. While callers
// wait, the one that uses the least is served next. A Budget (new accounts, recorded requests) is spent and restored
// with time. Both identify a caller by user and by network, so that neither many accounts nor many addresses of one
// network get a larger share.
package admission

import "net/netip"

// Caller is the sender of a request. All requests with the zero Caller count as one caller's.
type Caller struct {
	// the keys by which use is counted; unused elements are zero
	keys [3]key
	lane string
}

type key struct {
	network netip.Prefix
	user    string // or the name of a lane
	lane    bool
}

// Prefix lengths of the networks whose addresses count as one client: the network that a provider assigns to a customer
// (RFC 6177), and the largest network that a customer may receive on request.
const (
	ipv4Network     = 24
	ipv6Network     = 56
	ipv6WideNetwork = 48
)

// NewCaller returns the caller at address that is signed in as user, or that is not signed in if user is empty.
func NewCaller(address netip.Addr, user string) Caller {
	var c Caller
	for i, network := range Networks(address) {
		c.keys[i] = key{network: network}
	}
	if user != "" {
		c.keys[len(c.keys)-1] = key{user: user}
	}
	return c
}

// InLane returns the caller as a member of a lane. A Resource is first shared among the lanes with waiting callers,
// then among the callers of each lane.
func (c Caller) InLane(lane string) Caller {
	c.lane = lane
	return c
}

// Networks returns the networks of an address: its /24 for IPv4, its /56 and its /48 for IPv6, none for the zero Addr.
func Networks(address netip.Addr) []netip.Prefix {
	address = address.Unmap().WithZone("")
	sizes := []int{ipv6Network, ipv6WideNetwork}
	if address.Is4() {
		sizes = []int{ipv4Network}
	}
	var networks []netip.Prefix
	for _, bits := range sizes {
		if network, err := address.Prefix(bits); err == nil && network.IsValid() {
			networks = append(networks, network)
		}
	}
	return networks
}

// countedKeys returns the keys by which use is counted. The slice has capacity for one more key.
func (c Caller) countedKeys() []key {
	used := make([]key, 0, len(c.keys)+1)
	for _, k := range c.keys {
		if k != (key{}) {
			used = append(used, k)
		}
	}
	if len(used) == 0 {
		used = append(used, key{})
	}
	return used
}
