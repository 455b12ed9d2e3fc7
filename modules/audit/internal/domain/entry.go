// Package domain holds the rules of the audit trail: what an entry is, how each seals the one before it, what a checkpoint proves, and how all of
// it is verified.
package domain

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// Entry is one event of the trail. Whoever changes what it holds changes canonical too, and with it the version.
type Entry struct {
	Chain    int       // which chain it belongs to, from 1
	Sequence int64     // its place there, from 1 and without gaps
	Time     time.Time // when it was recorded; never before that of the entry before it

	ID           uuid.UUID
	RequestID    string
	ActorID      uuid.UUID // zero: nobody signed in
	Role         string
	SessionID    uuid.UUID
	Address      string // the client's
	Action       string
	ResourceType string
	ResourceID   uuid.UUID
	PatientID    uuid.UUID
	Outcome      string
	Status       int
	IDs          []uuid.UUID
	Count        int64
	Fields       []string

	KeyID string // which key the MAC was made with
	MAC   MAC
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// longestText bounds what a request says of itself, in bytes.
const longestText = 128

// Check holds the entry to what keeps a value out of the trail. Errors: a plain one, for it is a defect.
func (e Entry) Check() error {
	for _, name := range e.Fields {
		if !fieldName.MatchString(name) {
			return errors.New("audit: a changed field is told by its name, a-z, 0-9 and _") // what was told may be its value
		}
	}
	for _, text := range []string{e.RequestID, e.Role, e.Address, e.Action, e.ResourceType, e.Outcome} {
		if len(text) > longestText {
			return fmt.Errorf("audit: a text of an entry has more than %d bytes", longestText)
		}
	}
	if e.Count < 0 || int64(len(e.IDs)) > e.Count && e.Count > 0 {
		return errors.New("audit: an entry counts fewer than it names")
	}
	return nil
}
