package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"healthcare/modules/audit/internal/domain"
)

// Verify walks all that is kept of every chain, in memory that does not grow with it, and tells how many entries it found sound. It holds them against
// the checkpoints in a file; the path "" is that of this installation's own. A server may go on recording.
// Errors: *domain.Flaw, the first there is; domain.ErrNoCheckpoint with its line; the store's, those of the file.
func (c *Custodian) Verify(ctx context.Context, checkpoints string, progress Progress) (sound int64, err error) {
	spans, err := c.ledger.Spans(ctx)
	if err != nil {
		return 0, err
	}
	for i := range max(len(spans), domain.Chains) {
		if i >= len(spans) || spans[i].Chain != i+1 {
			return sound, gone(i + 1)
		}
		verified, err := c.verify(ctx, i, checkpoints, progress)
		if sound += verified; err != nil {
			return sound, err
		}
	}
	return sound, c.beyond(checkpoints, max(len(spans), domain.Chains))
}

// verify is about the chain at that place among the spans. What was pruned while it was walked is no flaw: then it is walked again.
func (c *Custodian) verify(ctx context.Context, at int, checkpoints string, progress Progress) (sound int64, err error) {
	span := func() (domain.Span, error) {
		spans, err := c.ledger.Spans(ctx)
		if err != nil || at >= len(spans) {
			return domain.Span{}, errors.Join(err, errors.New("audit: a chain has gone"))
		}
		return spans[at], nil
	}
	for {
		var walked domain.Span
		// What a checkpoint knows was recorded before the checkpoint was, so the span is read after the file was opened.
		now := func() (domain.Span, error) {
			walked, err = span()
			return walked, err
		}
		sound, err := c.walk(checkpoints, now, func(span domain.Span, next func(domain.Entry) error) error {
			return c.each(ctx, span, progress, next, c.found)
		})
		if err == nil {
			return sound, nil
		}
		if since, failed := span(); failed != nil || since.From.Sequence <= walked.From.Sequence {
			return sound, err
		}
	}
}

// gone is the flaw of a chain of which nothing is left, not even its head.
func gone(chain int) error {
	return &domain.Flaw{Chain: chain, Sequence: 1, Why: "is missing, and with it all of its chain"}
}

// found holds the index by patient against entries that are sound. Errors: *domain.Flaw.
func (c *Custodian) found(ctx context.Context, entries []domain.Entry) error {
	hidden, err := c.ledger.Hidden(ctx, entries)
	if err != nil || hidden == nil {
		return err
	}
	return &domain.Flaw{Chain: hidden.Chain, Sequence: hidden.Sequence, Why: "is not found by a patient whom it is about (audit_subjects)"}
}

// walk has each hand the entries of one span to a verifier.
func (c *Custodian) walk(
	checkpoints string, of func() (domain.Span, error), each func(span domain.Span, next func(domain.Entry) error) error,
) (sound int64, err error) {
	file, err := c.checkpoints.Open(checkpoints)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	span, err := of()
	if err != nil {
		return 0, err
	}
	lines := &checkpointLines{keys: c.keys, of: func(chain int) bool { return chain == span.Chain }, from: file}
	v := domain.NewVerifier(c.keys, span, lines.all)
	defer v.Close()
	if err = each(span, v.Next); err == nil {
		err = v.End()
	}
	return v.Verified().Sequence - span.From.Sequence, errors.Join(err, lines.failed)
}

// beyond finds a checkpoint of a chain after those that were walked. Errors: *domain.Flaw; those of the file.
func (c *Custodian) beyond(checkpoints string, walked int) error {
	file, err := c.checkpoints.Open(checkpoints)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := &checkpointLines{keys: c.keys, of: func(chain int) bool { return chain > walked }, from: file}
	for known := range lines.all {
		return gone(known.Chain)
	}
	return lines.failed
}

// checkpointLines reads those of some chains. What is no checkpoint ends it; failed says why.
type checkpointLines struct {
	keys   domain.Keys
	of     func(chain int) bool
	from   io.Reader
	failed error
}

// longestLine bounds a line of checkpoints or of an export, in bytes.
const longestLine = 64 << 10

func (l *checkpointLines) all(yield func(domain.Checkpoint) bool) {
	lines := scanner(l.from)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		claimed := claimedChain(text)
		if claimed > 0 && !l.of(claimed) {
			continue // its signature is verified with its own chain, once
		}
		c, err := l.keys.Checkpoint(text)
		if err == nil && claimed != c.Chain {
			err = domain.ErrNoCheckpoint
		}
		if err != nil {
			l.failed = fmt.Errorf("checkpoints, line %d: %w", n, err)
			return
		}
		if l.of(c.Chain) && !yield(c) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		l.failed = fmt.Errorf("checkpoints: %w", err)
	}
}

// claimedChain is which chain a line says it is of, as Sign begins it; 0 when it does not begin like that.
func claimedChain(line []byte) int {
	chain, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(`{"chain":`)), []byte(","))
	n, _ := strconv.Atoi(string(chain))
	return n
}

func scanner(from io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4096), longestLine)
	return lines
}
