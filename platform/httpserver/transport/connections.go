// Package transport is the layer of the server below Fiber: connections and their limits, the framing and the bodies of
// requests, and the addresses of clients.
package transport

import (
	"cmp"
	"errors"
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

// Overload is the number of connections beyond the limit that receive a response at a time. Further connections are
// closed. fasthttp's own limit is higher.
const Overload = 64

// Listener limits the number of open connections. At the limit, it closes connections for a new one: of the network
// with most connections, so that one network cannot use all, those that have waited longest for a request. If none can
// be closed, the new connection receives the response of Busy, because fasthttp's own response has no headers.
type Listener struct {
	net.Listener
	Limit   int
	Trusted []netip.Prefix // proxies
	Full    func()         // called when connections are closed or rejected; may be nil
	Busy    func() []byte  // returns a complete response

	closed    sync.Once
	answering atomic.Int64 // number of connections beyond the limit that receive a response

	mu   sync.Mutex
	open map[*Conn]struct{}
}

// acceptPause is the time until the next attempt to accept a connection when the process has no file descriptor left.
const acceptPause = 50 * time.Millisecond

// isTemporary reports whether err is a lack of file descriptors, not the end of the listener. fasthttp would stop in
// both cases.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if isTemporary(err) {
			time.Sleep(acceptPause)
			continue
		}
		if err != nil {
			return nil, err
		}
		if counted := l.admit(conn); counted != nil {
			return counted, nil
		}
		if l.answering.Add(1) > Overload {
			l.answering.Add(-1)
			_ = conn.Close()
			continue
		}
		go l.rejectBusy(conn)
	}
}

// Close implements net.Listener. It may be called more than once, because both the server and fasthttp close the
// listener.
func (l *Listener) Close() (err error) {
	l.closed.Do(func() { err = l.Listener.Close() })
	return err
}

// admit counts a new connection, and closes others for it if necessary. It returns nil if none can be closed.
func (l *Listener) admit(conn net.Conn) *Conn {
	c := &Conn{Conn: conn, listener: l}
	c.network, c.proxy = l.networkOf(conn.RemoteAddr())
	c.since.Store(time.Now().UnixNano())
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.Limit {
		if l.Full != nil {
			l.Full()
		}
		if !l.evict(c) {
			return nil
		}
	}
	if l.open == nil {
		l.open = map[*Conn]struct{}{}
	}
	l.open[c] = struct{}{}
	return c
}

// networkOf returns the widest network of peer that counts as one client, and whether peer is a trusted proxy, whose
// connections belong to many clients.
func (l *Listener) networkOf(peer net.Addr) (network netip.Prefix, proxy bool) {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	address := bare(tcp.AddrPort().Addr())
	if networks := admission.Networks(address); len(networks) > 0 {
		network = networks[len(networks)-1]
	}
	return network, isTrusted(address, l.Trusted)
}

// sendBuffer is the number of bytes of a response that the system buffers for a slow client. The default limit is
// several megabytes.
const sendBuffer = 256 << 10

// closedTogether is the divisor for the number of connections that are closed at once, so that they are sorted only
// once for many new connections.
const closedTogether = 64

// evict closes connections that wait for a request, those that have waited longest first: of the networks with most
// connections, or only of the newcomer's network if that is one of them. It reports whether it closed a connection.
func (l *Listener) evict(newcomer *Conn) bool {
	counts, most := map[netip.Prefix]int{}, 0
	for c := range l.open {
		if !c.proxy {
			counts[c.network]++
			most = max(most, counts[c.network])
		}
	}
	own := !newcomer.proxy && most > 0 && counts[newcomer.network] >= most
	if l.closeWaiting(func(c *Conn) bool {
		if own {
			return !c.proxy && c.network == newcomer.network
		}
		return !c.proxy && counts[c.network] == most
	}) {
		return true
	}
	return !own && l.closeWaiting(func(*Conn) bool { return true })
}

func (l *Listener) closeWaiting(candidate func(*Conn) bool) (closed bool) {
	type waiting struct {
		conn  *Conn
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
		if !c.conn.since.CompareAndSwap(c.since, 0) {
			continue // a request has just arrived
		}
		delete(l.open, c.conn)
		_ = c.conn.Conn.Close() // fasthttp then closes conn
		closed = true
	}
	return closed
}

// Count returns the number of open connections.
func (l *Listener) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

func (l *Listener) remove(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// Conn is a connection that counts towards the limit. It holds the memory lease of its last response.
type Conn struct {
	net.Conn
	listener *Listener
	network  netip.Prefix
	proxy    bool
	since    atomic.Int64 // when it began to wait for a request, in Unix nanoseconds; 0 during a request
	closed   atomic.Bool
	rejected atomic.Bool // the request was rejected before it was read completely
	ended    atomic.Bool // a read returned io.EOF: the client has closed its side
	response atomic.Pointer[admission.Lease]
}

// Read implements net.Conn.
func (c *Conn) Read(into []byte) (n int, err error) {
	n, err = c.Conn.Read(into)
	if errors.Is(err, io.EOF) {
		c.ended.Store(true)
	}
	return n, err
}

// Begin marks the arrival of a request. It reports whether the connection is still open.
func (c *Conn) Begin() bool { return c.since.Swap(0) != 0 }

// HoldLease holds the memory lease of a response until the response is sent. While other callers wait for memory, the
// connection may be closed.
func (c *Conn) HoldLease(lease *admission.Lease) {
	lease.AllowRecall(func() { _ = c.Conn.Close() })
	c.response.Swap(lease).Release() // the previous response shares a buffer with this one
}

// Reject marks a connection whose request is rejected before it is read completely.
func (c *Conn) Reject() { c.rejected.Store(true) }

// ConnState is fasthttp's callback for changes of a connection's state. An idle connection has sent its response.
func ConnState(conn net.Conn, state fasthttp.ConnState) {
	if c, ok := conn.(*Conn); ok && state == fasthttp.StateIdle {
		c.response.Swap(nil).Release()
		c.since.Store(time.Now().UnixNano())
	}
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	if c.rejected.Load() {
		linger(c.Conn)
	}
	c.listener.remove(c)
	c.response.Swap(nil).Release()
	return c.Conn.Close()
}

// Limits of the data that linger reads from a rejected client. Beyond them the response may be lost.
const (
	lingerBytes = 1 << 20
	lingerTime  = 500 * time.Millisecond
)

// linger reads the data that the client is still sending. Closing a connection with unread data would reset it, and the
// response would be lost (RFC 9112, section 9.6).
func linger(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, tcp, lingerBytes)
	}
}

// rejectBusy sends the response of Busy to a connection beyond the limit.
func (l *Listener) rejectBusy(conn net.Conn) {
	defer l.answering.Add(-1)
	defer func() { _ = conn.Close() }()
	response := l.Busy()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Read(make([]byte, 1)) // clients treat a response before their request as an error
	_, _ = conn.Write(response)
	linger(conn)
}
