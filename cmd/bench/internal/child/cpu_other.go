//go:build !unix

package child

import "time"

// processorTime returns 0 on this system.
func processorTime() time.Duration { return 0 }
