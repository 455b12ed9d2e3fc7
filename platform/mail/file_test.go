package mail_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/clock"
	"healthcare/platform/mail"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data", "mail")
	core, logged := observer.New(zap.DebugLevel)
	sender, err := mail.NewSender(mail.Config{Folder: folder}, clock.New(), zap.New(core))
	require.NoError(t, err)
	m := newMessage()
	require.NoError(t, sender.Send(t.Context(), m))
	path := filepath.Join(folder, m.ID.String()+".eml")

	t.Run("are readable by their owner only", func(t *testing.T) {
		for name, mode := range map[string]os.FileMode{folder: 0o700 | os.ModeDir, path: 0o600} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), name)
		}
	})
	t.Run("are logged with the id only", func(t *testing.T) {
		require.Equal(t, 1, logged.Len())
		require.Equal(t, map[string]any{"id": m.ID.String()}, logged.All()[0].ContextMap())
		requireNoCanary(t, logged.All()[0].Message)
	})
	t.Run("are overwritten when a message is sent again", func(t *testing.T) {
		require.NoError(t, os.WriteFile(path, []byte("former"), 0o600))
		require.NoError(t, sender.Send(t.Context(), m))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(content), canaryText)
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1, "no temporary file stays")
	})
	t.Run("are not written after the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		requireFailure(t, sender.Send(ctx, newMessage()), mail.Channel, mail.StepFile, mail.CodeCancelled)
	})
	t.Run("that cannot be written are a failure of the channel", func(t *testing.T) {
		blocked := filepath.Join(t.TempDir(), "mail")
		require.NoError(t, os.WriteFile(blocked, nil, 0o600))
		sender := newSender(t, mail.Config{Folder: blocked})
		err := sender.Send(t.Context(), newMessage())
		requireFailure(t, err, mail.Channel, mail.StepFile, syscall.ENOTDIR.Error())

		folder := t.TempDir()
		m := newMessage()
		require.NoError(t, os.Mkdir(mail.FilePath(folder, m.ID), 0o700))
		err = newSender(t, mail.Config{Folder: folder}).Send(t.Context(), m)
		require.Error(t, err)
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1, "no temporary file stays")
	})
}

func TestOldFilesAreRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	sender := newSender(t, mail.Config{Folder: folder})
	old, recent := newMessage(), newMessage()
	require.NoError(t, sender.Send(t.Context(), old))
	require.NoError(t, sender.Send(t.Context(), recent))
	other := filepath.Join(folder, "notes.txt")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	for path, age := range map[string]int{
		mail.FilePath(folder, old.ID): 31, mail.FilePath(folder, recent.ID): 29, other: 31,
	} {
		written := time.Now().AddDate(0, 0, -age)
		require.NoError(t, os.Chtimes(path, written, written))
	}
	sender.Close()
	require.NoFileExists(t, mail.FilePath(folder, old.ID))
	require.FileExists(t, mail.FilePath(folder, recent.ID))
	require.FileExists(t, other)
}

func TestLogDestination(t *testing.T) {
	t.Parallel()
	core, logged := observer.New(zap.DebugLevel)
	mail.LogDestination(mail.Config{URL: "smtp://" + user + ":" + password + "@mail.clinic.example"}, zap.New(core))
	require.Zero(t, logged.Len())
	mail.LogDestination(mail.Config{Folder: "data/mail"}, zap.New(core))
	require.Equal(t, 1, logged.Len())
	require.Equal(t, map[string]any{"folder": "data/mail"}, logged.All()[0].ContextMap())
}
