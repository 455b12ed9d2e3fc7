package httpserver

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// overload is how many connections beyond the limit are told so; fasthttp's own limit stands behind it.
const overload = 64

// limitListener answers connections beyond the limit with a 503 that carries every header; fasthttp's own answer carries none.
type limitListener struct {
	net.Listener
	limit int64
	open  atomic.Int64
}

func (s *Server) limitConnections(ln net.Listener) net.Listener {
	return &limitListener{Listener: ln, limit: int64(s.cfg.Connections)}
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			return &countedConn{Conn: conn, done: &l.open}, nil
		}
		l.open.Add(-1)
		go overloaded(conn)
	}
}

type countedConn struct {
	net.Conn
	done    *atomic.Int64
	closed  atomic.Bool
	refused atomic.Bool // the request was refused before it was read to its end
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	if c.refused.Load() {
		c.linger()
	}
	c.done.Add(-1)
	return c.Conn.Close()
}

// What a client is still sending while it is refused; beyond, it does not learn why.
const (
	lingerBytes = 1 << 20
	lingerTime  = 500 * time.Millisecond
)

// linger takes in what the client is still sending: closing with unread bytes resets the connection, and the answer would be lost with it
// (RFC 9112, section 9.6).
func (c *countedConn) linger() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, tcp, lingerBytes)
	}
}

func overloaded(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	id := newRequestID()
	body, _ := encodeJSON(Problem{Type: "/problems/unavailable", Title: "Unavailable", Status: 503, Code: "unavailable",
		Detail: "Too many connections. Try again shortly.", RequestID: id})
	answer := fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nX-Request-ID: %s\r\n"+
		"Content-Type: application/problem+json\r\nContent-Length: %d\r\n", id, len(body))
	for name, value := range securityHeaders {
		answer = fmt.Appendf(answer, "%s: %s\r\n", name, value)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(append(append(answer, "\r\n"...), body...))
}
