// Package revision lets a client name the version of a resource that it is about to change, so that it does not
// overwrite changes that it has not seen (RFC 9110, section 13.1.1). Use cases pass the condition on. Rules check it on
// the locked row.
package revision

import (
	"slices"

	"healthcare/platform/errs"
)

// ErrStale is the error of a change to another version than the client has seen.
var ErrStale = errs.New(
	errs.Stale, "stale_version", "The resource has changed since it was read. Read it again, and decide again.",
)

// Match is the set of versions that may be changed. The zero Match is all versions.
type Match struct {
	bound    bool
	versions []int
}

// OneOf returns the match of the given versions, which may be none.
func OneOf(versions ...int) Match { return Match{bound: true, versions: versions} }

// Check reports whether the version may be changed. Errors: ErrStale.
func (m Match) Check(version int) error {
	if m.bound && !slices.Contains(m.versions, version) {
		return ErrStale
	}
	return nil
}
