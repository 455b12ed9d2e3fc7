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

// Report is the result of a verification.
type Report struct {
	Entries  int64         // that are sound
	Unsealed int64         // of them in the inbox
	Notes    []domain.Note // the first segments in which a clock jumped
	Jumps    int           // the number of all of them
	Torn     []int         // numbers of torn lines in the file of checkpoints

	Compared domain.Compared
}

// Verify verifies every chain, in bounded memory. It compares the entries with the checkpoints in a file; the path ""
// means the file of this installation. A server may record meanwhile. Errors: *domain.Flaw about the first bad segment
// or entry; domain.ErrNoCheckpoint with the number of the line; those of the store and of the file.
func (m *Maintenance) Verify(ctx context.Context, checkpoints string, progress Progress) (report Report, err error) {
	marks, err := m.verifySegments(ctx, checkpoints, progress, &report)
	if err != nil {
		return report, err
	}
	spans, err := m.ledger.Spans(ctx)
	if err != nil {
		return report, err
	}
	for i := range max(len(spans), domain.Chains) {
		if i >= len(spans) || spans[i].Chain != i+1 {
			return report, missingChain(i + 1)
		}
		verified, err := m.verify(ctx, i, checkpoints, marks, progress, &report)
		if report.Entries += verified; err != nil {
			return report, err
		}
	}
	return report, m.checkUnknownChains(checkpoints, domain.SegmentChain)
}

// verify verifies the chain of one span. If the chain was pruned meanwhile, it starts again.
func (m *Maintenance) verify(
	ctx context.Context, at int, checkpoints string, marks []domain.Mark, progress Progress,
	report *Report,
) (sound int64, err error) {
	span := func() (domain.Span, error) {
		spans, err := m.ledger.Spans(ctx)
		if err != nil || at >= len(spans) {
			return domain.Span{}, errors.Join(err, errors.New("audit: a chain disappeared"))
		}
		return spans[at], nil
	}
	for {
		var walked domain.Span
		// An entry is recorded before its checkpoint, so the span is read after the file was opened.
		now := func() (domain.Span, error) {
			walked, err = span()
			return walked, err
		}
		each := func(span domain.Span, next func(domain.Entry) error) error {
			return m.eachEntry(ctx, span, progress, next, m.checkIndex)
		}
		sound, err := m.walk(checkpoints, marks, report, now, each)
		if err == nil {
			return sound, nil
		}
		if since, failed := span(); failed != nil || since.From.Sequence <= walked.From.Sequence {
			return sound, err
		}
	}
}

// missingChain returns the flaw of a chain that is missing with its head.
func missingChain(chain int) error {
	return &domain.Flaw{Chain: chain, Sequence: 1, Reason: "is missing, together with its whole chain"}
}

// checkIndex compares the index by patient with verified entries. Errors: *domain.Flaw; the store's.
func (m *Maintenance) checkIndex(ctx context.Context, entries []domain.Entry) error {
	unindexed, err := m.ledger.FindUnindexed(ctx, entries)
	if err != nil || unindexed == nil {
		return err
	}
	return &domain.Flaw{
		Chain:    unindexed.Chain,
		Sequence: unindexed.Sequence,
		Reason:   "is missing in the index by patient (audit_subjects)",
	}
}

// walk verifies one span, whose entries each passes to next, and returns the number of sound entries.
func (m *Maintenance) walk(
	checkpoints string,
	marks []domain.Mark,
	report *Report,
	of func() (domain.Span, error),
	each func(span domain.Span, next func(domain.Entry) error) error,
) (sound int64, err error) {
	file, err := m.checkpoints.Open(checkpoints)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	span, err := of()
	if err != nil {
		return 0, err
	}
	lines := &checkpointLines{keys: m.keys, of: func(chain int) bool { return chain == span.Chain }, from: file}
	v := domain.NewVerifier(m.keys, span, lines.all, marks...)
	defer v.Close()
	if err = each(span, v.Next); err == nil {
		err = v.End()
	}
	if err = errors.Join(err, lines.failed); err == nil {
		report.Compared.Add(v.Compared())
	}
	return v.Verified().Sequence - span.From.Sequence, err
}

// checkUnknownChains returns a flaw if there is a checkpoint of a chain after those that were verified.
// Errors: *domain.Flaw; those of the file.
func (m *Maintenance) checkUnknownChains(checkpoints string, walked int) error {
	file, err := m.checkpoints.Open(checkpoints)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := &checkpointLines{keys: m.keys, of: func(chain int) bool { return chain > walked }, from: file}
	for checkpoint := range lines.all {
		return missingChain(checkpoint.Chain)
	}
	return lines.failed
}

// checkpointLines reads the checkpoints of the chains for which of is true. It stops at an invalid line and sets
// failed.
type checkpointLines struct {
	keys   domain.Keys
	of     func(chain int) bool
	from   io.Reader
	failed error
	torn   []int // numbers of lines that are torn
}

// The maximum length of a line of checkpoints and of an export, in bytes.
const (
	longestCheckpoint = 64 << 10
	longestExported   = 32 << 20
)

func (l *checkpointLines) all(yield func(domain.Checkpoint) bool) {
	lines := scanner(l.from, longestCheckpoint)
	for n := 1; lines.Scan(); n++ {
		text, torn := domain.WholeLine(lines.Bytes())
		if torn {
			l.torn = append(l.torn, n)
		}
		if text == nil {
			continue
		}
		claimed := claimedChain(text)
		if claimed > 0 && !l.of(claimed) {
			continue // the line is verified when its own chain is
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

// claimedChain returns the chain that a line begins with, in the form of Sign; 0 if it has another form.
func claimedChain(line []byte) int {
	chain, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(`{"chain":`)), []byte(","))
	n, _ := strconv.Atoi(string(chain))
	return n
}

func scanner(from io.Reader, longestLine int) *bufio.Scanner {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4096), longestLine)
	return lines
}
