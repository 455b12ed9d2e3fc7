package database_test

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// fakeServer returns the address of a server that speaks enough PostgreSQL to refuse connections: each one with the next of the given
// SQLSTATEs, after it asked for the password, and all further ones with the last. An empty one accepts.
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
	for server.Flush() == nil { // every question is the empty one that a ping asks
		question, err := server.Receive()
		if _, leaving := question.(*pgproto3.Terminate); err != nil || leaving {
			return
		}
		server.Send(&pgproto3.EmptyQueryResponse{})
		server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}
