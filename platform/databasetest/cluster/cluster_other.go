//go:build !unix || aix || solaris

package cluster

import (
	"fmt"
	"runtime"
)

// start has no way here to tie a server's life to that of the test process.
func start(string, ...string) (*server, error) {
	return nil, fmt.Errorf("%w: on %s throwaway servers are not supported, so set it", ErrNotInstalled, runtime.GOOS)
}
