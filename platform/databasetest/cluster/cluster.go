// Package cluster starts PostgreSQL servers for the tests of a process. They stop when the process ends, even if it is
// killed. Package databasetest creates the databases on them.
package cluster

import (
	"errors"
	"os"
	"sync"
)

// ErrNotInstalled reports that no PostgreSQL server is installed and that TEST_DATABASE_URL is not set.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed, and TEST_DATABASE_URL is not set")

// server is a running throwaway server.
type server struct {
	url    string
	folder string // of its socket
	stop   func()
	toggle func() error // stops the server, or starts it again
}

// throwaway is the server of this process, which all tests of a binary share. A failed start is stored, so that later
// tests do not wait for another attempt.
var throwaway struct {
	sync.Mutex
	running *server
	failure error
}

// URL returns the address (postgres://…) of a PostgreSQL server on which the caller may create databases:
// TEST_DATABASE_URL if it is set, else a throwaway server, which the first call starts in about a second. The server
// ends with the process, also without Stop. URL is safe for concurrent use. Errors: ErrNotInstalled; others quote the
// end of the server's log.
func URL() (string, error) {
	if url := os.Getenv("TEST_DATABASE_URL"); url != "" {
		return url, nil
	}
	throwaway.Lock()
	defer throwaway.Unlock()
	if throwaway.running == nil && throwaway.failure == nil {
		throwaway.running, throwaway.failure = start("")
	}
	if throwaway.failure != nil {
		return "", throwaway.failure
	}
	return throwaway.running.url, nil
}

// Durable starts a throwaway server with the durability of an installation, for measurements: commits wait for the
// disk. The server ends with stop or with the process. Errors: those of URL.
func Durable() (url string, stop func(), err error) {
	s, err := start("", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on",
		"-c", "autovacuum=on", "-c", "shared_buffers=256MB")
	if err != nil {
		return "", nil, err
	}
	return s.url, s.stop, nil
}

// Stop ends the throwaway server, if there is one, and returns when its folder is removed. A later call of URL starts
// another server.
func Stop() {
	throwaway.Lock()
	defer throwaway.Unlock()
	if throwaway.running != nil {
		throwaway.running.stop()
		throwaway.running = nil
	}
}
