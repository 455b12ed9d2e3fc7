// Package checkpoints keeps signed checkpoints in a file of their own, and writes each to the log, from where it leaves the machine.
package checkpoints

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/logging"
)

// New is the file that cfg names. It is made with mode 0600 when the first checkpoint is kept.
func New(cfg audit.Config, log *zap.Logger) ports.Checkpoints {
	return &file{path: cfg.Checkpoints, log: log}
}

type file struct {
	path     string
	log      *zap.Logger
	reported string // what the operator was told last
}

// Keep writes the whole line at once, so that two processes that share the file do not mix theirs.
func (f *file) Keep(line []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own configuration
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		f.reported = ""
		f.log.Info("audit checkpoint", zap.ByteString("checkpoint", line), logging.NeverDrop())
	}
	return err
}

func (f *file) Open(path string) (io.ReadCloser, error) {
	own := path == ""
	if own {
		path = f.path
	}
	file, err := os.Open(path) // #nosec G304 -- the operator's own configuration, or command line
	if own && errors.Is(err, os.ErrNotExist) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return asItIs{io.LimitReader(file, info.Size()), file}, nil
}

// asItIs is a file up to where it ended.
type asItIs struct {
	io.Reader
	io.Closer
}

// Report says once what lasts.
func (f *file) Report(err error) {
	if f.reported == err.Error() {
		return
	}
	f.reported = err.Error()
	message := "the audit trail cannot be looked after; it is tried again"
	if _, tampered := errors.AsType[*domain.Flaw](err); tampered {
		message = "the audit trail is not what its checkpoint knows"
	}
	f.log.Error(message, zap.Error(err))
}
