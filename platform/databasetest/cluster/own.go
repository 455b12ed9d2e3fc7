//go:build unix && !aix && !solaris

package cluster

import (
	"errors"
	"os"
	"time"
)

// Server is the server of one test. It may be stopped and started again without loss of data. It ends with the process
// at the latest.
type Server struct {
	running *server
}

// Own starts a server for the caller only; TEST_DATABASE_URL is ignored. Errors: ErrNotInstalled; others quote the end
// of the server's log.
func Own() (*Server, error) {
	return begin("")
}

// Replica starts a streaming replica of the server from a copy of its data. Errors: those of Own.
func (s *Server) Replica() (*Server, error) { return begin(s.running.folder) }

func begin(primary string) (*Server, error) {
	running, err := start(primary)
	if err != nil {
		return nil, err
	}
	return &Server{running}, nil
}

// URL returns the server's address (postgres://…), on a Unix socket.
func (s *Server) URL() string { return s.running.url }

// Folder returns the folder of the server's socket.
func (s *Server) Folder() string { return s.running.folder }

// Socket returns the path of the Unix socket that the server listens on while it runs.
func (s *Server) Socket() string { return s.Folder() + "/.s.PGSQL.5432" }

// Stop stops the server in "fast" mode, which ends every session, and returns when it has ended. Errors: the server is
// still running.
func (s *Server) Stop() error {
	if err := s.running.toggle(); err != nil {
		return err
	}
	return within(func() error {
		if _, err := os.Stat(s.running.folder + "/data/postmaster.pid"); !errors.Is(err, os.ErrNotExist) {
			return errors.New("PostgreSQL is still running")
		}
		return nil
	})
}

// Start starts the server again and returns when it accepts connections. Errors: the server does not accept connections
// in time.
func (s *Server) Start() error {
	if err := s.running.toggle(); err != nil {
		return err
	}
	return within(func() error { return ping(s.running.url) })
}

// Close ends the server and deletes its data.
func (s *Server) Close() { s.running.stop() }

// within repeats try until it succeeds, for at most startTimeout.
func within(try func() error) (err error) {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(pause) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}
