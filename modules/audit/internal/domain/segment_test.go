package domain_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

// chain is a chain of segments with its checkpoints.
type chain struct {
	span        domain.SegmentSpan
	segments    []domain.Segment
	checkpoints []domain.Checkpoint
	sealer      *domain.Sealer
	writer      *domain.Writer
	at          time.Time
}

// newChain returns a chain of n segments, each with three batches of two entries, and a checkpoint after each.
func newChain(n int) *chain {
	c := &chain{sealer: domain.NewSealer(keys, domain.NewHistory(false)), writer: domain.NewWriter(), at: now}
	for range n {
		c.seal(c.batch(2), c.batch(2), c.batch(2))
	}
	return c
}

// batch returns the bytes of a committed batch.
func (c *chain) batch(entries int) []byte {
	all := make([]domain.Entry, entries)
	for i := range all {
		all[i] = fullEntry(int(c.span.To.Sequence)*10 + i)
	}
	b := c.writer.Next(c.at, all)
	c.writer.Committed(b)
	return b.Seal(keys)
}

func rowsOf(batches ...[]byte) []domain.InboxRow {
	rows := make([]domain.InboxRow, len(batches))
	for i, b := range batches {
		rows[i] = domain.InboxRow{ID: int64(i + 1), Bytes: b}
	}
	return rows
}

func (c *chain) seal(batches ...[]byte) domain.Seal {
	seal, err := c.sealer.Next(c.span.To, rowsOf(batches...), c.at, true)
	if err != nil {
		panic(err)
	}
	c.sealer.Chained()
	c.add(seal.Segment)
	return seal
}

func (c *chain) mark(marks ...domain.Mark) {
	c.add(c.sealer.SealMarks(c.span.To, marks, c.at).Segment)
}

func (c *chain) add(s domain.Segment) {
	c.segments, c.span.To = append(c.segments, s), s.End()
	c.checkpoints = append(c.checkpoints, c.span.To.Checkpoint(c.at))
	c.at = c.at.Add(30 * time.Second)
}

func (c *chain) clone() *chain {
	copied := *c
	copied.segments, copied.checkpoints = slices.Clone(c.segments), slices.Clone(c.checkpoints)
	for i := range copied.segments {
		copied.segments[i].Raw = slices.Clone(copied.segments[i].Raw)
	}
	return &copied
}

// verify verifies the whole chain, with its checkpoints unless these are nil.
func (c *chain) verify(unsealed ...domain.Batch) (*domain.SegmentVerifier, error) {
	checkpoints := slices.Values(c.checkpoints)
	if c.checkpoints == nil {
		checkpoints = nil
	}
	v := domain.NewSegmentVerifier(keys, c.span, checkpoints)
	defer v.Close()
	for _, b := range unsealed {
		v.AddUnsealed(b)
	}
	for _, s := range c.segments {
		if _, err := v.Next(s); err != nil {
			return v, err
		}
	}
	return v, v.End()
}

func (c *chain) requireFlaw(t *testing.T, number int64, reason string) {
	t.Helper()
	_, err := c.verify()
	requireFlaw(t, err, number, reason)
	require.ErrorContains(t, err, fmt.Sprintf("audit trail, segment %d: ", number))
}

// The MAC was computed independently in Python. If it changes, existing trails no longer verify.
func TestMACOfAKnownSegment(t *testing.T) {
	batch := knownBatch()
	sealed := batch.Time.Add(1500 * time.Millisecond)
	sealer := domain.NewSealer(keys, domain.NewHistory(false))
	first, err := sealer.Next(domain.Origin(), rowsOf(batch.Seal(keys)), sealed, false)
	require.NoError(t, err)
	require.Equal(t, "a09e3da44ae01a6419bb363728888f155b56b0f54c51ca098d20097da913371b", first.MAC.String())
	ends := domain.Mark{Kind: domain.Closed, Chain: 3, Link: domain.Link{Sequence: 17}}
	for i := range ends.MAC {
		ends.MAC[i] = 7
	}
	second := sealer.SealMarks(first.End(), []domain.Mark{ends}, sealed)
	require.Equal(t, "8a623ef9ba95390f5b6cc13088c7aa520f36d440e578cdf386fad5ee61791f85", second.MAC.String())
	records, err := keys.Authenticate(second.Segment, first.End())
	require.NoError(t, err)
	require.Equal(t, []domain.Record{{Mark: &ends}}, records)
}

func TestASoundChain(t *testing.T) {
	t.Run("verifies", func(t *testing.T) {
		c := newChain(10)
		v, err := c.verify()
		require.NoError(t, err)
		require.Equal(t, c.span.To, v.Verified())
		require.EqualValues(t, 60, v.Verified().Sequence)
		notes, jumps := v.Notes()
		require.Empty(t, notes)
		require.Zero(t, jumps)
	})
	t.Run("verifies when it is empty, and without checkpoints", func(t *testing.T) {
		_, err := newChain(0).verify()
		require.NoError(t, err)
		c := newChain(3)
		c.checkpoints = nil
		_, err = c.verify()
		require.NoError(t, err)
	})
	t.Run("verifies after pruning that is recorded", func(t *testing.T) {
		c := newChain(10)
		anchor := c.segments[3].End()
		c.mark(domain.Mark{Kind: domain.Pruned, Chain: domain.SegmentChain, Link: anchor.Checkpoint(now).Link})
		c.span.From, c.segments = anchor, c.segments[4:]
		v, err := c.verify()
		require.NoError(t, err)
		require.Len(t, v.Marks(), 1)
		last := c.checkpoints[10].Time
		require.Equal(t, domain.Compared{Count: 8, Last: last}, v.Compared(), "three are of pruned segments")
	})
	t.Run("is unpacked as it was sealed", func(t *testing.T) {
		c := newChain(2)
		records, err := c.segments[1].Records()
		require.NoError(t, err)
		require.Len(t, records, 3)
		first := records[0].Batch.Entries[0]
		require.EqualValues(t, 7, first.Sequence)
		want := fullEntry(60)
		want.Sequence, want.Time = 7, c.segments[1].FirstAt
		require.Equal(t, want, first)
	})
}

func TestFlawsOfAChain(t *testing.T) {
	sound := newChain(10)
	for name, one := range map[string]struct {
		tamper func(c *chain)
		number int64
		reason string
	}{
		"a changed byte": {func(c *chain) { c.segments[4].Raw[20] ^= 1 }, 5, "with entries 25 to 30, of 2026-11-22"},
		"no bytes":       {func(c *chain) { c.segments[4].Raw = nil }, 5, "cannot be unpacked"},
		"a size that is larger": {
			func(c *chain) { c.segments[4].RawSize++ }, 5, "was changed"},
		"a size that is smaller": {func(c *chain) { c.segments[4].RawSize-- }, 5, "was changed"},
		"another first entry":    {func(c *chain) { c.segments[4].First++ }, 5, "was changed"},
		"another number of entries": {
			func(c *chain) { c.segments[4].Entries++ }, 5, "was changed"},
		"another time":      {func(c *chain) { c.segments[4].FirstAt = now }, 5, "was changed"},
		"another last time": {func(c *chain) { c.segments[4].LastAt = now }, 5, "was changed"},
		"another sealing":   {func(c *chain) { c.segments[4].SealedAt = now }, 5, "was changed"},
		"another key":       {func(c *chain) { c.segments[4].KeyID = "other" }, 5, "neither AUDIT_KEY"},
		"another MAC":       {func(c *chain) { c.segments[4].MAC[3] ^= 1 }, 5, "was changed"},
		"a missing segment": {func(c *chain) { c.segments = slices.Delete(c.segments, 4, 5) }, 5, "is missing"},
		"two segments in another order": {
			func(c *chain) { c.segments[4], c.segments[5] = c.segments[5], c.segments[4] }, 5, "is missing"},
		"a repeated segment": {
			func(c *chain) { c.segments = slices.Insert(c.segments, 5, c.segments[4]) }, 5, "is repeated"},
		"a segment in the place of another": {func(c *chain) {
			c.segments[4] = c.segments[6]
			c.segments[4].Number = 5
		}, 5, "was changed"},
		"a segment of another trail": {func(c *chain) { c.segments[4] = newChain(5).segments[4] }, 5, "was changed"},
		"an end that was cut off":    {func(c *chain) { c.segments = c.segments[:7] }, 8, "its head is segment 10"},
		"an end that was cut off with the head": {func(c *chain) {
			c.segments, c.span.To = c.segments[:7], c.segments[6].End()
		}, 8, "is about segment 8. The end was cut off"},
		"a beginning that was cut off": {func(c *chain) {
			c.span.From, c.segments = c.segments[3].End(), c.segments[4:]
		}, 4, "has no record that they were pruned"},
		"an anchor after that of the record": {func(c *chain) {
			c.mark(domain.Mark{
				Kind: domain.Pruned, Chain: domain.SegmentChain, Link: c.segments[3].End().Checkpoint(now).Link,
			})
			c.span.From, c.segments = c.segments[4].End(), c.segments[5:]
		}, 5, "has no record that they were pruned"},
		"an anchor with another MAC": {func(c *chain) {
			c.mark(domain.Mark{
				Kind: domain.Pruned, Chain: domain.SegmentChain, Link: c.segments[3].End().Checkpoint(now).Link,
			})
			c.span.From, c.segments = c.segments[3].End(), c.segments[4:]
			c.span.From.MAC[0] ^= 1
		}, 5, "was changed, or does not follow"},
		"an anchor with another sequence": {func(c *chain) {
			c.mark(domain.Mark{
				Kind: domain.Pruned, Chain: domain.SegmentChain, Link: c.segments[3].End().Checkpoint(now).Link,
			})
			c.span.From, c.segments = c.segments[3].End(), c.segments[4:]
			c.span.From.Sequence++
		}, 5, "was changed, or does not follow"},
		"a state of an old backup": {func(c *chain) {
			c.segments, c.span.To = c.segments[:6], c.segments[5].End()
			c.sealer = domain.NewSealer(keys, domain.NewHistory(true))
			checkpoints := c.checkpoints
			for range 6 {
				c.seal(c.batch(1))
			}
			c.checkpoints = checkpoints
		}, 7, "does not match the checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			c := sound.clone()
			one.tamper(c)
			c.requireFlaw(t, one.number, one.reason)
		})
	}
	t.Run("an end that was cut off is not found without checkpoints", func(t *testing.T) {
		c := sound.clone()
		c.segments, c.span.To, c.checkpoints = c.segments[:7], c.segments[6].End(), nil
		_, err := c.verify()
		require.NoError(t, err)
	})
}

// The MAC of a segment does not cover the number and sequence of the position before it.
func TestASegmentFollowsOnePosition(t *testing.T) {
	c := newChain(3)
	for name, one := range map[string]struct {
		change func(after *domain.Position)
		sound  bool
	}{
		"that of the chain":    {func(*domain.Position) {}, true},
		"a later number":       {func(after *domain.Position) { after.Number++ }, false},
		"an earlier number":    {func(after *domain.Position) { after.Number-- }, false},
		"a later sequence":     {func(after *domain.Position) { after.Sequence++ }, false},
		"an earlier sequence":  {func(after *domain.Position) { after.Sequence-- }, false},
		"another MAC":          {func(after *domain.Position) { after.MAC[31] ^= 1 }, false},
		"the origin of trails": {func(after *domain.Position) { *after = domain.Origin() }, false},
	} {
		after := c.segments[1].End()
		one.change(&after)
		records, err := keys.Authenticate(c.segments[2], after)
		if one.sound {
			require.NoError(t, err)
			require.Len(t, records, 3)
			continue
		}
		require.ErrorContains(t, err, "was changed, or does not follow the previous segment", name)
		require.Nil(t, records)
	}
}

func TestMalformedRecordsAreNotDecoded(t *testing.T) {
	aside := []byte{0, 5, 'A', 1, 'r', 1, 'b'} // no entries, five bytes
	segment := func(entries int, raw ...byte) domain.Segment {
		return domain.Segment{Header: domain.Header{First: 1, Entries: entries, RawSize: len(raw)}, Raw: raw}
	}
	records, err := segment(0, slices.Concat(aside, aside)...).Records()
	require.NoError(t, err)
	one := domain.Record{Aside: &domain.Aside{Reason: "r", Batch: []byte("b")}}
	require.Equal(t, []domain.Record{one, one}, records)
	otherSize := segment(0, aside...)
	otherSize.RawSize++
	for name, malformed := range map[string]domain.Segment{
		"no records":                          segment(0),
		"another size":                        otherSize,
		"fewer entries than stated":           segment(1, aside...),
		"an empty record":                     segment(0, 0, 0),
		"an empty record at last":             segment(0, append(slices.Clone(aside), 0, 0)...),
		"no kind that is known":               segment(0, 0, 1, 'X'),
		"a cut record":                        segment(0, aside[:6]...),
		"a cut length":                        segment(0, 0),
		"a byte after the members":            segment(0, 0, 6, 'A', 1, 'r', 1, 'b', 0),
		"a member that is cut":                segment(0, 0, 4, 'A', 1, 'r', 1),
		"entries of a record without a batch": segment(1, 1, 5, 'A', 1, 'r', 1, 'b'),
		"a mark without a MAC":                segment(0, 0, 3, 'C', 2, 2),
	} {
		records, err := malformed.Records()
		require.Error(t, err, name)
		require.Nil(t, records, name)
	}
	for name, malformed := range map[string]domain.Segment{
		"no records":   segment(0),
		"another size": otherSize,
		"a cut record": segment(0, aside[:6]...),
		"a cut length": segment(0, append(slices.Clone(aside), 0)...),
	} {
		_, err := malformed.Find(domain.Filter{})
		require.Error(t, err, "a search: %s", name)
	}
}

func TestSealing(t *testing.T) {
	t.Run("ends a segment at 1,000 entries", func(t *testing.T) {
		c := newChain(0)
		batches := [][]byte{}
		for range 5 {
			batches = append(batches, c.batch(250))
		}
		seal := c.seal(batches...)
		require.Equal(t, 1000, seal.Entries)
		require.Equal(t, []int64{1, 2, 3, 4}, seal.Rows)
		_, err := c.verify()
		require.NoError(t, err)
	})
	t.Run("ends a segment at 1 MiB", func(t *testing.T) {
		c := newChain(0)
		large := func() []byte {
			entries := make([]domain.Entry, 100)
			for i := range entries {
				entries[i] = fullEntry(i)
				entries[i].IDs = slices.Repeat([]uuid.UUID{uuid.New()}, 150)
			}
			b := c.writer.Next(c.at, entries)
			c.writer.Committed(b)
			return b.Seal(keys)
		}
		seal := c.seal(large(), large(), large(), large(), large())
		require.Len(t, seal.Rows, 4)
		require.LessOrEqual(t, seal.RawSize, domain.MaxSegmentBytes)
	})
	t.Run("never lets a second row exceed the limits", func(t *testing.T) {
		c := newChain(0)
		require.Equal(t, []int64{1}, c.seal(c.batch(600), c.batch(600)).Rows)
		noBatch := func(size int) []byte { return bytes.Repeat([]byte{'x'}, size) }
		half := domain.MaxSegmentBytes / 2
		half -= c.seal(noBatch(half)).RawSize - half // without the rest of the record
		seal := c.seal(noBatch(half), noBatch(half))
		require.Equal(t, []int64{1, 2}, seal.Rows)
		require.Equal(t, domain.MaxSegmentBytes, seal.RawSize)
		require.Equal(t, []int64{1}, c.seal(noBatch(half), noBatch(half+1)).Rows, "a byte more than 1 MiB")
	})
	t.Run("sets a row that is larger than any batch aside", func(t *testing.T) {
		c := newChain(0)
		row := domain.InboxRow{ID: 7, Size: domain.MaxSealedBytes, Bytes: c.batch(2)}
		seal, err := c.sealer.Next(c.span.To, []domain.InboxRow{row}, c.at, false)
		require.NoError(t, err)
		require.Empty(t, seal.Aside, "512 KiB are not too large")
		require.Equal(t, 2, seal.Entries)
		require.EqualValues(t, 7, seal.Last)
		row = domain.InboxRow{ID: 7, Size: domain.MaxSealedBytes + 1}
		seal, err = c.sealer.Next(c.span.To, []domain.InboxRow{row}, c.at, false)
		require.NoError(t, err)
		require.ErrorContains(t, errors.Join(seal.Aside...), "the row has 524289 bytes, more than any batch")
		require.Zero(t, seal.Last)
		records, err := seal.Records()
		require.NoError(t, err)
		require.Equal(t, []domain.Record{{Aside: &domain.Aside{
			Reason: "audit: the row has 524289 bytes, more than any batch: they were not kept", Batch: []byte{},
		}}}, records)
	})
	t.Run("sets a changed batch aside with its bytes", func(t *testing.T) {
		c := newChain(1)
		changed := c.batch(2)
		changed[len(changed)-1] ^= 1
		seal := c.seal(c.batch(1), changed, []byte("no batch"))
		require.Len(t, seal.Rows, 3)
		require.Len(t, seal.Aside, 2)
		require.Equal(t, 1, seal.Entries)
		records, err := seal.Records()
		require.NoError(t, err)
		require.Equal(t, changed, records[1].Aside.Batch)
		require.Equal(t, []byte("no batch"), records[2].Aside.Batch)
		c.requireFlaw(t, 2, "acknowledges batch 4")
		c.segments, c.span.To = c.segments[:1], c.segments[0].End()
		c.checkpoints, c.writer = nil, domain.NewWriter()
		c.seal([]byte("no batch"))
		c.seal(c.batch(1))
		c.requireFlaw(t, 2, "has a batch that was set aside (1 such batches): audit: the batch was changed")
	})
	t.Run("sets a repeated batch aside", func(t *testing.T) {
		c := newChain(0)
		once := c.batch(2)
		seal := c.seal(once, once)
		require.Equal(t, 2, seal.Entries)
		require.ErrorContains(t, errors.Join(seal.Aside...), "recorded twice")
		seal = c.seal(once)
		require.Zero(t, seal.Entries)
		require.Equal(t, seal.SealedAt, seal.FirstAt)
		c.requireFlaw(t, 1, "(2 such batches): audit: the batch was recorded twice")
	})
	t.Run("waits for an instance that knows the key", func(t *testing.T) {
		c := newChain(0)
		entryKeys := []domain.Secret{secret("newer"), secret("entries")}
		both := domain.NewKeys(entryKeys, []domain.Secret{secret("checkpoints")})
		b := c.writer.Next(c.at, []domain.Entry{fullEntry(1)})
		newer := b.Seal(both)
		_, err := c.sealer.Next(domain.Origin(), rowsOf(newer), c.at, false)
		require.ErrorIs(t, err, domain.ErrWaiting)
		seal, err := c.sealer.Next(domain.Origin(), rowsOf(c.batch(1), newer, c.batch(1)), c.at, false)
		require.NoError(t, err)
		require.Equal(t, []int64{1}, seal.Rows, "the batches before it do not wait")
		seal, err = domain.NewSealer(both, domain.NewHistory(false)).Next(domain.Origin(), rowsOf(newer), c.at, false)
		require.NoError(t, err)
		require.Equal(t, 1, seal.Entries)
		require.Equal(t, "newer", seal.KeyID)
		seal, err = c.sealer.Next(domain.Origin(), rowsOf(newer), c.at, true)
		require.NoError(t, err)
		require.ErrorContains(t, errors.Join(seal.Aside...), `key "newer" is neither AUDIT_KEY`)
	})
	t.Run("a batch in the inbox is not missing", func(t *testing.T) {
		c := newChain(0)
		late := c.writer.Next(c.at, []domain.Entry{fullEntry(1)})
		c.writer.Committed(late)
		c.seal(c.batch(1))
		c.requireFlaw(t, 1, "acknowledges batch 1 of writer")
		_, err := c.verify(late)
		require.NoError(t, err)
	})
	t.Run("a chain with a batch twice is a flaw", func(t *testing.T) {
		c := newChain(0)
		once := c.batch(1)
		c.seal(once)
		c.sealer = domain.NewSealer(keys, domain.NewHistory(false))
		c.seal(once)
		c.requireFlaw(t, 2, "has a batch that the chain already has")
	})
}

func TestClockJumps(t *testing.T) {
	h := func(first, last, sealed time.Duration) domain.Header {
		return domain.Header{Number: 2, FirstAt: now.Add(first), LastAt: now.Add(last), SealedAt: now.Add(sealed)}
	}
	before := h(-30*time.Second, -time.Second, 0)
	for name, one := range map[string]struct {
		h    domain.Header
		want bool
	}{
		"none":                          {h(0, time.Second, 2*time.Second), false},
		"5 seconds ahead":               {h(0, 7*time.Second, 2*time.Second), false},
		"more ahead":                    {h(0, 7*time.Second+1000, 2*time.Second), true},
		"90 seconds behind":             {h(-91*time.Second, 0, time.Second), false},
		"more behind":                   {h(-91*time.Second-1000, 0, time.Second), true},
		"a year ahead":                  {h(365*24*time.Hour, 365*24*time.Hour, time.Second), true},
		"the sealer 5 seconds behind":   {h(-5*time.Second, -5*time.Second, -5*time.Second), false},
		"the sealer more behind":        {h(-6*time.Second, -6*time.Second, -6*time.Second), true},
		"a batch that waited for hours": {h(time.Second, time.Hour, 5*time.Hour), false},
	} {
		require.Equal(t, one.want, domain.ClockJumped(before, one.h), name)
	}
	require.False(t, domain.ClockJumped(domain.Header{}, h(-time.Hour, 0, 0)), "the first segment")
	ahead := h(0, 365*24*time.Hour, time.Second)
	require.False(t, domain.ClockJumped(ahead, h(time.Second, time.Second, 2*time.Second)), "the next one")

	c := newChain(2)
	c.at = c.at.Add(365 * 24 * time.Hour)
	future := c.batch(1)
	c.at = c.at.Add(-365 * 24 * time.Hour)
	c.seal(future)
	c.seal(c.batch(1))
	v, err := c.verify()
	require.NoError(t, err, "a jump is no flaw")
	notes, jumps := v.Notes()
	require.Equal(t, 1, jumps)
	require.EqualValues(t, 3, notes[0].Segment)
	require.Contains(t, notes[0].Text, "segment 3, sealed at 2026-11-22T22:30:36Z, has entries of 2027-11-22T22:30:36Z")
}

func TestBlocks(t *testing.T) {
	var block domain.Block
	header := func(number int64, entries, size int, at time.Duration) domain.Header {
		return domain.Header{Number: number, Entries: entries, RawSize: size, SealedAt: now.Add(at)}
	}
	require.Zero(t, block.Add(header(1, 63_999, 1, 0)))
	require.EqualValues(t, 2, block.Add(header(2, 1, 1, 0)), "64,000 entries")
	block = domain.Block{}
	require.Zero(t, block.Add(header(1, 1, 8<<20-1, 0)))
	require.EqualValues(t, 2, block.Add(header(2, 1, 1, 0)), "8 MiB")
	block = domain.Block{}
	for number := range int64(1023) {
		require.Zero(t, block.Add(header(number+1, 1, 1, 0)))
	}
	require.EqualValues(t, 1024, block.Add(header(1024, 1, 1, 0)), "1,024 segments")
	block = domain.Block{}
	require.Zero(t, block.Add(header(1, 1, 1, 0)))
	require.Zero(t, block.Add(header(2, 1, 1, 24*time.Hour-1)))
	require.EqualValues(t, 2, block.Add(header(3, 1, 1, 24*time.Hour)), "before the segment of the next day")
	block = domain.Block{}
	require.Zero(t, block.EndBefore(now), "an empty block does not end")
	require.Zero(t, block.Add(header(1, 1, 1, 0)))
	require.Zero(t, block.EndBefore(now.Add(24*time.Hour-1)))
	require.EqualValues(t, 1, block.EndBefore(now.Add(24*time.Hour)))
	require.EqualValues(t, 1, block.EndBefore(now.Add(-24*time.Hour)), "a clock that went back")
	require.EqualValues(t, 1, block.Add(header(2, 1, 1, 24*time.Hour)), "a block may have one segment")
}

func TestIndexRowsEqualTheSegmentsOfATerm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ids := []uuid.UUID{numberedID(1), numberedID(2), numberedID(3)}
		pick := rapid.SampledFrom(append(ids, uuid.Nil))
		filters := []domain.Filter{{Action: "read"}, {Action: "list"}}
		for _, id := range ids {
			filters = append(filters, domain.Filter{Actor: &id}, domain.Filter{Patient: &id},
				domain.Filter{Actor: &id, Action: "read"}, domain.Filter{Patient: &id, Actor: &ids[0], Action: "list"})
		}
		var index domain.BlockIndex
		segments := rapid.IntRange(1, 300).Draw(r, "segments")
		found := map[int][]int64{}
		for number := range int64(segments) {
			number += 1000
			var records []domain.Record
			for range rapid.IntRange(0, 2).Draw(r, "entries") {
				e := domain.Entry{
					Action:  rapid.SampledFrom([]string{"read", "list"}).Draw(r, "action"),
					ActorID: pick.Draw(r, "actor"), PatientID: pick.Draw(r, "patient"),
					ResourceType: rapid.SampledFrom([]string{"Patient", "Doctor"}).Draw(r, "type"),
					IDs:          []uuid.UUID{pick.Draw(r, "listed")},
				}
				records = append(records, domain.Record{Batch: &domain.Batch{Entries: []domain.Entry{e}}})
				for i, f := range filters {
					if f.Matches(e) && !slices.Contains(found[i], number) {
						found[i] = append(found[i], number)
					}
				}
			}
			index.Add(number, records)
		}
		end := int64(999 + segments)
		stored := map[domain.Term][]int64{}
		last := domain.Term{}
		for row := range index.Rows(end) {
			if bytes.Compare(last[:], row.Term[:]) >= 0 {
				r.Fatal("rows should be ordered by term")
			}
			last = row.Term
			numbers, ok := row.Numbers()
			if !ok || row.Block != end {
				r.Fatal("malformed row", row)
			}
			slices.Reverse(numbers)
			stored[row.Term] = numbers
		}
		if last != domain.BlockTerm || len(stored[domain.BlockTerm]) != segments {
			r.Fatal("the last row should list every segment")
		}
		for i, f := range filters {
			term, _ := f.Term()
			for _, number := range found[i] {
				if !slices.Contains(stored[term], number) {
					r.Fatal("an entry is not found", f, number, slices.Collect(maps.Keys(stored)))
				}
			}
		}
	})
	_, ok := domain.Filter{CreatedAfter: now}.Term()
	require.False(t, ok)
	for _, malformed := range [][]byte{nil, {0x80}, {1, 0}, {0xff, 0xff, 0x7f}} {
		_, ok := domain.IndexRow{Block: 9, Segments: malformed}.Numbers()
		require.False(t, ok, malformed)
	}
}

func TestFindReturnsWhatAFilterMatches(t *testing.T) {
	c := newChain(3)
	segment := c.segments[1]
	records, err := segment.Records()
	require.NoError(t, err)
	var all []domain.Entry
	for _, r := range records {
		all = append(all, r.Batch.Entries...)
	}
	actor, patient, listed := all[2].ActorID, all[3].PatientID, all[4].IDs[0]
	for _, f := range []domain.Filter{
		{}, {Actor: &actor}, {Patient: &patient}, {Patient: &listed}, {Action: "update"}, {Action: "read"},
		{Actor: &actor, Action: "update"}, {Patient: &patient, Actor: &actor}, {CreatedBefore: all[0].Time},
	} {
		var want []domain.Entry
		for _, e := range all {
			if f.Matches(e) {
				want = append(want, e)
			}
		}
		found, err := segment.Find(f)
		require.NoError(t, err)
		require.Equal(t, want, found, "%+v", f)
	}
	segment.Raw = segment.Raw[:len(segment.Raw)-1]
	segment.RawSize--
	_, err = segment.Find(domain.Filter{})
	require.Error(t, err)
	_, err = domain.Segment{}.Find(domain.Filter{})
	require.Error(t, err)
}

func TestFiltersByTime(t *testing.T) {
	e := domain.Entry{Time: now}
	require.True(t, domain.Filter{CreatedAfter: now.Add(-1), CreatedBefore: now.Add(1)}.Matches(e))
	require.False(t, domain.Filter{CreatedAfter: now}.Matches(e))
	require.False(t, domain.Filter{CreatedBefore: now}.Matches(e))
	require.False(t, domain.Filter{Actor: new(uuid.UUID)}.Matches(e), "the zero actor has no entries")
}
