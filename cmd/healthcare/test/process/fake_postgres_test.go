package process

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// fakePostgres is a server at an address where PostgreSQL is expected.
type fakePostgres struct {
	url       string
	connected chan string // receives the result of serve for the first connection, or ""
}

// startFakePostgres serves every connection with serve, or does not respond if serve is nil. It stops after the test.
func startFakePostgres(t *testing.T, serve func(net.Conn) (password string)) fakePostgres {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := fakePostgres{"postgres://clinic:hunter2@" + listener.Addr().String() + "/clinic?sslmode=disable",
		make(chan string, 1)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			password := ""
			if serve != nil {
				password = serve(conn)
			}
			select {
			case p.connected <- password:
			default: // not the first connection
			}
		}
	}()
	return p
}

// rejectPassword requests a password, rejects and returns it.
func rejectPassword(conn net.Conn) string {
	defer func() { _ = conn.Close() }()
	server := pgproto3.NewBackend(conn, conn)
	if _, err := server.ReceiveStartupMessage(); err != nil {
		return ""
	}
	server.Send(&pgproto3.AuthenticationCleartextPassword{})
	if server.Flush() != nil || server.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return ""
	}
	message, err := server.Receive()
	if err != nil {
		return ""
	}
	server.Send(
		&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01",
			Message: `password authentication failed for user "clinic"`})
	_ = server.Flush() // the client may have disconnected
	if password, ok := message.(*pgproto3.PasswordMessage); ok {
		return password.Password
	}
	return ""
}
