package harness

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy forwards connections between the program and a PostgreSQL server. It can also drop all data without an error,
// or close all connections.
type Proxy struct {
	listener net.Listener
	socket   string // the server's

	ended chan struct{}

	mu   sync.Mutex
	hole bool // data and new connections are dropped without an error
	open map[*flow]bool
}

// flow is one connection through the proxy. After some of its data was dropped, it stays unusable, as behind a
// firewall that lost its state.
type flow struct {
	client, server net.Conn
	dead           bool
}

// NewProxy starts a proxy for the server at the socket.
func NewProxy(t *testing.T, socket string) *Proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{listener: listener, socket: socket, ended: make(chan struct{}), open: map[*flow]bool{}}
	t.Cleanup(func() {
		_ = listener.Close()
		close(p.ended)
		p.Cut()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(conn)
		}
	}()
	return p
}

// URL returns the address of the server's database behind the proxy.
func (p *Proxy) URL() string {
	return "postgres://app@" + p.listener.Addr().String() + "/postgres?sslmode=disable"
}

// BlackHole starts or stops dropping all data without an error.
func (p *Proxy) BlackHole(hole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = hole
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range p.open {
		_ = f.client.Close()
		if f.server != nil {
			_ = f.server.Close()
		}
	}
}

func (p *Proxy) pass(client net.Conn) {
	f := &flow{client: client}
	p.mu.Lock()
	p.open[f] = true
	f.dead = p.hole
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, f)
		_ = client.Close()
	}()
	if f.dead {
		_, _ = io.Copy(io.Discard, client)
		return
	}
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		return
	}
	p.mu.Lock()
	f.server = server
	p.mu.Unlock()
	back := make(chan struct{})
	go func() {
		defer close(back)
		p.copy(f, client, server)
		_ = client.Close()
	}()
	p.copy(f, server, client)
	_ = server.Close()
	<-back
}

// copy forwards the data of from until its end, unless data is being dropped.
func (p *Proxy) copy(f *flow, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		f.dead = f.dead || p.hole
		dead := f.dead
		p.mu.Unlock()
		if err != nil {
			if dead {
				<-p.ended // neither side is notified that the other has closed
			}
			return
		}
		if !dead {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}
