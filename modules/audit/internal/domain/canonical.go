package domain

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// What each kind of canonical bytes begins with. They differ, so that none can stand for another.
const (
	entryVersion      = "healthcare audit entry v1"
	checkpointVersion = "healthcare audit checkpoint v1"
	genesisVersion    = "healthcare audit genesis v1"
)

// canonicalTime is UTC with microseconds: what both engines store.
const canonicalTime = "2006-01-02T15:04:05.000000Z"

// canonical is texts, each behind its length as four bytes, big-endian: no two lists of texts come to the same bytes.
type canonical []byte

func (c *canonical) text(s string) {
	*c = binary.BigEndian.AppendUint32(*c, uint32(len(s))) //nolint:gosec // bounded by Check and by columns
	*c = append(*c, s...)
}

func (c *canonical) number(n int64) { c.text(strconv.FormatInt(n, 10)) }

func (c *canonical) time(t time.Time) { c.text(t.UTC().Format(canonicalTime)) }

// id is 16 bytes, or none for none.
func (c *canonical) id(id uuid.UUID) {
	if id == uuid.Nil {
		c.text("")
		return
	}
	c.text(string(id[:]))
}

// canonical is what the MAC is made over: every column but the MAC itself, in this order, lists behind their lengths. Changing it needs
// a new version, and a reader that still knows this one.
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
