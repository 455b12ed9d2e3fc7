package logging_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/logging"
)

// logged returns the lines that a logger of this configuration writes to standard error.
func logged(t *testing.T, cfg logging.Config, write func(log *zap.Logger)) []string {
	t.Helper()
	return written(t, func() {
		log, _, err := logging.New(cfg)
		require.NoError(t, err)
		write(log)
		require.NoError(t, log.Sync())
	})
}

// written returns the lines that do writes to standard error.
func written(t *testing.T, do func()) []string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	real := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = real }()
	do()
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	if len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

func levels(log *zap.Logger) {
	log.Debug("a")
	log.Info("b")
	log.Warn("c")
	log.Error("d")
}

func TestEveryLineIsOneJSONObject(t *testing.T) {
	lines := logged(t, logging.Config{Level: "info"}, func(log *zap.Logger) {
		log.Info(
			"request", zap.String("route", "/api/patients/{id}\nforged"),
			logging.Milliseconds("took_ms", 1500250*time.Microsecond),
		)
		log.Error("request", zap.Error(errors.New("two\nlines")))
	})
	require.Len(t, lines, 2, "no stack trace, and a line feed in a value does not start a line")
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.Equal(t, "info", line["level"])
	require.Equal(t, "request", line["msg"])
	require.InDelta(t, 1500.25, line["took_ms"], 0, "a number whose name has its unit")
	require.NotContains(t, line, "caller")
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &line))
	require.Equal(t, "two\nlines", line["error"])
}

func TestLevel(t *testing.T) {
	for level, count := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		t.Run(level+" is the lowest level that is logged", func(t *testing.T) {
			require.Len(t, logged(t, logging.Config{Level: level}, levels), count)
		})
	}
	t.Run("rejects an unknown level", func(t *testing.T) {
		_, _, err := logging.New(logging.Config{Level: "loud"})
		require.ErrorContains(t, err, "log level")
	})
}

func TestReadable(t *testing.T) {
	lines := logged(t, logging.Config{Level: "info", Readable: true}, levels)
	require.Len(t, lines, 4, "level debug, regardless of Level")
	for _, line := range lines {
		require.False(t, json.Valid([]byte(line)), line)
	}
}

func TestLinesAreNotSampled(t *testing.T) {
	lines := logged(t, logging.Config{Level: "info"}, func(log *zap.Logger) {
		for range 1000 {
			log.Info("request")
		}
	})
	require.Len(t, lines, 1000, "one request, one line")
}
