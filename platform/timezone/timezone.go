// Package timezone reads the names of time zones that people and configurations choose.
package timezone

import (
	"errors"
	"path"
	"strings"
	"sync"
	"time"
)

// ErrUnknown is the error of a name that is not that of a time zone.
var ErrUnknown = errors.New("unknown time zone")

// maxLoaded is more than the number of zones, about six hundred. A file system that ignores case gives each more names.
const maxLoaded = 1000

// loaded has the zones that were loaded, by name: loading one reads a file.
var loaded = struct {
	sync.RWMutex
	zones map[string]*time.Location
}{zones: map[string]*time.Location{}}

// Load returns the time zone with a name of the IANA database, such as Europe/Berlin. It accepts less than
// time.LoadLocation, which also reads the zone of the machine and other files beside the zones. It is safe for
// concurrent use, and fast for a name that was loaded before. Errors: ErrUnknown.
func Load(name string) (*time.Location, error) {
	loaded.RLock()
	known := loaded.zones[name]
	loaded.RUnlock()
	if known != nil {
		return known, nil
	}
	if name == "" || path.Clean(name) != name || isExcluded(name) {
		return nil, ErrUnknown
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrUnknown
	}
	loaded.Lock()
	defer loaded.Unlock()
	if len(loaded.zones) < maxLoaded {
		loaded.zones[name] = zone
	}
	return zone, nil
}

// isExcluded reports whether a name depends on the machine, or is a zone where nobody lives. Some machines read their
// files in any letter case.
func isExcluded(name string) bool {
	switch name = strings.ToLower(name); name {
	case "local", "localtime", "posixrules", "factory":
		return true
	}
	return strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/") // other forms of the same zones
}
