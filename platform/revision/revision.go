// Package revision lets a client say which version of a resource it is about to change, so that nobody overwrites what
// they have not seen (RFC 9110, section 13.1.1). Use cases pass it on; rules check it on the locked row.
package revision

import (
	"slices"

	"healthcare/platform/errs"
)

// ErrStale says that the resource is no longer what the client has seen.
var ErrStale = errs.New(errs.Stale, "stale_version", "The resource has changed since it was read. Read it again, and decide again.")

// Match is which versions may be changed. The zero Match is any.
type Match struct {
	bound    bool
	versions []int
}

// OneOf allows only the given versions; without any it allows none.
func OneOf(versions ...int) Match { return Match{bound: true, versions: versions} }

// Check holds the version that is there against what is allowed. Errors: ErrStale.
func (m Match) Check(version int) error {
	if m.bound && !slices.Contains(m.versions, version) {
		return ErrStale
	}
	return nil
}
