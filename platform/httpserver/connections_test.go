package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
)

// occupy opens connections that wait for an answer, until free is called.
func (s *stand) occupy(t *testing.T, count int) (free func()) {
	t.Helper()
	for range count {
		_, err := s.dial(t).Write([]byte("GET /held/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
		require.NoError(t, err)
		<-s.entered
	}
	free = sync.OnceFunc(func() {
		for range count {
			s.release <- struct{}{}
		}
	})
	t.Cleanup(free)
	return free
}

func TestConnectionsBeyondTheLimit(t *testing.T) {
	const limit = 4
	s := serve(t, func(c *Config) { c.Connections = limit })
	free := s.occupy(t, limit)
	t.Run("are told to come back, whatever they send", func(t *testing.T) {
		for range 20 {
			a := s.ask(t, http.MethodPost, "/things/", jsonOf(768<<10))
			requireProblem(t, a, http.StatusServiceUnavailable)
			require.Equal(t, "1", a.header.Get("Retry-After"))
			require.True(t, a.last)
		}
	})
	t.Run("are not answered before they ask: a client would take that for a fault", func(t *testing.T) {
		conn := s.dial(t)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*time.Second)))
		_, err = conn.Write([]byte("GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		all := answers(t, conn, http.MethodGet)
		require.Len(t, all, 1)
		requireProblem(t, all[0], http.StatusServiceUnavailable)
	})
	t.Run("are served again once others have left", func(t *testing.T) {
		free()
		require.Eventually(t, func() bool { return s.ask(t, http.MethodGet, "/things/", "").status == http.StatusOK },
			2*time.Second, 5*time.Millisecond)
	})
	t.Run("are hung up on when there are too many to tell", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.Connections = 1 })
		s.occupy(t, 1)
		for range overload {
			s.dial(t)
		}
		require.Empty(t, s.talk(t, "GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n"))
	})
}

func TestAClientThatIsStillSendingLearnsWhyItIsRefused(t *testing.T) {
	large := serve(t)
	full := serve(t, func(c *Config) { c.Connections = 1 })
	full.occupy(t, 1)
	for status, s := range map[int]*stand{http.StatusRequestEntityTooLarge: large, http.StatusServiceUnavailable: full} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			conn := s.dial(t)
			_, err := conn.Write([]byte("POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"))
			require.NoError(t, err)
			for range 20 {
				_, err := conn.Write(make([]byte, 4096))
				require.NoError(t, err, "a reset would take the answer with it")
				time.Sleep(time.Millisecond)
			}
			all := answers(t, conn, http.MethodPost)
			require.Len(t, all, 1)
			requireProblem(t, all[0], status)
		})
	}
}

func TestR21_SlowConnectionsAreClosed(t *testing.T) {
	s := serve(t, func(c *Config) { c.ReadTimeout, c.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond })
	for name, sent := range map[string]string{
		"one that sends nothing":                "",
		"one that stops in its header":          "GET /things/ HTTP/1.1\r\nHo",
		"one that stops in its body":            "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1",
		"one that stops in a chunk":             "POST /things/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1",
		"one that says nothing more afterwards": "GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name+" is closed in time", func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			conn := s.dial(t)
			_, err := conn.Write([]byte(sent))
			require.NoError(t, err)
			require.Len(t, answers(t, conn, "GET"), 1)
			require.Less(t, time.Since(started), s.cfg.ReadTimeout+time.Second)
		})
	}
	t.Run("one that trickles is closed in time", func(t *testing.T) {
		t.Parallel()
		started := time.Now()
		conn := s.dial(t)
		for i := 0; ; i++ {
			if _, err := conn.Write([]byte("GET /things/ HTTP/1.1\r\nHost: a\r\nX-A: "[i%10 : i%10+1])); err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
			require.Less(t, time.Since(started), s.cfg.ReadTimeout+time.Second)
		}
	})
}

// from is a connection whose peer has that address.
type from struct {
	net.Conn
	address net.Addr
}

// RemoteAddr implements net.Conn.
func (f from) RemoteAddr() net.Addr { return f.address }

// arrival is what a listener accepts next.
func arrival(t *testing.T, l *limitListener, address string) *countedConn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	return l.admit(from{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1))})
}

// isOpen tells whether the server has the connection still.
func (l *limitListener) isOpen(c *countedConn) bool {
	_, open := l.open[c]
	return open
}

func TestAFullServerClosesWhatWaitsLongest(t *testing.T) {
	t.Parallel()
	const attacker, bystander, proxy = "192.0.2.1", "198.51.100.1", "10.0.0.1"
	t.Run("of the network that has most", func(t *testing.T) {
		l := &limitListener{limit: 6}
		others := arrival(t, l, bystander) // has waited longest
		var all []*countedConn
		for range 5 {
			all = append(all, arrival(t, l, attacker))
		}
		busy := all[0]
		require.True(t, busy.begin())
		newcomer := arrival(t, l, bystander)
		require.NotNil(t, newcomer)
		require.True(t, l.isOpen(others) && l.isOpen(busy) && l.isOpen(all[2]))
		require.False(t, l.isOpen(all[1]))
		require.False(t, all[1].begin(), "what arrived meanwhile is not worked on")
		_, err := all[1].Conn.Write([]byte("x"))
		require.Error(t, err)
		connState(busy, fasthttp.StateIdle)
		require.True(t, busy.begin(), "it waits again, from now on")
	})
	t.Run("of its own network, if that has most: whoever is alone may have all", func(t *testing.T) {
		l := &limitListener{limit: 3}
		first, second := arrival(t, l, attacker), arrival(t, l, attacker)
		others := arrival(t, l, bystander)
		require.NotNil(t, arrival(t, l, "192.0.2.9"))
		require.False(t, l.isOpen(first))
		require.True(t, l.isOpen(second) && l.isOpen(others))
		require.True(t, second.begin())
		for c := range l.open {
			c.begin()
		}
		connState(others, fasthttp.StateIdle)
		require.Nil(t, arrival(t, l, attacker), "others do not make room for it")
	})
	t.Run("of a trusted proxy last", func(t *testing.T) {
		l := &limitListener{limit: 4, trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		first := arrival(t, l, proxy)
		for range 2 {
			arrival(t, l, proxy)
		}
		direct := arrival(t, l, attacker)
		require.NotNil(t, arrival(t, l, proxy))
		require.False(t, l.isOpen(direct))
		require.True(t, l.isOpen(first))
		require.NotNil(t, arrival(t, l, bystander))
		require.False(t, l.isOpen(first))
	})
}

// One network holds as many connections as there may be, and opens more all the time; others are served.
func TestIdleConnectionsOfANetworkKeepNobodyOut(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *Config) { c.Connections = 64 })
	for range 300 {
		conn := s.dial(t)
		_, err := conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err, "the newest is always served")
	}
	require.LessOrEqual(t, s.listener.count(), 64)
	require.Len(t, s.logged.FilterMessageSnippet("http_connections").All(), 1)
}

// A connection whose client does not read its answer is closed when another caller waits for the memory.
func TestAnAnswerThatIsKeptMakesRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := newShares(Config{HandlerTimeout: time.Second}).memory
		l := &limitListener{limit: 1}
		conn := arrival(t, l, "192.0.2.1")
		require.True(t, conn.begin())
		lease, err := memory.Lease(t.Context(), admission.By(netip.MustParseAddr("192.0.2.1"), ""), memoryBytes)
		require.NoError(t, err)
		conn.keep(lease)
		written := make(chan error, 1)
		go func() { // as fasthttp does
			_, err := conn.Write([]byte("nobody reads this"))
			_ = conn.Close()
			written <- err
		}()
		other, err := memory.Lease(t.Context(), admission.By(netip.MustParseAddr("198.51.100.1"), ""), 1)
		require.NoError(t, err)
		other.Release()
		require.Error(t, <-written)
		require.False(t, l.isOpen(conn))
		used, _ := memory.Load()
		require.Zero(t, used)
	})
}

// exhausted is a listener that once has no file descriptor left.
type exhausted struct {
	net.Listener
	failed bool
}

// Accept implements net.Listener.
func (l *exhausted) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestALackOfFileDescriptorsPasses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	limited := &limitListener{Listener: &exhausted{Listener: ln}, limit: 1}
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	accepted, err := limited.Accept()
	require.NoError(t, err)
	require.NoError(t, accepted.Close())
	require.NoError(t, ln.Close())
	_, err = limited.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
