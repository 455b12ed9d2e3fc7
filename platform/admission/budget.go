package admission

import (
	"maps"
	"sync"
	"time"
)

// Allowance is how much a caller may spend: Amount in each Period. An Amount of 0 means no limit.
type Allowance struct {
	Amount int
	Period time.Duration
}

// budgetKeys bounds the memory of a Budget: some 10 MB.
const budgetKeys = 100_000

const sweepsInAPeriod = 60

// Budget is an amount that callers spend and that is restored evenly with time (the generic cell rate algorithm). A
// caller that spent nothing for a Period may spend its Amount at once. Each key of a caller, its user and its networks,
// has an allowance of its own; all of them must suffice. It is safe for concurrent use.
type Budget struct {
	allowance Allowance
	now       func() time.Time

	mu    sync.Mutex
	full  map[key]time.Time // when all is back; a key without one has all
	swept time.Time         // when those who have everything back were forgotten last
}

// NewBudget returns an unused Budget.
func NewBudget(a Allowance, now func() time.Time) *Budget {
	return &Budget{allowance: a, now: now, full: map[key]time.Time{}}
}

// Spend spends amount for the caller, or nothing if it does not suffice. retryAfter is when it will suffice, 0 if it
// was spent.
func (b *Budget) Spend(by Caller, amount int) (retryAfter time.Duration) {
	if b.allowance.Amount <= 0 || amount <= 0 {
		return 0
	}
	cost := b.allowance.Period / time.Duration(b.allowance.Amount) * time.Duration(min(amount, b.allowance.Amount))
	keys := by.each()
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, k := range keys {
		retryAfter = max(retryAfter, b.fullAt(k, now).Add(cost).Sub(now)-b.allowance.Period)
	}
	if retryAfter > 0 {
		return retryAfter
	}
	b.evict(len(keys), now)
	for _, k := range keys {
		b.full[k] = b.fullAt(k, now).Add(cost)
	}
	return 0
}

func (b *Budget) fullAt(k key, now time.Time) time.Time {
	if at := b.full[k]; at.After(now) {
		return at
	}
	return now
}

// evict removes the keys that are fully restored, or, if there are none, the most restored key of a few.
func (b *Budget) evict(keys int, now time.Time) {
	if len(b.full)+keys <= budgetKeys {
		return
	}
	if now.Sub(b.swept) >= b.allowance.Period/sweepsInAPeriod { // it looks at all
		b.swept = now
		maps.DeleteFunc(b.full, func(_ key, at time.Time) bool { return !at.After(now) })
	}
	const sample = 16
	for len(b.full)+keys > budgetKeys {
		var nearest key
		var seen int
		for k, at := range b.full { // a map's order is random
			if seen == 0 || at.Before(b.full[nearest]) {
				nearest = k
			}
			if seen++; seen == sample {
				break
			}
		}
		delete(b.full, nearest)
	}
}
