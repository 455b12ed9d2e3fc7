package app

import (
	"context"
	"strconv"
	"strings"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/paging"
)

// segmentMark begins the key of a place in a cursor. Entries of the older chains have their time and id.
const segmentMark = "#"

func (p place) key() []string {
	return []string{segmentMark + strconv.FormatInt(p.segment, 10), strconv.FormatInt(p.sequence, 10)}
}

// placeOf returns the place of a key.
func placeOf(key []string) (p place, ok bool) {
	if len(key) < 2 || !strings.HasPrefix(key[0], segmentMark) {
		return place{}, false
	}
	segment, malformed := strconv.ParseInt(strings.TrimPrefix(key[0], segmentMark), 10, 64)
	sequence, wrong := strconv.ParseInt(key[1], 10, 64)
	return place{segment, sequence}, malformed == nil && wrong == nil
}

// list returns a page of the entries that match the filter: those of the chain, and before them those of the older
// chains. It seals all earlier entries first, so that one order has all entries. Errors: errs.Unavailable; the store's.
func (r *Reader) list(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Entry], error) {
	if err := r.sealing.FlushForReader(ctx); err != nil {
		return paging.Page[domain.Entry]{}, unavailable(err)
	}
	s, err := newSearch(ctx, r.segments, &r.open, filter, request.Order[0].Descending)
	if err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	var total *int64
	if request.Count {
		if total, err = countAll(ctx, s, r.ledger, request); err != nil {
			return paging.Page[domain.Entry]{}, err
		}
		request.Count = false
	}
	page, err := listPage(ctx, s, r.ledger, request)
	page.Total = total
	return page, err
}

func listPage(
	ctx context.Context, s *search, ledger ports.Ledger, request paging.Request,
) (page paging.Page[domain.Entry], err error) {
	from, inChain := placeOf(request.After)
	switch {
	case inChain || request.After == nil && s.descending:
	case s.descending: // only the older chains remain
		return ledger.List(ctx, s.filter, request)
	default:
		if page, err = ledger.List(ctx, s.filter, request); err != nil || page.Next != nil {
			return page, err
		}
	}
	return appendChain(ctx, s, ledger, from, page, request)
}

// appendChain appends entries of the chain to a page, and then, if the list is descending, entries of the older chains.
func appendChain(
	ctx context.Context, s *search, ledger ports.Ledger, from place, page paging.Page[domain.Entry],
	request paging.Request,
) (paging.Page[domain.Entry], error) {
	size := request.Bytes
	if size == 0 {
		size = paging.MaxBytes
	}
	part, err := s.list(ctx, from, request.Limit-len(page.Items), size)
	if err != nil {
		return page, err
	}
	page.Items = append(page.Items, part.entries...)
	if part.more {
		page.Next = part.last.key()
		return page, nil
	}
	if !s.descending {
		return page, nil
	}
	remaining := request.Limit - len(page.Items)
	request.After, request.Limit = nil, max(remaining, 1)
	older, err := ledger.List(ctx, s.filter, request)
	switch {
	case err != nil:
		return page, err
	case remaining > 0:
		page.Items, page.Next = append(page.Items, older.Items...), older.Next
	case len(older.Items) > 0:
		page.Next = part.last.key()
	}
	return page, nil
}

// countAll returns the number of entries in the chain and in the older chains, nil if counting takes too long.
func countAll(ctx context.Context, s *search, ledger ports.Ledger, request paging.Request) (*int64, error) {
	count, ok, err := s.count(ctx)
	if err != nil || !ok {
		return nil, err
	}
	request.After, request.Limit, request.Shortened = nil, 1, nil
	older, err := ledger.List(ctx, s.filter, request)
	if err != nil {
		return nil, err
	}
	if older.Total != nil {
		count = min(count+*older.Total, paging.CountLimit+1)
	}
	return &count, nil
}
