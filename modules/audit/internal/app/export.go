package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json" //nolint:depguard // the MAC is computed again from the decoded entry, so lenient decoding is safe
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// spanLine is the line of an export before the entries of a chain: the bounds of the chain.
type spanLine struct {
	Chain  int    `json:"chain"`
	After  int64  `json:"after"` // the sequence before the first entry
	Before string `json:"after_mac"`
	Last   int64  `json:"last"`
	End    string `json:"last_mac"`
}

// entryLine is an entry in an export, one line of JSON.
type entryLine struct {
	Chain        int         `json:"entry_of"` // the chain; the name distinguishes the line from a spanLine
	Sequence     int64       `json:"sequence"`
	Time         time.Time   `json:"created_at"`
	ID           uuid.UUID   `json:"id"`
	RequestID    string      `json:"request_id"`
	ActorID      uuid.UUID   `json:"actor_id,omitzero"`
	Role         string      `json:"role"`
	SessionID    uuid.UUID   `json:"session_id,omitzero"`
	Address      string      `json:"address"`
	Action       string      `json:"action"`
	ResourceType string      `json:"resource_type"`
	ResourceID   uuid.UUID   `json:"resource_id,omitzero"`
	PatientID    uuid.UUID   `json:"patient_id,omitzero"`
	Outcome      string      `json:"outcome"`
	Status       int         `json:"status"`
	IDs          []uuid.UUID `json:"ids,omitempty"`
	Count        int64       `json:"count"`
	Fields       []string    `json:"fields,omitempty"`
	KeyID        string      `json:"key_id,omitempty"` // of the chains of entries, like the MAC
	MAC          string      `json:"mac,omitempty"`

	ClientRequestID string    `json:"client_request_id,omitempty"`
	Basis           string    `json:"basis,omitempty"`
	GrantID         uuid.UUID `json:"grant_id,omitzero"`
	ForID           uuid.UUID `json:"for_id,omitzero"`
	Purpose         string    `json:"purpose,omitempty"`
}

func lineOf(e domain.Entry) entryLine {
	line := entryLine{
		Chain: e.Chain, Sequence: e.Sequence, Time: e.Time.UTC(), ID: e.ID, RequestID: e.RequestID, ActorID: e.ActorID,
		Role: e.Role, SessionID: e.SessionID, Address: e.Address, Action: e.Action, ResourceType: e.ResourceType,
		ResourceID: e.ResourceID, PatientID: e.PatientID, Outcome: e.Outcome, Status: e.Status, IDs: e.IDs,
		Count: e.Count, Fields: e.Fields, KeyID: e.KeyID,
		ClientRequestID: e.ClientRequestID, Basis: e.Basis, GrantID: e.GrantID, ForID: e.ForID, Purpose: e.Purpose,
	}
	if e.Chain != domain.SegmentChain {
		line.MAC = e.MAC.String()
	}
	return line
}

// entry returns the entry of the line. An invalid MAC becomes the zero MAC, which verification detects.
func (l entryLine) entry() domain.Entry {
	mac, _ := domain.ParseMAC(l.MAC)
	return domain.Entry{
		Chain: l.Chain, Sequence: l.Sequence, Time: l.Time.UTC(), ID: l.ID, RequestID: l.RequestID, ActorID: l.ActorID,
		Role: l.Role, SessionID: l.SessionID, Address: l.Address, Action: l.Action, ResourceType: l.ResourceType,
		ResourceID: l.ResourceID, PatientID: l.PatientID, Outcome: l.Outcome, Status: l.Status, IDs: l.IDs,
		Count: l.Count, Fields: l.Fields, KeyID: l.KeyID, MAC: mac,
	}
}

// Export writes the whole trail as lines of JSON, which VerifyExport verifies with the keys, and returns the number of
// entries. It first records itself as a reading of the trail. Errors: those of the store and of the writer.
func (m *Maintenance) Export(ctx context.Context, to io.Writer, progress Progress) (written int64, err error) {
	reading := audit.Entry{Action: audit.TrailRead, Resource: auditEvent, Outcome: audit.Success}
	if err := m.recorder.Record(ctx, auth.Operator, reading); err != nil {
		return 0, err
	}
	if err := m.sealing.Flush(ctx); err != nil {
		return 0, unavailable(err)
	}
	lines := json.NewEncoder(to)
	written, err = m.exportSegments(ctx, lines, progress)
	if err != nil {
		return written, err
	}
	spans, err := m.ledger.Spans(ctx)
	if err != nil {
		return written, err
	}
	for _, span := range spans {
		head := spanLine{span.Chain, span.From.Sequence, span.From.MAC.String(), span.To.Sequence, span.To.MAC.String()}
		if err := lines.Encode(head); err != nil {
			return written, err
		}
		err := m.eachEntry(ctx, span, progress, func(e domain.Entry) error {
			written++
			return lines.Encode(lineOf(e))
		}, func(context.Context, []domain.Entry) error { return nil })
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// VerifyExport verifies the output of Export as Verify verifies the trail. Errors: *domain.Flaw; a plain error that
// names an invalid line; the errors of Verify about checkpoints.
func (m *Maintenance) VerifyExport(
	export io.Reader, checkpoints string, progress Progress,
) (report Report, err error) {
	lines, walked := &exportLines{from: scanner(export, longestExported)}, 0
	marks, hasSegments, err := m.verifyExportedSegments(lines, checkpoints, progress, &report)
	if err != nil {
		return report, err
	}
	for lines.next() {
		each := func(span domain.Span, next func(domain.Entry) error) error {
			if walked++; span.Chain != walked {
				return missingChain(walked)
			}
			return lines.entries(span, next, progress)
		}
		verified, err := m.walk(checkpoints, marks, &report, lines.span, each)
		if report.Entries += verified; err != nil {
			return report, err
		}
	}
	if lines.line == 0 {
		return report, errors.New("the export is empty")
	}
	if hasSegments { // exports of earlier releases may have fewer chains
		if walked < domain.Chains {
			return report, missingChain(walked + 1)
		}
		walked = domain.SegmentChain
	}
	return report, errors.Join(lines.from.Err(), m.checkUnknownChains(checkpoints, walked))
}

// exportLines reads an export and buffers one line.
type exportLines struct {
	from     *bufio.Scanner
	line     int
	buffered bool // the current line has not been consumed
}

func (l *exportLines) next() bool {
	if l.buffered {
		return true
	}
	l.buffered = l.from.Scan()
	if l.buffered {
		l.line++
	}
	return l.buffered
}

func (l *exportLines) read(into any) error {
	decoder := json.NewDecoder(bytes.NewReader(l.from.Bytes()))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func (l *exportLines) span() (domain.Span, error) {
	var s spanLine
	err := l.read(&s)
	from, wrong := domain.ParseMAC(s.Before)
	to, end := domain.ParseMAC(s.End)
	if err = errors.Join(err, wrong, end); err != nil {
		return domain.Span{}, fmt.Errorf("export, line %d: not the beginning of a chain", l.line)
	}
	l.buffered = false
	return domain.Span{
		Chain: s.Chain,
		From:  domain.Link{Sequence: s.After, MAC: from},
		To:    domain.Link{Sequence: s.Last, MAC: to},
	}, nil
}

// entries calls do for each entry until the next chain begins.
func (l *exportLines) entries(span domain.Span, do func(domain.Entry) error, progress Progress) error {
	for l.next() {
		if bytes.HasPrefix(l.from.Bytes(), []byte(`{"chain"`)) {
			return nil
		}
		var e entryLine
		if err := l.read(&e); err != nil {
			return fmt.Errorf("export, line %d: not an entry", l.line)
		}
		l.buffered = false
		if err := do(e.entry()); err != nil {
			return err
		}
		if l.line%pageSize == 0 {
			progress(e.Sequence-span.From.Sequence, span.To.Sequence-span.From.Sequence)
		}
	}
	return l.from.Err()
}
