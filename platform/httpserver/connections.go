package httpserver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
)

// overload is how many connections beyond the limit are told so at a time, the rest being hung up on; fasthttp's own limit stands behind it.
const overload = 64

// limitListener bounds the open connections. When there are as many as it allows, a new one has those closed that have
// waited longest for a request: of the network with most connections, so that one network cannot take all. Where none
// can be closed, the new one is answered with a 503 that carries every header; fasthttp's own answer carries none.
type limitListener struct {
	net.Listener
	limit   int
	trusted []netip.Prefix
	full    func() // reports that connections were closed or refused; nil: to nobody
	closed  sync.Once
	told    atomic.Int64

	mu   sync.Mutex
	open map[*countedConn]struct{}
}

func (s *Server) limitConnections(ln net.Listener) *limitListener {
	return &limitListener{Listener: ln, limit: s.cfg.Connections, trusted: s.cfg.TrustedProxies, full: func() {
		if s.fullOfConnections.allow(time.Now()) {
			s.log.Warn(
				"as many connections are open as http_connections allows: those that wait longest for a request are closed",
			)
		}
	}}
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
		if counted := l.admit(conn); counted != nil {
			return counted, nil
		}
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

// admit counts a new connection, for which others may have to be closed. It returns nil where there is no place for it.
func (l *limitListener) admit(conn net.Conn) *countedConn {
	c := &countedConn{Conn: conn, listener: l}
	c.network, c.proxy = l.networkOf(conn.RemoteAddr())
	c.since.Store(time.Now().UnixNano())
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.limit {
		if l.full != nil {
			l.full()
		}
		if !l.makeRoom(c) {
			return nil
		}
	}
	if l.open == nil {
		l.open = map[*countedConn]struct{}{}
	}
	l.open[c] = struct{}{}
	return c
}

// networkOf returns the widest network that counts as one client's, and whether it is a trusted proxy, whose
// connections are many clients'.
func (l *limitListener) networkOf(peer net.Addr) (network netip.Prefix, proxy bool) {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	address := bare(tcp.AddrPort().Addr())
	if networks := admission.Networks(address); len(networks) > 0 {
		network = networks[len(networks)-1]
	}
	return network, isTrusted(address, l.trusted)
}

// sendBuffer is how many bytes the system keeps of an answer that a client reads slowly. By itself it would keep
// megabytes.
const sendBuffer = 256 << 10

// closedTogether is the part of the closable connections that are closed at once, so that they are sorted once for many
// new ones.
const closedTogether = 64

// makeRoom closes connections that wait for a request, those first that have waited longest: of the networks that have
// most, or of the newcomer's own if that is one of them. It reports whether it closed one.
func (l *limitListener) makeRoom(newcomer *countedConn) bool {
	counts, most := map[netip.Prefix]int{}, 0
	for c := range l.open {
		if !c.proxy {
			counts[c.network]++
			most = max(most, counts[c.network])
		}
	}
	own := !newcomer.proxy && most > 0 && counts[newcomer.network] >= most
	if l.closeWaiting(func(c *countedConn) bool {
		if own {
			return !c.proxy && c.network == newcomer.network
		}
		return !c.proxy && counts[c.network] == most
	}) {
		return true
	}
	return !own && l.closeWaiting(func(*countedConn) bool { return true })
}

func (l *limitListener) closeWaiting(candidate func(*countedConn) bool) (closed bool) {
	type waiting struct {
		*countedConn
		since int64
	}
	var all []waiting
	for c := range l.open {
		if since := c.since.Load(); since > 0 && candidate(c) {
			all = append(all, waiting{c, since})
		}
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.since, b.since) })
	for _, c := range all[:(len(all)+closedTogether-1)/closedTogether] {
		if !c.countedConn.since.CompareAndSwap(c.since, 0) {
			continue // its next request has just arrived
		}
		delete(l.open, c.countedConn)
		_ = c.Conn.Close() // fasthttp notices, and closes countedConn
		closed = true
	}
	return closed
}

func (l *limitListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

func (l *limitListener) forget(c *countedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// countedConn is a connection that counts. It knows what its last answer holds.
type countedConn struct {
	net.Conn
	listener *limitListener
	network  netip.Prefix
	proxy    bool
	since    atomic.Int64 // when it began to wait for a request, in Unix nanoseconds; 0 while one is answered
	closed   atomic.Bool
	refused  atomic.Bool // the request was refused before it was read to its end
	ended    atomic.Bool // the client will send nothing more, and more was asked for
	answer   atomic.Pointer[admission.Lease]
}

// Read implements net.Conn.
func (c *countedConn) Read(into []byte) (n int, err error) {
	n, err = c.Conn.Read(into)
	if errors.Is(err, io.EOF) {
		c.ended.Store(true)
	}
	return n, err
}

// begin reports whether the connection is still open for the answer to a request that has arrived.
func (c *countedConn) begin() bool { return c.since.Swap(0) != 0 }

// keep holds the memory of an answer until it has left. While others wait for memory, the connection may be closed.
func (c *countedConn) keep(lease *admission.Lease) {
	lease.Recallable(func() { _ = c.Conn.Close() })
	c.answer.Swap(lease).Release() // of a request before, whose answer shares a buffer with this one
}

// connState is told by fasthttp when an answer has left.
func connState(conn net.Conn, state fasthttp.ConnState) {
	if c, ok := conn.(*countedConn); ok && state == fasthttp.StateIdle {
		c.answer.Swap(nil).Release()
		c.since.Store(time.Now().UnixNano())
	}
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	if c.refused.Load() {
		linger(c.Conn)
	}
	c.listener.forget(c)
	c.answer.Swap(nil).Release()
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
