// Package ports declares the interfaces that the use cases of the audit module need.
package ports

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/paging"
)

// Backlog is the number of batches in the inbox, of their entries and of their bytes.
type Backlog struct{ Batches, Entries, Bytes int64 }

// Chain is the state of the chain of segments.
type Chain struct {
	Span     domain.SegmentSpan
	SealedTo int64 // the greatest id of the inbox that is sealed
	Closed   bool  // whether the chains of Ledger have ended
}

// Segments stores the inbox, the chain of segments and their index. Batches cannot be changed, and are deleted only
// when a segment has them. Segments cannot be changed, and only pruned ones can be deleted.
type Segments interface {
	// InTransaction reports whether a transaction is open in ctx. Insert then joins it.
	InTransaction(ctx context.Context) bool

	// CheckContext returns an error for developers if ctx is from outside the open transaction of its own request, and
	// nil otherwise.
	CheckContext(ctx context.Context) error

	// AfterTransaction runs do after the transaction in ctx commits or rolls back, or at once without a transaction.
	// Errors: those of do, returned here or by the transaction.
	AfterTransaction(ctx context.Context, do func(context.Context) error) error

	// AfterCommit runs do after the transaction in ctx commits, or at once without a transaction.
	AfterCommit(ctx context.Context, do func())

	// Insert adds a batch of a number of entries to the inbox. Errors: the store's.
	Insert(ctx context.Context, entries int, batch []byte) error

	// Backlog returns the size of the inbox after an id. Errors: the store's.
	Backlog(ctx context.Context, after int64) (Backlog, error)

	// Inbox returns the first batches after an id, in the order of their ids: enough for one segment. It does not read
	// the bytes of rows that are larger than a batch. Errors: the store's.
	Inbox(ctx context.Context, after int64) ([]domain.InboxRow, error)

	// Chain returns the state of the chain. Errors: the store's.
	Chain(ctx context.Context) (Chain, error)

	// Seal stores a segment after a position and deletes its batches from the inbox. It reports false without a change
	// if the chain has another end, or a batch is not in the inbox any more. Errors: the store's.
	Seal(ctx context.Context, after domain.Position, seal domain.Seal) (stored bool, err error)

	// Close is Seal of a segment with marks of the ends of the chains of Ledger, and ends these. It also reports false
	// if one of them has another end. Errors: the store's.
	Close(ctx context.Context, after domain.Position, seal domain.Seal, ends []domain.Mark) (stored bool, err error)

	// Range returns at most limit segments after a number and up to another, in order. Errors: the store's.
	Range(ctx context.Context, after, upTo int64, limit int) ([]domain.Segment, error)

	// Headers returns the headers of Range. Errors: the store's.
	Headers(ctx context.Context, after, upTo int64, limit int) ([]domain.Header, error)

	// Select returns the segments with some numbers, in order. Errors: the store's.
	Select(ctx context.Context, numbers []int64) ([]domain.Segment, error)

	// Between returns the first and the last segment that may have entries between two times, both exclusive. A zero
	// time is no bound. first is greater than last without one. Errors: the store's.
	Between(ctx context.Context, after, before time.Time) (first, last int64, err error)

	// LastSealedBefore returns the number of the last segment that is older than an instant, and before all segments
	// sealed between it and now; 0 without one. Times after now were read from a clock that was ahead, so they do not
	// show that a segment is recent. Errors: the store's.
	LastSealedBefore(ctx context.Context, instant, now time.Time) (number int64, err error)

	// SetSegmentAnchor makes the chain begin after a segment, so that the segments up to it may be deleted.
	// Errors: the store's.
	SetSegmentAnchor(ctx context.Context, at domain.Position) error

	// DeleteSegments deletes the segments up to a number. Errors: the store's, also when the role does not own the
	// tables.
	DeleteSegments(ctx context.Context, upTo int64) error

	// InsertIndex adds rows to the index, unless they exist. Errors: the store's.
	InsertIndex(ctx context.Context, rows []domain.IndexRow) error

	// Blocks returns at most limit rows of a term, of the complete blocks after a number and up to another. Errors: the
	// store's.
	Blocks(
		ctx context.Context, term domain.Term, after, upTo int64, descending bool, limit int,
	) ([]domain.IndexRow, error)

	// IndexSizes returns the number of rows by block. It reads the whole index. Errors: the store's.
	IndexSizes(ctx context.Context) (map[int64]int64, error)

	// IndexRows returns the rows of terms in one block. Errors: the store's.
	IndexRows(ctx context.Context, block int64, terms []domain.Term) ([]domain.IndexRow, error)

	// DeleteIndexRows deletes the rows of terms in one block. Errors: the store's.
	DeleteIndexRows(ctx context.Context, block int64, terms []domain.Term) error
}

// Ledger stores the chains of entries of earlier releases. Entries cannot be changed, and only pruned entries can be
// deleted.
type Ledger interface {
	// Spans returns the stored span of each chain, ordered by chain. Errors: the store's.
	Spans(ctx context.Context) ([]domain.Span, error)

	// Rested reports whether no chain got an entry since an instant. Errors: the store's.
	Rested(ctx context.Context, since time.Time) (bool, error)

	// Read returns at most limit entries of a chain after a sequence, in order. Errors: the store's.
	Read(ctx context.Context, chain int, after int64, limit int) ([]domain.Entry, error)

	// FindUnindexed returns the first of entries that List does not find by each of its patients, or nil.
	// Errors: the store's.
	FindUnindexed(ctx context.Context, entries []domain.Entry) (*domain.Entry, error)

	// List returns a page of the entries that match the filter. Errors: the store's.
	List(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Entry], error)

	// SetAnchor makes the chain begin after an entry, so that the entries up to it may be deleted. Errors: the store's.
	SetAnchor(ctx context.Context, chain int, at domain.Link) error

	// DeleteEntries deletes at most limit entries up to the chain's anchor, and reports whether more remain.
	// Errors: the store's.
	DeleteEntries(ctx context.Context, chain, limit int) (more bool, err error)

	// DeleteSubjects deletes the index rows of deleted entries, for a range of patients that begins at the id from and
	// has slightly more than limit rows. If more is true, next is the from of the next call. The zero id is the first.
	// Errors: the store's.
	DeleteSubjects(ctx context.Context, chain int, from uuid.UUID, limit int) (next uuid.UUID, more bool, err error)

	// DropMonths drops the partitions of the months that ended before an instant and are pruned, if the engine has
	// partitions. Errors: the store's, also when the role does not own the tables.
	DropMonths(ctx context.Context, before time.Time) error
}

// Checkpoints stores signed checkpoints, outside of the database.
type Checkpoints interface {
	// Append appends a line durably. Errors: those of the file.
	Append(line []byte) error

	// Open returns the lines that a file holds now, without lines appended later. The path "" means the file that
	// Append writes, which is empty if it does not exist. The caller closes the reader. Errors: those of the file.
	Open(path string) (io.ReadCloser, error)

	// Replace replaces the content of the file by lines, and keeps lines appended meanwhile to the content that was
	// size bytes long. Errors: those of the file.
	Replace(lines [][]byte, size int64) error

	// Report logs an error about the trail, but does not log the same error repeatedly. Errors: none.
	Report(err error)
}
