package idempotency

import "time"

// SweepEvery sets the interval between the sweeps of Run.
func SweepEvery(s *Store, interval time.Duration) { s.interval = interval }
