package cluster

// Server is a throwaway server beside that of URL, for a test that stops it, or that needs a replica.
type Server struct{ *server }

// Start starts one, whether TEST_DATABASE_URL is set or not. It ends with the process, or by Stop. Errors: ErrNotInstalled; others quote the end of
// the server's log.
func Start() (Server, error) {
	s, err := start("")
	return Server{s}, err
}

// Replica starts a streaming replica, from a copy of what is there now. Errors: those of Start.
func (s Server) Replica() (Server, error) {
	replica, err := start(s.folder)
	return Server{replica}, err
}

// URL is the server's address, on which its database postgres is.
func (s Server) URL() string { return s.url }

// Folder is where the server's socket is.
func (s Server) Folder() string { return s.folder }

// Stop ends the server, with all that it holds.
func (s Server) Stop() { s.stop() }
