// Package admission shares what belongs to all callers. A Resource is used by several at once (memory, hashing,
// connections to the store): while nobody waits, anybody may use all of it; while somebody does, who holds the least is
// served next. A Budget is used up (accounts, recorded requests) and fills again with time. Both know a caller by user
// and by network, so that neither many accounts nor many addresses of one network make a larger share.
package admission

import "net/netip"

// Caller is who asks for a share: the zero Caller is nobody in particular, and shares with all who are.
type Caller struct {
	// one for each thing that a share is counted by; unused ones are the zero key
	keys [3]key
	lane string
}

type key struct {
	network netip.Prefix
	user    string // or the name of a lane
	lane    bool
}

// The networks whose addresses are one client's: what a provider hands to one customer (RFC 6177), and what one
// customer may get by asking.
const (
	ipv4Network     = 24
	ipv6Network     = 56
	ipv6WideNetwork = 48
)

// By is the caller at that address, signed in as user; "" is nobody.
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

// In returns the caller as one of a lane. A Resource is first shared among the lanes whose callers wait, then among the
// callers of each.
func (c Caller) In(lane string) Caller {
	c.lane = lane
	return c
}

// Networks are those of that address: its /24 for IPv4, its /56 and its /48 for IPv6, none for the zero Addr.
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

// each is the keys that a share is counted by. There is room for one more.
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
