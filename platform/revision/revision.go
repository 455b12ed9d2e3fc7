// Package revision lets a client name the version of a resource that it is about to change, so that it does not
// overwrite changes that it has not seen (RFC 9110, section 13.1.1). Use cases pass the condition to the rules, which
// check it on the locked row.
package revision

import (
	"slices"

	"healthcare/platform/errs"
)

// ErrStale is the error of a change to a version other than the one that the client has seen.
var ErrStale = errs.New(
	errs.Stale, "stale_version", "The resource has changed since it was read. Read it again, and decide again.",
)

// Match is the set of versions that may be changed. The zero Match contains all versions.
type Match struct {
	bound    bool
	versions []int
}

// OneOf returns a Match of the given versions; without arguments it matches no version.
func OneOf(versions ...int) Match { return Match{bound: true, versions: versions} }

// Check returns ErrStale unless the version may be changed.
func (m Match) Check(version int) error {
	if m.bound && !slices.Contains(m.versions, version) {
		return ErrStale
	}
	return nil
}
