package harness

import (
	"sync"
)

// Concurrently runs do n times at once, at most 64 in flight, and counts the responses by status.
func Concurrently(n int, do func(i int) Response) map[int]int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[int]int{}
	slots := make(chan struct{}, 64)
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a := do(i)
			mu.Lock()
			defer mu.Unlock()
			counts[a.Status]++
		})
	}
	wg.Wait()
	return counts
}
