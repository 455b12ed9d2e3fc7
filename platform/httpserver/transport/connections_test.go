package transport

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
)

// from is a connection with a fixed remote address.
type from struct {
	net.Conn
	address net.Addr
}

// RemoteAddr implements net.Conn.
func (f from) RemoteAddr() net.Addr { return f.address }

// arrival accepts a connection from address.
func arrival(t *testing.T, l *Listener, address string) *Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	return l.admit(from{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1))})
}

// isOpen reports whether the listener counts the connection as open.
func (l *Listener) isOpen(c *Conn) bool {
	_, open := l.open[c]
	return open
}

func TestAFullServerClosesWhatWaitsLongest(t *testing.T) {
	t.Parallel()
	const attacker, bystander, proxy = "192.0.2.1", "198.51.100.1", "10.0.0.1"
	t.Run("of the network with most connections", func(t *testing.T) {
		l := &Listener{Limit: 6}
		others := arrival(t, l, bystander) // has waited longest
		var all []*Conn
		for range 5 {
			all = append(all, arrival(t, l, attacker))
		}
		busy := all[0]
		require.True(t, busy.Begin())
		newcomer := arrival(t, l, bystander)
		require.NotNil(t, newcomer)
		require.True(t, l.isOpen(others) && l.isOpen(busy) && l.isOpen(all[2]))
		require.False(t, l.isOpen(all[1]))
		require.False(t, all[1].Begin(), "a request on a closed connection is not run")
		_, err := all[1].Conn.Write([]byte("x"))
		require.Error(t, err)
		ConnState(busy, fasthttp.StateIdle)
		require.True(t, busy.Begin(), "it waits again")
	})
	t.Run("of its own network, if that has most: a single network may have all", func(t *testing.T) {
		l := &Listener{Limit: 3}
		first, second := arrival(t, l, attacker), arrival(t, l, attacker)
		others := arrival(t, l, bystander)
		require.NotNil(t, arrival(t, l, "192.0.2.9"))
		require.False(t, l.isOpen(first))
		require.True(t, l.isOpen(second) && l.isOpen(others))
		require.True(t, second.Begin())
		for c := range l.open {
			c.Begin()
		}
		ConnState(others, fasthttp.StateIdle)
		require.Nil(t, arrival(t, l, attacker), "connections of other networks are not closed for it")
	})
	t.Run("of a trusted proxy last", func(t *testing.T) {
		l := &Listener{Limit: 4, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
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

// A connection whose client does not read its answer is closed when another caller waits for the memory.
func TestAHeldResponseMakesRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const memoryBytes = 16 << 20
		memory := admission.NewResource(admission.Bounds{Capacity: memoryBytes, Waiting: 1, Wait: time.Second})
		l := &Listener{Limit: 1}
		conn := arrival(t, l, "192.0.2.1")
		require.True(t, conn.Begin())
		lease, err := memory.Lease(t.Context(), admission.NewCaller(netip.MustParseAddr("192.0.2.1"), ""), memoryBytes)
		require.NoError(t, err)
		conn.HoldLease(lease)
		written := make(chan error, 1)
		go func() { // as fasthttp does
			_, err := conn.Write([]byte("nobody reads this"))
			_ = conn.Close()
			written <- err
		}()
		other, err := memory.Lease(t.Context(), admission.NewCaller(netip.MustParseAddr("198.51.100.1"), ""), 1)
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
	limited := &Listener{Listener: &exhausted{Listener: ln}, Limit: 1}
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
