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

// Ledger stores the chains. Entries cannot be changed, and only pruned entries can be deleted.
type Ledger interface {
	// InTransaction reports whether a transaction is open in ctx. Append then joins it.
	InTransaction(ctx context.Context) bool

	// CheckContext returns an error for developers if ctx is from outside the open transaction of its own request, and
	// nil otherwise.
	CheckContext(ctx context.Context) error

	// AfterTransaction runs do after the transaction in ctx commits or rolls back, or at once without a transaction.
	// Errors: those of do, returned here or by the transaction.
	AfterTransaction(ctx context.Context, do func(context.Context) error) error

	// Append locks the head of a chain until the transaction in ctx ends, or a transaction of its own, and stores the
	// entries that seal returns. For domain.AnyChain it prefers a chain that is not locked. Errors: the store's.
	Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error

	// Spans returns the stored span of each chain, ordered by chain. Errors: the store's.
	Spans(ctx context.Context) ([]domain.Span, error)

	// Read returns at most limit entries of a chain after a sequence, in order. Errors: the store's.
	Read(ctx context.Context, chain int, after int64, limit int) ([]domain.Entry, error)

	// FindUnindexed returns the first of entries that List does not find by each of its patients, or nil.
	// Errors: the store's.
	FindUnindexed(ctx context.Context, entries []domain.Entry) (*domain.Entry, error)

	// List returns a page of the entries that match the filter. Errors: the store's.
	List(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Entry], error)

	// PrepareMonth creates the partition of the month of an instant, if the engine has partitions. Errors: the store's.
	PrepareMonth(ctx context.Context, at time.Time) error

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

	// Report logs an error about the trail, but does not log the same error repeatedly. Errors: none.
	Report(err error)
}
