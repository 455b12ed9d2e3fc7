package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// overload is how many connections beyond the limit are told so at a time, the rest being hung up on; fasthttp's own limit stands behind it.
const overload = 64

// limitListener answers connections beyond the limit with a 503 that carries every header; fasthttp's own answer carries none.
type limitListener struct {
	net.Listener
	limit  int64
	closed sync.Once
	open   atomic.Int64
	told   atomic.Int64
}

func (s *Server) limitConnections(ln net.Listener) *limitListener {
	return &limitListener{Listener: ln, limit: int64(s.cfg.Connections)}
}

// acceptPause is how long a connection may wait for one to close when the process has no file descriptor left.
const acceptPause = 50 * time.Millisecond

// temporary tells a lack of file descriptors from the end of the listener. fasthttp takes either for the end.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if temporary(err) {
			time.Sleep(acceptPause)
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			return &countedConn{Conn: conn, done: &l.open}, nil
		}
		l.open.Add(-1)
		if l.told.Add(1) > overload {
			l.told.Add(-1)
			_ = conn.Close()
			continue
		}
		go l.overloaded(conn)
	}
}

// Close implements net.Listener. Shutdown closes it before fasthttp does.
func (l *limitListener) Close() (err error) {
	l.closed.Do(func() { err = l.Listener.Close() })
	return err
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
		linger(c.Conn)
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
func linger(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, tcp, lingerBytes)
	}
}

func (l *limitListener) overloaded(conn net.Conn) {
	defer l.told.Add(-1)
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
	_, _ = conn.Read(make([]byte, 1)) // clients take an answer that comes before their question for a fault
	_, _ = conn.Write(append(append(answer, "\r\n"...), body...))
	linger(conn)
}
