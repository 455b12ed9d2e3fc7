//go:build unix && !aix && !solaris

package cluster

import (
	"errors"
	"os"
	"time"
)

// Server is a server of one test's own, which may be stopped and started: what it holds outlives that. It ends with the process at the latest.
type Server struct {
	running *server
}

// Own starts a server for the caller alone, whatever TEST_DATABASE_URL says. Errors: ErrNotInstalled; others quote the end of the server's log.
func Own() (*Server, error) {
	return begin("")
}

// Replica starts a streaming replica of the server, from a copy of what is there now. Errors: those of Own.
func (s *Server) Replica() (*Server, error) { return begin(s.running.folder) }

func begin(primary string) (*Server, error) {
	running, err := start(primary)
	if err != nil {
		return nil, err
	}
	return &Server{running}, nil
}

// URL is the server's address (postgres://…), on a Unix socket.
func (s *Server) URL() string { return s.running.url }

// Folder is where the server's socket is.
func (s *Server) Folder() string { return s.running.folder }

// Socket is the path of the Unix socket that the server listens on while it runs.
func (s *Server) Socket() string { return s.Folder() + "/.s.PGSQL.5432" }

// Stop stops the server as an operator does ("fast": every session is ended) and returns when it has ended. Errors: it still runs.
func (s *Server) Stop() error {
	if err := s.running.tell(); err != nil {
		return err
	}
	return within(func() error {
		if _, err := os.Stat(s.running.folder + "/data/postmaster.pid"); !errors.Is(err, os.ErrNotExist) {
			return errors.New("PostgreSQL still runs")
		}
		return nil
	})
}

// Start starts it again and returns when it answers. Errors: it does not.
func (s *Server) Start() error {
	if err := s.running.tell(); err != nil {
		return err
	}
	return within(func() error { return answers(s.running.url) })
}

// Close ends the server for good, with all that it holds.
func (s *Server) Close() { s.running.stop() }

// within tries until it succeeds, or patience is over.
func within(try func() error) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}
