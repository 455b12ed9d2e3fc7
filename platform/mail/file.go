package mail

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// fileSender writes messages to files, for machines without a server.
type fileSender struct {
	*composer
	folder string
	log    *zap.Logger
	pruned time.Time // when old messages were last removed
}

const (
	fileRetention = 30 * 24 * time.Hour // of written messages
	pruneInterval = time.Hour
)

func (s *fileSender) Send(ctx context.Context, m Message) error {
	l, err := s.compose(m)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &Error{Step: StepFile, Code: CodeCancelled}
	}
	if err := writeFile(s.folder, FilePath(s.folder, m.ID), l.content); err != nil {
		return newError(StepFile, err)
	}
	s.log.Info("mail written to a file", zap.Stringer("id", m.ID))
	return nil
}

// Close removes old messages, at most once an hour.
func (s *fileSender) Close() {
	now := s.clk.Now()
	if now.Sub(s.pruned) < pruneInterval {
		return
	}
	s.pruned = now
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return // there is no folder yet
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || filepath.Ext(entry.Name()) != fileSuffix || now.Sub(info.ModTime()) < fileRetention {
			continue // or another sender has removed it
		}
		if err := os.Remove(filepath.Join(s.folder, entry.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("an old message was not removed", zap.Error(newError(StepFile, err)))
		}
	}
}

// writeFile writes a file that only its owner can read. A crash leaves the former content or the new one.
func writeFile(folder, path string, content []byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a renamed file survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
