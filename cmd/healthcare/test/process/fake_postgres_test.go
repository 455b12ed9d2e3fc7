package process

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// fakePostgres is a server that is not PostgreSQL, but was taken for it.
type fakePostgres struct {
	url   string
	asked chan string // the password of the first client, or "" when it was connected to
}

// startFakePostgres answers every connection with answer; nil never answers. It ends with the test.
func startFakePostgres(t *testing.T, answer func(net.Conn) string) fakePostgres {
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
			said := ""
			if answer != nil {
				said = answer(conn)
			}
			select {
			case p.asked <- said:
			default: // one is enough
			}
		}
	}()
	return p
}

// refusePassword asks for a password, and does not like it.
func refusePassword(conn net.Conn) string {
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
	_ = server.Flush() // the client may be gone
	if password, ok := message.(*pgproto3.PasswordMessage); ok {
		return password.Password
	}
	return ""
}
