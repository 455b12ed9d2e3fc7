// Package admission shares limited resources fairly among callers. A Resource is used by several callers at once
// (memory, hashing, turns). While no caller waits, one may use all of it. While callers wait, the one that has least is
// served next. A Budget is spent (accounts, recorded requests) and restored with time. Both identify a caller by user
// and by network, so that neither many accounts nor many addresses of one network get a larger share.
package admission

import "net/netip"

// Caller is the sender of a request. All callers with the zero Caller share as one.
type Caller struct {
	// the keys that a share is counted by; unused ones are the zero key
	keys [3]key
	lane string
}

type key struct {
	network netip.Prefix
	user    string // or the name of a lane
	lane    bool
}

// The networks whose addresses count as one client's: the network that a provider assigns to one customer (RFC 6177),
// and the largest that one customer may get on request.
const (
	ipv4Network     = 24
	ipv6Network     = 56
	ipv6WideNetwork = 48
)

// By returns the caller at that address that is signed in as user, or not signed in for "".
func By(address netip.Addr, user string) Caller {
	var c Caller
	for i, network := range Networks(address) {
		c.keys[i] = key{network: network}
	}
	if user != "" {
		c.keys[len(c.keys)-1] = key{user: user}
	}
	return c
}

// In returns the caller as a member of a lane. A Resource is shared among the lanes with waiting callers first, then
// among the callers of each lane.
func (c Caller) In(lane string) Caller {
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

// each returns the keys that a share is counted by. The slice has capacity for one more.
func (c Caller) each() []key {
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
