// Command healthcare is the server and its administration: migrations, users, keys, backups and checks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"healthcare/platform/config"
	"healthcare/platform/database"
)

// Exit codes. 70 and 78 are those of sysexits.h.
const (
	exitFailure = 1
	exitHung    = 70 // EX_SOFTWARE: the process did not stop in time
	exitConfig  = 78 // EX_CONFIG: the configuration or its store cannot be used
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go stopOnSignal(stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// stopOnSignal calls stop at the first signal and exits at the second. SIGHUP never counts as the second: a closing
// terminal and systemd's SendSIGHUP send it together with another signal.
func stopOnSignal(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	<-signals
	stop()
	for s := range signals {
		if s != syscall.SIGHUP {
			os.Exit(exitFailure)
		}
	}
}

// run executes the command line and returns the exit code. It writes an error as one line to standard error.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	printError(strings.Join(strings.Fields(err.Error()), " ")) // a driver's error can have several lines
	_, invalid := errors.AsType[*config.Error](err)
	_, unusable := errors.AsType[*database.UnusableError](err)
	if invalid || unusable {
		return exitConfig
	}
	return exitFailure
}

// printError writes one line to standard error.
func printError(message string) { announce(os.Stderr, "healthcare: %s\n", message) }

// announce writes a line. It waits at most one second for the reader of to.
func announce(to io.Writer, format string, args ...any) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = fmt.Fprintf(to, format, args...)
	}()
	select {
	case <-written:
	case <-time.After(time.Second):
	}
}
