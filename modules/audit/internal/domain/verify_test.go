package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

func TestVerifySoundTrail(t *testing.T) {
	t.Run("accepts any length, whole or pruned, with and without checkpoints", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			sound := newTrail(rapid.IntRange(1, 60).Draw(r, "entries"))
			deleted := rapid.IntRange(0, len(sound.entries)).Draw(r, "pruned")
			if deleted > 0 {
				sound.append(domain.Entry{Action: "trail_pruned", Count: int64(deleted)}, keys)
				sound.span.From = linkAt(&sound, deleted)
				sound.entries = sound.entries[deleted:]
			}
			if rapid.Bool().Draw(r, "without checkpoints") {
				sound.checkpoints = nil
			}
			if err := sound.verify(keys); err != nil {
				r.Fatal(err)
			}
		})
	})
	t.Run("accepts an empty trail", func(t *testing.T) {
		require.NoError(t, newTrail(0).verify(keys))
	})
	t.Run("accepts a key rotation with the former keys only", func(t *testing.T) {
		rotated := newTrail(3)
		both := domain.NewKeys(
			[]domain.Secret{secret("newer"), secret("entries")},
			[]domain.Secret{secret("newer"), secret("checkpoints")},
		)
		require.Equal(t, "newer", rotated.append(fullEntry(4), both).KeyID)
		require.NoError(t, rotated.verify(both))
		requireFlaw(t, rotated.verify(keys), 4, "AUDIT_KEY_PREVIOUS")
	})
}

func TestFlawsHaveReasons(t *testing.T) {
	t.Run("a head after the last entry", func(t *testing.T) {
		cut := newTrail(12)
		cut.entries = cut.entries[:7]
		cut.checkpoints = nil
		requireFlaw(t, cut.verify(keys), 8, "its head is entry 12")
	})
	t.Run("an end that was cut off", func(t *testing.T) {
		cut := newTrail(12)
		cut.entries, cut.span.To = cut.entries[:7], linkAt(&cut, 7)
		requireFlaw(t, cut.verify(keys), 8, "is about entry 10. The end was cut off, or an old database was restored")
	})
	t.Run("a beginning that was not pruned", func(t *testing.T) {
		cut := newTrail(12)
		cut.span.From, cut.entries = linkAt(&cut, 5), cut.entries[5:]
		requireFlaw(t, cut.verify(keys), 5, "has no record that they were pruned")
	})
	t.Run("an anchor that does not match a checkpoint", func(t *testing.T) {
		cut := newTrail(12)
		cut.span.From, cut.entries = domain.Link{Sequence: 10}, nil
		cut.span.To = cut.span.From
		requireFlaw(t, cut.verify(keys), 10, "does not match the checkpoint")
	})
	t.Run("an entry of another chain", func(t *testing.T) {
		moved := newTrail(12)
		moved.entries[11].Chain = 2
		requireFlaw(t, moved.verify(keys), 12, "is replaced by an entry of chain 2")
	})
	t.Run("a changed entry", func(t *testing.T) {
		changed := newTrail(12)
		changed.entries[11].Status++
		requireFlaw(t, changed.verify(keys), 12, "was changed, or does not follow the previous entry")
	})
	t.Run("a sealed entry that is older than the previous one", func(t *testing.T) {
		older := newTrail(12)
		head, e := domain.Head{Chain: 1, Link: older.span.To}, fullEntry(13)
		head.Seal(&e, keys, now)
		older.entries, older.span.To = append(older.entries, e), head.Link
		requireFlaw(t, older.verify(keys), 13, "is older than the previous entry")
	})
	t.Run("a checkpoint that is 4096 entries late, but not one that is 4095 late", func(t *testing.T) {
		sound := newTrail(4106)
		at := func(n int) domain.Checkpoint {
			return domain.Checkpoint{Chain: 1, Link: linkAt(&sound, n), Time: now}
		}
		sound.checkpoints = []domain.Checkpoint{at(4105), at(10)}
		require.NoError(t, sound.verify(keys))
		sound.checkpoints = []domain.Checkpoint{at(4106), at(10)}
		requireFlaw(t, sound.verify(keys), 10, "an old database was restored")
	})
	t.Run("a checkpoint far behind later ones, but not one that is slightly late", func(t *testing.T) {
		sound := newTrail(5000)
		late := sound.checkpoints[0]
		sound.checkpoints = slices.Concat(sound.checkpoints[1:10], []domain.Checkpoint{late}, sound.checkpoints[10:])
		require.NoError(t, sound.verify(keys))
		sound.checkpoints = append(sound.checkpoints, late)
		requireFlaw(t, sound.verify(keys), 10, "an old database was restored")
		late.MAC[0]++
		sound.checkpoints = slices.Insert(sound.checkpoints, 10, late)
		requireFlaw(t, sound.verify(keys), 10, "does not match the checkpoint")
	})
}

func TestMarksAttestPruningsAndEnds(t *testing.T) {
	whole := newTrail(12)
	pruned := whole.clone()
	pruned.span.From, pruned.entries = linkAt(&whole, 5), pruned.entries[5:]
	mark := func(kind domain.MarkKind, chain, n int) domain.Mark {
		return domain.Mark{Kind: kind, Chain: chain, Link: linkAt(&whole, n)}
	}
	otherMAC := func(m domain.Mark) domain.Mark {
		m.MAC[0] ^= 1
		return m
	}
	later := mark(domain.Closed, 1, 12)
	later.Sequence = 13
	const notPruned, notEnd = "has no record that they were pruned", "the chain was closed after entry "
	for name, one := range map[string]struct {
		trail  trail
		marks  []domain.Mark
		number int64
		reason string
	}{
		"a pruning":          {pruned, []domain.Mark{mark(domain.Pruned, 1, 5)}, 0, ""},
		"a second pruning":   {pruned, []domain.Mark{mark(domain.Pruned, 1, 3), mark(domain.Pruned, 1, 5)}, 0, ""},
		"a pruning undone":   {pruned, []domain.Mark{mark(domain.Pruned, 1, 5), mark(domain.Pruned, 1, 7)}, 0, ""},
		"no pruning":         {whole, []domain.Mark{mark(domain.Pruned, 2, 3)}, 0, ""},
		"another anchor":     {pruned, []domain.Mark{mark(domain.Pruned, 1, 4)}, 5, notPruned},
		"another chain":      {pruned, []domain.Mark{mark(domain.Pruned, 2, 5)}, 5, notPruned},
		"another anchor MAC": {pruned, []domain.Mark{otherMAC(mark(domain.Pruned, 1, 5))}, 5, notPruned},
		"an end and no pruning": {
			pruned, []domain.Mark{mark(domain.Closed, 1, 5), mark(domain.Closed, 1, 12)}, 5, notPruned},
		"an end":                  {whole, []domain.Mark{mark(domain.Closed, 1, 12)}, 0, ""},
		"the end of another":      {whole, []domain.Mark{mark(domain.Closed, 2, 10)}, 0, ""},
		"entries after the end":   {whole, []domain.Mark{mark(domain.Closed, 1, 10)}, 11, notEnd + "10"},
		"an end that was cut off": {whole, []domain.Mark{later}, 13, notEnd + "13"},
		"an end of another MAC":   {whole, []domain.Mark{otherMAC(mark(domain.Closed, 1, 12))}, 13, notEnd + "12"},
	} {
		t.Run(name, func(t *testing.T) {
			err := one.trail.verify(keys, one.marks...)
			if one.reason == "" {
				require.NoError(t, err)
				return
			}
			requireFlaw(t, err, one.number, one.reason)
		})
	}
}

func TestCloseEndsTheCheckpoints(t *testing.T) {
	sound, ended := newTrail(12), false
	v := domain.NewVerifier(keys, sound.span, func(yield func(domain.Checkpoint) bool) {
		defer func() { ended = true }()
		for _, c := range sound.checkpoints {
			if !yield(c) {
				return
			}
		}
	})
	require.False(t, ended)
	v.Close()
	require.True(t, ended, "the file of the checkpoints should be closed")
	domain.NewVerifier(keys, sound.span, nil).Close()
}

func TestTimesDoNotDecrease(t *testing.T) {
	head := domain.Head{Chain: 1, Link: domain.Genesis(1), Time: now}
	e := fullEntry(1)
	head.Seal(&e, keys, now.Add(-time.Hour))
	require.Equal(t, now, e.Time)
	require.Equal(t, now, head.Time)
}

func TestCheckpointLines(t *testing.T) {
	c := domain.Checkpoint{Chain: 1, Link: domain.Link{Sequence: 1000, MAC: domain.MAC{1, 2, 3}}, Time: now}
	line := keys.Sign(c)
	t.Run("decode with the key", func(t *testing.T) {
		read, err := keys.Checkpoint(line)
		require.NoError(t, err)
		require.Equal(t, c, read)
		require.NotContains(t, string(line), "\n")
	})
	t.Run("are signed as computed independently in Python", func(t *testing.T) {
		// If the signature changes, existing checkpoints are no longer valid.
		require.Contains(t, string(line),
			"5zj+CyV2LRpUg/w83n30sfEoxT3t6P9m1nwmhJkvEqKhAf6snu0IMhkRx7/bWaA7jYGWLdQegYliazRCjC+lBQ==")
	})
	t.Run("are invalid with a further member", func(t *testing.T) {
		_, err := keys.Checkpoint([]byte(strings.TrimSuffix(string(line), "}") + `,"note":1}`))
		require.ErrorIs(t, err, domain.ErrNoCheckpoint)
	})
	t.Run("are invalid with another text for a MAC of zeros", func(t *testing.T) {
		zeros := string(keys.Sign(domain.Checkpoint{Chain: 1, Time: now}))
		_, err := keys.Checkpoint([]byte(zeros))
		require.NoError(t, err)
		_, err = keys.Checkpoint([]byte(strings.Replace(zeros, strings.Repeat("0", 64), "none", 1)))
		require.ErrorIs(t, err, domain.ErrNoCheckpoint)
	})
	t.Run("are invalid with a changed byte", func(t *testing.T) {
		for i := range line {
			for _, b := range []byte{line[i] ^ 1, '0', '}', ' '} {
				if b == line[i] {
					continue
				}
				changed := append([]byte{}, line...)
				changed[i] = b
				if read, err := keys.Checkpoint(changed); err == nil {
					require.Equal(t, c, read, "%s", changed) // the same values in another JSON form
				}
			}
		}
	})
	t.Run("are invalid with another key or trailing data", func(t *testing.T) {
		for _, invalid := range []string{"", "{}", "null", string(line) + "{}", string(line[1:]), `{"chain":1}`} {
			_, err := keys.Checkpoint([]byte(invalid))
			require.ErrorIs(t, err, domain.ErrNoCheckpoint, invalid)
		}
		others := domain.NewKeys(
			[]domain.Secret{secret("entries")},
			[]domain.Secret{{ID: "checkpoints", Bytes: secret("other").Bytes}},
		)
		_, err := others.Checkpoint(line)
		require.ErrorIs(t, err, domain.ErrNoCheckpoint)
	})
}
