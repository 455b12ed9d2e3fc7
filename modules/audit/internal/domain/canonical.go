package domain

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The first text of each kind of canonical bytes. They differ, so that one kind cannot replace another.
const (
	entryVersion      = "healthcare audit entry v1"
	checkpointVersion = "healthcare audit checkpoint v1"
	genesisVersion    = "healthcare audit genesis v1"
)

// canonicalTime is UTC with microseconds, the precision of both engines.
const canonicalTime = "2006-01-02T15:04:05.000000Z"

// canonical is a list of texts, each after its length as four bytes, big-endian. So different lists have different
// bytes.
type canonical []byte

func (c *canonical) text(s string) {
	*c = binary.BigEndian.AppendUint32(*c, uint32(len(s))) //nolint:gosec // bounded by Check and by columns
	*c = append(*c, s...)
}

func (c *canonical) number(n int64) { c.text(strconv.FormatInt(n, 10)) }

func (c *canonical) time(t time.Time) { c.text(t.UTC().Format(canonicalTime)) }

// id appends 16 bytes, or the empty text for the zero id.
func (c *canonical) id(id uuid.UUID) {
	if id == uuid.Nil {
		c.text("")
		return
	}
	c.text(string(id[:]))
}

// canonical returns the input of the MAC: every column except the MAC, in this order, with lists after their lengths.
// A change needs a new version, and verification must still support this one.
func (e Entry) canonical() []byte {
	c := make(canonical, 0, 512+20*len(e.IDs))
	c.text(entryVersion)
	c.number(int64(e.Chain))
	c.number(e.Sequence)
	c.time(e.Time)
	c.id(e.ID)
	c.text(e.RequestID)
	c.id(e.ActorID)
	c.text(e.Role)
	c.id(e.SessionID)
	c.text(e.Address)
	c.text(e.Action)
	c.text(e.ResourceType)
	c.id(e.ResourceID)
	c.id(e.PatientID)
	c.text(e.Outcome)
	c.number(int64(e.Status))
	c.number(int64(len(e.IDs)))
	for _, id := range e.IDs {
		c.text(string(id[:]))
	}
	c.number(e.Count)
	c.number(int64(len(e.Fields)))
	for _, name := range e.Fields {
		c.text(name)
	}
	c.text(e.KeyID)
	return c
}
