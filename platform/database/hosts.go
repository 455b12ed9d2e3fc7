package database

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	connectTimeout = time.Second            // for all servers of a list together
	shortestTry    = 200 * time.Millisecond // for one of them
)

// servers returns the host:port, or the socket's folder, of each server that conn may reach, in the order of the attempts.
func servers(conn *pgx.ConnConfig) []string {
	found := []string{server(conn.Host, conn.Port)}
	for _, next := range conn.Fallbacks { // a server that may be asked with and without TLS is there twice
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

// describe returns the names of the database and of every server that conn may reach, without the user and the password.
func describe(conn *pgx.ConnConfig) string {
	preposition := "at"
	if strings.HasPrefix(conn.Host, "/") {
		preposition = "in"
	}
	return conn.Database + " " + preposition + " " + strings.Join(servers(conn), ", ")
}

// tryFor returns how long to try each of n servers. A server that was switched off answers nothing at all, and those behind it in the list must be
// reached within the time that a request has (http_handler_timeout).
func tryFor(n int) time.Duration { return max(connectTimeout/time.Duration(n), shortestTry) }
