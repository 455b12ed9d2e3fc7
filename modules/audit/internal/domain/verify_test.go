package domain_test

import (
	"slices"
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
