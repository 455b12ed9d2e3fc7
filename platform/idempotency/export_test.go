package idempotency

import "time"

// SweepEvery sets the interval between the sweeps of Run.
func SweepEvery(k *Keys, interval time.Duration) { k.interval = interval }
