// Package domain implements the rules of the audit trail: entries, their chains of MACs, checkpoints, and verification.
package domain

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// Entry is one event of the trail. A new field needs a new version of canonical.
type Entry struct {
	Chain    int       // from 1
	Sequence int64     // place in the chain, from 1 and without gaps
	Time     time.Time // when it was recorded; not before the previous entry

	ID           uuid.UUID
	RequestID    string
	ActorID      uuid.UUID // zero if no user was signed in
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

	// For the access rules; the eight chains lack them.
	ClientRequestID string    // the X-Request-ID that the client sent, if the response has another one
	Basis           string    // why the actor may access the patient
	GrantID         uuid.UUID // the grant that allowed it
	ForID           uuid.UUID // the user on whose behalf the actor acted
	Purpose         string    // of use (HL7 PurposeOfUse)

	KeyID string // id of the key of the MAC
	MAC   MAC
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// longestText is the maximum length of a text of an entry, in bytes.
const longestText = 128

// Check validates the entry, so that no value of a record gets into the trail. Errors: a plain error, because an
// invalid entry is a defect.
func (e Entry) Check() error {
	for _, name := range e.Fields {
		if !fieldName.MatchString(name) {
			// The error does not contain the name, because it may be a value.
			return errors.New("audit: the name of a changed field must consist of a-z, 0-9 and _")
		}
	}
	for _, text := range []string{
		e.RequestID, e.ClientRequestID, e.Role, e.Address, e.Action, e.ResourceType, e.Outcome, e.Basis, e.Purpose,
	} {
		if len(text) > longestText {
			return fmt.Errorf("audit: a text of the entry is longer than %d bytes", longestText)
		}
	}
	if e.Count < 0 || int64(len(e.IDs)) > e.Count && e.Count > 0 {
		return errors.New("audit: the count of the entry is less than the number of its ids")
	}
	return nil
}

// MaxSize returns an upper bound of the size of the entry in a batch, in bytes.
func (e Entry) MaxSize() int {
	const fixed = 256 // ids, numbers and lengths
	size := fixed + len(e.RequestID) + len(e.ClientRequestID) + len(e.Role) + len(e.Address) + len(e.Action) +
		len(e.ResourceType) + len(e.Outcome) + len(e.Basis) + len(e.Purpose) + len(uuid.UUID{})*len(e.IDs)
	for _, name := range e.Fields {
		size += len(name) + 1
	}
	return size
}
