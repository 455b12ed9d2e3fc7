// Package ports says what the use cases of the audit module need from outside.
package ports

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/paging"
)

// Ledger keeps the chains. Nothing in it can be changed, and only what is pruned can be removed.
type Ledger interface {
	// InTransaction reports whether a transaction is open in ctx, which Append then joins.
	InTransaction(ctx context.Context) bool

	// Stray returns an error for developers if ctx is from outside the open transaction of its own request, and nil
	// otherwise.
	Stray(ctx context.Context) error

	// Afterwards has do run when the transaction in ctx has ended, however it does, or now when there is none. Errors: do's, then or there.
	Afterwards(ctx context.Context, do func(context.Context) error) error

	// Append locks the end of a chain until the transaction in ctx ends, or one of its own, has seal put entries after it, and stores those. For
	// domain.AnyChain it takes one that nobody else holds, while there is one. Errors: the store's.
	Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error

	// Spans is what is kept of each chain, in the order of their numbers. Errors: the store's.
	Spans(ctx context.Context) ([]domain.Span, error)

	// Read is at most limit entries of a chain after a sequence, in its order. Errors: the store's.
	Read(ctx context.Context, chain int, after int64, limit int) ([]domain.Entry, error)

	// Hidden is the first of entries that List does not find by each patient it is about, nil when there is none. Errors: the store's.
	Hidden(ctx context.Context, entries []domain.Entry) (*domain.Entry, error)

	// List is a page of the entries that pass the filter. Errors: the store's.
	List(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Entry], error)

	// Prepare makes room for what is recorded at an instant, where the engine keeps months apart. Errors: the store's.
	Prepare(ctx context.Context, at time.Time) error

	// Anchor has the chain begin after an entry, so that those up to it may be removed. Errors: the store's.
	Anchor(ctx context.Context, chain int, at domain.Link) error

	// Discard removes entries up to the chain's anchor, at most limit of them, and tells whether there are more. Errors: the store's.
	Discard(ctx context.Context, chain, limit int) (more bool, err error)

	// Forget removes what says of patients, from one id on, that removed entries were about them, looking at some more than limit rows. Next is where
	// to go on when there is more; the zero id is before all. Errors: the store's.
	Forget(ctx context.Context, chain int, from uuid.UUID, limit int) (next uuid.UUID, more bool, err error)

	// DropMonths removes whole months that are over before an instant and pruned, where the engine keeps them apart. Errors: the store's, also
	// when the role does not own the tables.
	DropMonths(ctx context.Context, before time.Time) error
}

// Checkpoints is where signed checkpoints go, out of reach of whoever can write the database.
type Checkpoints interface {
	// Keep appends a line, durably. Errors: those of the file.
	Keep(line []byte) error

	// Open is all lines that a file holds now, and none that is appended later. The path "" is that of the lines that Keep appends, of which there may
	// be none yet. The caller closes it. Errors: those of the file.
	Open(path string) (io.ReadCloser, error)

	// Report tells the operator, once, what is wrong with the trail. Errors: none.
	Report(err error)
}
