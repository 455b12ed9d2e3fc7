//go:build !unix || aix || solaris

package cluster

import (
	"fmt"
	"runtime"
)

// start fails: on this system a server cannot be ended with the test process.
func start(string, ...string) (*server, error) {
	return nil, fmt.Errorf("%w: on %s throwaway servers are not supported, so set it", ErrNotInstalled, runtime.GOOS)
}
