//go:build unix && !aix && !solaris

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

func start(primary string, settings ...string) (*server, error) {
	bin, err := binaries(debian)
	if err != nil {
		return nil, err
	}
	return launch(bin, primary, settings...)
}

// launch starts a server from the binaries in bin and returns when it accepts connections. If primary is not empty, the
// server is a replica of the one in that folder.
func launch(bin, primary string, settings ...string) (*server, error) {
	attr, err := attributes()
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(attr)
	if err != nil {
		return nil, err
	}
	defer folder.Close() // the supervisor keeps its lock
	sweep(filepath.Dir(folder.Name()))

	s, err := newSupervisor(bin, primary, folder, attr, settings)
	if err != nil {
		return nil, errors.Join(err, os.Remove(folder.Name()))
	}
	address := "postgres://app@/postgres?" + url.Values{
		"host": {folder.Name()}, "port": {"5432"}, "sslmode": {"disable"},
	}.Encode()
	if err := s.await(address); err != nil {
		return nil, fmt.Errorf("start PostgreSQL from %s: %w", bin, err)
	}
	return &server{url: address, folder: folder.Name(), stop: s.stop, toggle: s.toggle}, nil
}

// attributes returns the attributes of the server's processes: their own session, so that Ctrl-C does not reach them,
// and an unprivileged user if the tests run as root, which PostgreSQL rejects.
func attributes() (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{Setsid: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		var who syscall.Credential
		if _, err := fmt.Sscan(account.Uid+" "+account.Gid, &who.Uid, &who.Gid); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.SysProcAttr{Setsid: true, Credential: &who}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and neither user postgres nor user nobody exists")
}

// ping returns nil if the server completes a handshake. A starting server already accepts connections.
func ping(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return connection.Close(ctx)
}
