package postgres

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	connectTimeout = time.Second            // for all servers of an address together
	minTimeout     = 200 * time.Millisecond // for each server
)

// servers returns the host:port, or the folder of the socket, of each server of conn, in the order of the connection
// attempts.
func servers(conn *pgx.ConnConfig) []string {
	found := []string{server(conn.Host, conn.Port)}
	for _, next := range conn.Fallbacks { // a server that is tried with and without TLS is listed twice
		if address := server(next.Host, next.Port); address != found[len(found)-1] {
			found = append(found, address)
		}
	}
	return found
}

func server(host string, port uint16) string {
	if strings.HasPrefix(host, "/") {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Describe returns the names of the database and of every server in the URL, without the user and the password. Errors:
// an invalid URL; the error may quote the password.
func Describe(url string) (string, error) {
	conn, err := pgx.ParseConfig(url)
	if err != nil {
		return "", err
	}
	preposition := "at"
	if strings.HasPrefix(conn.Host, "/") {
		preposition = "in"
	}
	return conn.Database + " " + preposition + " " + strings.Join(servers(conn), ", "), nil
}

// serverTimeout returns the connect timeout for each of n servers. A server that is switched off does not respond at
// all, and the next servers must be reached within the time limit of a request (http_handler_timeout).
func serverTimeout(n int) time.Duration { return max(connectTimeout/time.Duration(n), minTimeout) }
