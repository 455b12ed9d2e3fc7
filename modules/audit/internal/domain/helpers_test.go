package domain_test

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

func secret(name string) domain.Secret {
	bytes := sha256.Sum256([]byte(name))
	return domain.Secret{ID: name, Bytes: bytes[:]}
}

var keys = domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{secret("checkpoints")})

// fullEntry returns an entry with a value in every column.
func fullEntry(i int) domain.Entry {
	id := func(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, name, i)) }
	return domain.Entry{
		ID: id("entry"), RequestID: fmt.Sprint("request-", i), ActorID: id("actor"), Role: "staff",
		SessionID: id("session"), Address: "192.0.2.7", Action: "update", ResourceType: "Patient",
		ResourceID: id("resource"), PatientID: id("patient"), Outcome: "success", Status: 200,
		IDs: []uuid.UUID{id("one"), id("two")}, Count: 2, Fields: []string{"name", "birth_date"},
	}
}

// trail is a chain with its entries and checkpoints.
type trail struct {
	span        domain.Span
	entries     []domain.Entry
	checkpoints []domain.Checkpoint
}

// newTrail returns a sound trail of n entries, with a checkpoint after each tenth and the last.
func newTrail(n int) trail {
	t := trail{span: domain.Span{Chain: 1, From: domain.Genesis(1), To: domain.Genesis(1)}}
	t.grow(n)
	return t
}

func (t *trail) grow(n int) {
	for i := range n {
		e := t.append(fullEntry(int(t.span.To.Sequence)+1), keys)
		if e.Sequence%10 == 0 || i == n-1 {
			t.checkpoints = append(t.checkpoints, domain.Checkpoint{Chain: 1, Link: t.span.To, Time: e.Time})
		}
	}
}

// append seals an entry at the end of the trail, a second after the previous one.
func (t *trail) append(e domain.Entry, by domain.Keys) domain.Entry {
	head := domain.Head{Chain: 1, Link: t.span.To, Time: now}
	if len(t.entries) > 0 {
		head.Time = t.entries[len(t.entries)-1].Time
	}
	head.Seal(&e, by, head.Time.Add(time.Second))
	t.entries, t.span.To = append(t.entries, e), head.Link
	return e
}

// clone returns a copy that mutations can change without changing t.
func (t trail) clone() trail {
	t.entries, t.checkpoints = slices.Clone(t.entries), slices.Clone(t.checkpoints)
	return t
}

// verify verifies the whole trail, with the marks of its chain of segments.
func (t trail) verify(by domain.Keys, marks ...domain.Mark) error {
	var checkpoints iter.Seq[domain.Checkpoint]
	if t.checkpoints != nil {
		checkpoints = slices.Values(t.checkpoints)
	}
	v := domain.NewVerifier(by, t.span, checkpoints, marks...)
	defer v.Close()
	for _, e := range t.entries {
		if err := v.Next(e); err != nil {
			return err
		}
	}
	return v.End()
}

// requireFlaw requires a flaw at an entry with a reason.
func requireFlaw(t *testing.T, err error, sequence int64, reason string) {
	t.Helper()
	var flaw *domain.Flaw
	require.ErrorAs(t, err, &flaw)
	require.Equal(t, sequence, flaw.Sequence, flaw.Reason)
	require.Contains(t, flaw.Reason, reason)
}
