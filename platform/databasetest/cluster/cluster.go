// Package cluster gives the tests of one process a PostgreSQL server, and ends it with that process however the process ends.
// Databases, migrations and templates on that server are not its business: they live in databasetest.
package cluster

import (
	"errors"
	"os"
	"sync"
)

// ErrNotInstalled says that this machine has no PostgreSQL server to start and that TEST_DATABASE_URL names none.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed, and TEST_DATABASE_URL is not set")

// server is a running throwaway server.
type server struct {
	url    string
	folder string // of its socket
	stop   func()
	tell   func() error // the supervisor, to stop the server, or to start it again
}

// throwaway is this process's server. It is a global because tests of one binary share nothing else. A failed start is
// kept, so that a hundred tests do not each wait for another one.
var throwaway struct {
	sync.Mutex
	running *server
	failure error
}

// URL is the address (postgres://…) of a PostgreSQL server on which the caller may create databases: TEST_DATABASE_URL when it
// is set, else a throwaway server, which the first call starts in about a second. It ends with the process: nobody has to call
// Stop. It is safe for concurrent use. Errors: ErrNotInstalled; others quote the end of the server's log.
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

// Durable starts a throwaway server that keeps what it has committed, as one that holds patients does: for whoever measures, since a commit that
// waits for no disk costs next to nothing. It ends at stop, or with the process. Errors: as those of URL.
func Durable() (url string, stop func(), err error) {
	s, err := start("", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on", "-c", "autovacuum=on", "-c", "shared_buffers=256MB")
	if err != nil {
		return "", nil, err
	}
	return s.url, s.stop, nil
}

// Stop ends the throwaway server and returns when its folder is gone; without one it does nothing. A later call of URL
// starts another.
func Stop() {
	throwaway.Lock()
	defer throwaway.Unlock()
	if throwaway.running != nil {
		throwaway.running.stop()
		throwaway.running = nil
	}
}
