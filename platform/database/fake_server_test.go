package database_test

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// fakeServer returns the address of a server that implements enough of PostgreSQL's protocol to authenticate clients.
// It rejects each connection with the next of the SQLSTATEs, and further ones with the last. An empty one accepts.
func fakeServer(t *testing.T, sqlstates ...string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serve(connection, sqlstates[min(n, len(sqlstates)-1)])
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func serve(connection net.Conn, sqlstate string) {
	defer connection.Close()
	server := pgproto3.NewBackend(connection, connection)
	if _, err := server.ReceiveStartupMessage(); err != nil {
		return
	}
	server.Send(&pgproto3.AuthenticationCleartextPassword{})
	if server.Flush() != nil || server.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	if _, err := server.Receive(); err != nil {
		return
	}
	if sqlstate != "" {
		server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: sqlstate, Message: "refused"})
		_ = server.Flush()
		return
	}
	server.Send(&pgproto3.AuthenticationOk{})
	server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for server.Flush() == nil { // every query is the empty query of a ping
		message, err := server.Receive()
		if _, terminated := message.(*pgproto3.Terminate); err != nil || terminated {
			return
		}
		server.Send(&pgproto3.EmptyQueryResponse{})
		server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}
