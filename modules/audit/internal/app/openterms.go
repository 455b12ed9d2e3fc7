package app

import (
	"sync"

	"healthcare/modules/audit/internal/domain"
)

// openTerms has the terms of segments of the open block, which no index has. Segments never change, so it is a cache
// that is never wrong. It is safe for concurrent use.
type openTerms struct {
	mu    sync.Mutex
	terms map[int64][]domain.Term // by the number of the segment
	size  int
}

// maxOpenTerms is the maximum number of terms, about 8 MB.
const maxOpenTerms = 500_000

// lacks reports whether a segment is known not to have a term.
func (o *openTerms) lacks(number int64, term domain.Term) bool {
	o.mu.Lock()
	terms, known := o.terms[number]
	o.mu.Unlock()
	return known && !domain.HasTerm(terms, term)
}

// add adds the terms of a segment after indexed, the last segment that the index has, and removes those up to it.
// Errors: those of the segment's records.
func (o *openTerms) add(segment domain.Segment, indexed int64) error {
	number := segment.Number
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.terms[number]; known || number <= indexed || o.size > maxOpenTerms {
		return nil
	}
	records, err := segment.Records()
	if err != nil {
		return err
	}
	for other, terms := range o.terms {
		if other <= indexed {
			o.size -= len(terms)
			delete(o.terms, other)
		}
	}
	if o.terms == nil {
		o.terms = map[int64][]domain.Term{}
	}
	o.terms[number] = domain.TermsOf(records)
	o.size += len(o.terms[number])
	return nil
}
