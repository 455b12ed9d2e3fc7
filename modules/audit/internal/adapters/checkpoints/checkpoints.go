// Package checkpoints appends signed checkpoints to a file, and logs each, so that the log has a copy elsewhere.
package checkpoints

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/logging"
)

// New returns Checkpoints in the file that cfg names. The first Append creates the file with mode 0600.
func New(cfg audit.Config, log *zap.Logger) ports.Checkpoints {
	return &file{path: cfg.Checkpoints, log: log}
}

type file struct {
	path string
	log  *zap.Logger

	mu       sync.Mutex
	reported string // the error that was logged last
}

// Append writes the line with one call, so that two processes that share the file do not mix their lines. If the last
// line is torn, because a process was killed while it wrote it, the line begins after a newline.
func (f *file) Append(line []byte) error {
	err := f.write(line)
	if err == nil {
		f.mu.Lock()
		f.reported = ""
		f.mu.Unlock()
		f.log.Info("audit checkpoint", zap.ByteString("checkpoint", line), logging.NeverDrop())
	}
	return err
}

func (f *file) write(line []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	// #nosec G304 -- the path is configured by the operator
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	text := append(bytes.Clone(line), '\n')
	if endsTorn(file) {
		text = append([]byte{'\n'}, text...)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// endsTorn reports whether a file does not end with a newline.
func endsTorn(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// lateWriters is the time after which no process still writes to the file that was replaced: Append opens it for each
// line.
const lateWriters = time.Second

func (f *file) Replace(lines [][]byte, size int64) error {
	old, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	replacement := f.path + ".compact"
	// #nosec G304 -- the path is configured by the operator
	file, err := os.OpenFile(replacement, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(bytes.Join(lines, []byte{'\n'}), '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(replacement, f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(replacement))
	}
	time.Sleep(lateWriters)
	late, err := io.ReadAll(io.NewSectionReader(old, size, math.MaxInt64-size))
	for line := range bytes.Lines(late) {
		err = errors.Join(err, f.write(bytes.TrimSuffix(line, []byte{'\n'})))
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
	return snapshot{io.LimitReader(file, info.Size()), file}, nil
}

// snapshot reads a file up to its length when it was opened.
type snapshot struct {
	io.Reader
	io.Closer
}

// Report logs err. It does not log the same error again until Append succeeds.
func (f *file) Report(err error) {
	f.mu.Lock()
	repeated := f.reported == err.Error()
	f.reported = err.Error()
	f.mu.Unlock()
	if repeated {
		return
	}
	message := "maintenance of the audit trail failed and will be retried"
	if _, tampered := errors.AsType[*domain.Flaw](err); tampered {
		message = "the audit trail does not match its checkpoint"
	}
	if _, examine := errors.AsType[*domain.Alarm](err); examine {
		message = "the audit trail needs attention"
	}
	f.log.Error(message, zap.Error(err))
}
