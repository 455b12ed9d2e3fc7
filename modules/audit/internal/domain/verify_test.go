package domain_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

func TestASoundTrailIsFoundSound(t *testing.T) {
	t.Run("of any length, whole or pruned, with and without checkpoints", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			sound := trailOf(rapid.IntRange(1, 60).Draw(r, "entries"))
			gone := rapid.IntRange(0, len(sound.entries)).Draw(r, "pruned")
			if gone > 0 {
				sound.add(domain.Entry{Action: "trail_pruned", Count: int64(gone)}, keys)
				sound.span.From = linkAt(&sound, gone)
				sound.entries = sound.entries[gone:]
			}
			if rapid.Bool().Draw(r, "without checkpoints") {
				sound.checkpoints = nil
			}
			if err := sound.verify(keys); err != nil {
				r.Fatal(err)
			}
		})
	})
	t.Run("also when nothing was recorded yet", func(t *testing.T) {
		require.NoError(t, trailOf(0).verify(keys))
	})
	t.Run("over a change of keys, by whoever has the ones before", func(t *testing.T) {
		rotated := trailOf(3)
		both := domain.NewKeys([]domain.Secret{secret("newer"), secret("entries")}, []domain.Secret{secret("newer"), secret("checkpoints")})
		require.Equal(t, "newer", rotated.add(recorded(4), both).KeyID)
		require.NoError(t, rotated.verify(both))
		requireFlaw(t, rotated.verify(keys), 4, "AUDIT_KEY_PREVIOUS")
	})
}

func TestAFlawSaysWhatIsWrong(t *testing.T) {
	t.Run("a head that knows more than there is", func(t *testing.T) {
		cut := trailOf(12)
		cut.entries = cut.entries[:7]
		cut.checkpoints = nil
		requireFlaw(t, cut.verify(keys), 8, "its head says 12")
	})
	t.Run("an end that was cut off", func(t *testing.T) {
		cut := trailOf(12)
		cut.entries, cut.span.To = cut.entries[:7], linkAt(&cut, 7)
		requireFlaw(t, cut.verify(keys), 8, "knows entry 10. The end was cut off, or an old database was put back")
	})
	t.Run("a beginning that nobody pruned", func(t *testing.T) {
		cut := trailOf(12)
		cut.span.From, cut.entries = linkAt(&cut, 5), cut.entries[5:]
		requireFlaw(t, cut.verify(keys), 5, "does not say that they were pruned")
	})
	t.Run("an anchor that a checkpoint does not know", func(t *testing.T) {
		cut := trailOf(12)
		cut.span.From, cut.entries = domain.Link{Sequence: 10}, nil
		cut.span.To = cut.span.From
		requireFlaw(t, cut.verify(keys), 10, "is not the one that the checkpoint")
	})
	t.Run("checkpoints that go far back, but not those of two processes that do not take turns", func(t *testing.T) {
		sound := trailOf(5000)
		late := sound.checkpoints[0]
		sound.checkpoints = slices.Concat(sound.checkpoints[1:10], []domain.Checkpoint{late}, sound.checkpoints[10:])
		require.NoError(t, sound.verify(keys))
		sound.checkpoints = append(sound.checkpoints, late)
		requireFlaw(t, sound.verify(keys), 10, "an old database was put back")
		late.MAC[0]++
		sound.checkpoints = slices.Insert(sound.checkpoints, 10, late)
		requireFlaw(t, sound.verify(keys), 10, "is not the one that the checkpoint")
	})
}

func TestTheTimeNeverGoesBack(t *testing.T) {
	head := domain.Head{Chain: 1, Link: domain.Genesis(1), Time: now}
	e := recorded(1)
	head.Seal(&e, keys, now.Add(-time.Hour))
	require.Equal(t, now, e.Time)
	require.Equal(t, now, head.Time)
}

func TestCheckpointsSpeakForThemselves(t *testing.T) {
	c := domain.Checkpoint{Chain: 1, Link: domain.Link{Sequence: 1000, MAC: domain.MAC{1, 2, 3}}, Time: now}
	line := keys.Sign(c)
	t.Run("to whoever has the key", func(t *testing.T) {
		read, err := keys.Checkpoint(line)
		require.NoError(t, err)
		require.Equal(t, c, read)
		require.NotContains(t, string(line), "\n")
	})
	t.Run("and do not survive a changed byte", func(t *testing.T) {
		for i := range line {
			for _, b := range []byte{line[i] ^ 1, '0', '}', ' '} {
				if b == line[i] {
					continue
				}
				changed := append([]byte{}, line...)
				changed[i] = b
				if read, err := keys.Checkpoint(changed); err == nil {
					require.Equal(t, c, read, "%s", changed) // the same, spelt differently
				}
			}
		}
	})
	t.Run("nor another key, nor something behind them", func(t *testing.T) {
		for _, none := range []string{"", "{}", "null", string(line) + "{}", string(line[1:]), `{"chain":1}`} {
			_, err := keys.Checkpoint([]byte(none))
			require.ErrorIs(t, err, domain.ErrNoCheckpoint, none)
		}
		others := domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{{ID: "checkpoints", Bytes: secret("other").Bytes}})
		_, err := others.Checkpoint(line)
		require.ErrorIs(t, err, domain.ErrNoCheckpoint)
	})
}
