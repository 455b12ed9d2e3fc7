package domain_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

func TestABatchAcknowledgesCommittedOnes(t *testing.T) {
	w := domain.NewWriter()
	acknowledged := func(b domain.Batch) []uint64 { return slices.Collect(b.Acknowledged.All()) }
	first, second, third := w.Next(now, nil), w.Next(now, nil), w.Next(now, nil)
	require.Equal(t, []uint64{1, 2, 3}, []uint64{first.Number, second.Number, third.Number})
	require.Empty(t, acknowledged(third))
	w.Committed(third)
	w.Committed(first) // the second is rolled back
	fourth := w.Next(now, nil)
	require.Equal(t, []uint64{1, 3}, acknowledged(fourth))
	fifth := w.Next(now, nil)
	require.Equal(t, []uint64{1, 3}, acknowledged(fifth), "the fourth is not committed")
	w.Committed(fifth)
	require.Equal(t, []uint64{5}, acknowledged(w.Next(now, nil)))
	w.Committed(fourth)
	require.Equal(t, []uint64{4, 5}, acknowledged(w.Next(now, nil)), "until a batch that does so is committed")
	require.NotEqual(t, w.Next(now, nil).Writer, domain.NewWriter().Next(now, nil).Writer)
}

// simulation has writers whose transactions overlap, commit in any order or roll back, and an inbox in the order of
// ids.
type simulation struct {
	inbox []domain.Batch
}

// draw runs transactions of some writers. A batch gets its place in the inbox when it is inserted, and is visible when
// it is committed.
func (s *simulation) draw(r *rapid.T) {
	type open struct {
		writer *domain.Writer
		batch  domain.Batch
		place  int
	}
	writers := []*domain.Writer{domain.NewWriter(), domain.NewWriter()}
	var running []open
	committed := map[int]domain.Batch{}
	places := 0
	for range rapid.IntRange(1, 60).Draw(r, "steps") {
		if len(running) == 0 || len(running) < 5 && rapid.Bool().Draw(r, "begin") {
			w := writers[rapid.IntRange(0, 1).Draw(r, "writer")]
			running = append(running, open{w, w.Next(now, nil), places})
			places++
			continue
		}
		i := rapid.IntRange(0, len(running)-1).Draw(r, "end")
		if rapid.IntRange(0, 4).Draw(r, "commit") > 0 {
			committed[running[i].place] = running[i].batch
			running[i].writer.Committed(running[i].batch)
		}
		running = slices.Delete(running, i, i+1)
	}
	for place := range places {
		if b, ok := committed[place]; ok {
			s.inbox = append(s.inbox, b)
		}
	}
}

func missing(inbox []domain.Batch) []domain.Missing {
	history := domain.NewHistory(false)
	for _, b := range inbox {
		history.Add(b, 1)
	}
	return history.TakeMissing()
}

// An inbox without any of its batches, such as the last, is found if a remaining batch acknowledges it, and only then.
// So a removal is hidden only by the removal of all later batches of that writer.
func TestRemovedBatchesAreMissing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s simulation
		s.draw(r)
		if found := missing(s.inbox); len(found) > 0 {
			r.Fatal("a sound inbox misses nothing", found)
		}
		if len(s.inbox) == 0 {
			return
		}
		at := rapid.IntRange(0, len(s.inbox)-1).Draw(r, "removed")
		removed := s.inbox[at]
		left := slices.Delete(slices.Clone(s.inbox), at, at+1)
		acknowledged := slices.ContainsFunc(left, func(b domain.Batch) bool {
			return b.Writer == removed.Writer && b.Acknowledged.Contains(removed.Number)
		})
		found := missing(left)
		if acknowledged != (len(found) == 1 && found[0].Number == removed.Number && found[0].Writer == removed.Writer) {
			r.Fatal(removed, found)
		}
	})
}

// All batches of a writer that are removed, but not its last ones, leave an acknowledgement.
func TestOnlyTheEndOfAWriterIsRemovedUnnoticed(t *testing.T) {
	w := domain.NewWriter()
	var inbox []domain.Batch
	for range 50 {
		b := w.Next(now, nil)
		inbox = append(inbox, b)
		w.Committed(b)
	}
	for from := range 50 {
		for to := from + 1; to <= 50; to++ {
			left := slices.Delete(slices.Clone(inbox), from, to)
			require.Equal(t, to < 50, len(missing(left)) > 0, "%d to %d", from, to)
		}
	}
}

func TestAPartialHistory(t *testing.T) {
	w := domain.NewWriter()
	var all []domain.Batch
	for range 5000 {
		b := w.Next(now, nil)
		all = append(all, b)
		w.Committed(b)
	}
	add := func(batches ...domain.Batch) (found []uint64) {
		history := domain.NewHistory(true)
		for _, b := range batches {
			history.Add(b, 1)
		}
		for _, m := range history.TakeMissing() {
			found = append(found, m.Number)
		}
		require.Empty(t, history.TakeMissing(), "each is returned once")
		return found
	}
	require.Empty(t, add(all[100:]...), "batches before the part are not missing")
	require.Empty(t, add(all[1:]...), "not even if that is number 2")
	require.Empty(t, add(append(slices.Clone(all[100:110]), all[111:]...)...), "nor some after its first batch")
	require.Equal(t, []uint64{4901}, add(append(slices.Clone(all[100:4900]), all[4901:]...)...))
	require.Equal(t, []uint64{3}, add(append(slices.Clone(all[:2]), all[3:]...)...), "the part has the first batch")
}

func TestALateBatchIsNotMissing(t *testing.T) {
	w := domain.NewWriter()
	late, second := w.Next(now, nil), w.Next(now, nil)
	w.Committed(late)
	third := w.Next(now, nil)
	require.Len(t, missing([]domain.Batch{second, third}), 1)
	require.Empty(t, missing([]domain.Batch{second, third, late}))
	history := domain.NewHistory(false)
	history.Add(late, 1)
	require.True(t, history.Contains(late))
	require.False(t, history.Contains(second))
}

func TestMissingBatchesAreOrdered(t *testing.T) {
	history := domain.NewHistory(false)
	var want [][2]uint64
	for segment := range uint64(20) { // each batch of one more writer acknowledges three that are missing
		writer := domain.WriterID{byte(40 - segment)}
		history.Add(domain.Batch{Writer: writer, Number: 9, Acknowledged: newNumbers(2, 3, 5)}, int64(segment))
		want = append(want, [][2]uint64{{segment, 2}, {segment, 3}, {segment, 5}}...)
	}
	var found [][2]uint64
	for _, m := range history.TakeMissing() {
		require.Equal(t, domain.WriterID{byte(40 - m.Segment)}, m.Writer)
		found = append(found, [2]uint64{uint64(m.Segment), m.Number})
	}
	require.Equal(t, want, found, "by segment, then by number")
}

func TestAcknowledgementsAreLessThanTheNumber(t *testing.T) {
	decode := func(number byte, ranges ...byte) ([]uint64, error) { // of distances, and of lengths less one
		header := append([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, number, byte(len(ranges) / 2)}, ranges...)
		b, err := domain.DecodeUnverified(append(header, make([]byte, 3+32)...))
		return slices.Collect(b.Acknowledged.All()), err
	}
	for _, one := range []struct{ want, ranges []byte }{
		{[]byte{1}, []byte{8, 0}},
		{[]byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{1, 7}},
		{[]byte{1, 3, 5, 7}, []byte{2, 0, 2, 0, 2, 0, 2, 0}},
	} {
		found, err := decode(9, one.ranges...)
		require.NoError(t, err)
		want := make([]uint64, len(one.want))
		for i, number := range one.want {
			want[i] = uint64(number)
		}
		require.Equal(t, want, found)
	}
	for _, ranges := range [][]byte{
		{0, 0}, {9, 0}, {10, 0}, {8, 1}, {8, 2}, {1, 8}, // itself, zero and less
		{1, 0, 1, 0}, {1, 0, 0, 0}, {1, 0, 8, 0}, // adjacent ranges, the same one, zero
	} {
		_, err := decode(9, ranges...)
		require.Error(t, err, ranges)
	}
}
