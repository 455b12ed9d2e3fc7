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

// maxKeys limits the memory of a Budget to about 10 MB.
const maxKeys = 100_000

const sweepsPerPeriod = 60

// Budget is an amount that each caller may spend, and that is restored evenly with time (the generic cell rate
// algorithm). A caller that spent nothing for a Period may spend its Amount at once. Each key of a caller, its user and
// its networks, has its own allowance; the allowance of every key must suffice. A Budget is safe for concurrent use.
type Budget struct {
	allowance Allowance
	now       func() time.Time

	mu    sync.Mutex
	full  map[key]time.Time // when the allowance is fully restored; it is for an absent key
	swept time.Time         // time of the last removal of fully restored keys
}

// NewBudget returns an unused Budget.
func NewBudget(a Allowance, now func() time.Time) *Budget {
	return &Budget{allowance: a, now: now, full: map[key]time.Time{}}
}

// Spend subtracts amount from the caller's allowances. If one of them does not suffice, Spend subtracts nothing and
// returns how long it takes to be restored; otherwise it returns 0.
func (b *Budget) Spend(by Caller, amount int) (retryAfter time.Duration) {
	if b.allowance.Amount <= 0 || amount <= 0 {
		return 0
	}
	cost := b.allowance.Period / time.Duration(b.allowance.Amount) * time.Duration(min(amount, b.allowance.Amount))
	keys := by.countedKeys()
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

// evict makes space for keys. It removes the fully restored keys, or, if there are none, the most restored key of a
// random sample.
func (b *Budget) evict(keys int, now time.Time) {
	if len(b.full)+keys <= maxKeys {
		return
	}
	if now.Sub(b.swept) >= b.allowance.Period/sweepsPerPeriod { // a sweep visits every key
		b.swept = now
		maps.DeleteFunc(b.full, func(_ key, at time.Time) bool { return !at.After(now) })
	}
	const sample = 16
	for len(b.full)+keys > maxKeys {
		var nearest key
		var seen int
		for k, at := range b.full { // the iteration order is random
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
