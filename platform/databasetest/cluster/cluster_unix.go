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

// launch starts a server from the binaries in bin, a replica of the one in the folder primary unless that is empty, and returns when it answers.
func launch(bin, primary string, settings ...string) (*server, error) {
	attr, err := attributes()
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(attr)
	if err != nil {
		return nil, err
	}
	defer folder.Close() // its lock lives on in the supervisor
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
	return &server{url: address, folder: folder.Name(), stop: s.stop, tell: s.tell}, nil
}

// attributes gives a process its own session, so that Ctrl-C at the tests does not reach it, and an unprivileged user
// when the tests run as root, for PostgreSQL refuses root.
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
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}

// answers also waits out the phase in which the server accepts connections only to say that it is starting up.
func answers(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return connection.Close(ctx)
}
