// Command healthcare is the whole service in one binary: the server, its migrations and its health check.
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

// Exit codes; the last two are those of sysexits.h.
const (
	exitFailure = 1
	exitHung    = 70 // EX_SOFTWARE: something did not stop in time, and was ended with the process
	exitConfig  = 78 // EX_CONFIG: the configuration, or the store that it names, cannot be used
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go stopOnSignal(stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// stopOnSignal calls stop at the first signal and ends the process at the second: the operator insists. A SIGHUP never counts as the second, because
// a terminal that closes and systemd's SendSIGHUP send it beside another one.
func stopOnSignal(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored, and means that
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

// run executes the command line and gives the exit code. What went wrong is one line on standard error.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	complain(strings.Join(strings.Fields(err.Error()), " ")) // a driver's cause has several lines
	_, wrong := errors.AsType[*config.Error](err)
	_, unusable := errors.AsType[*database.UnusableError](err)
	if wrong || unusable {
		return exitConfig
	}
	return exitFailure
}

// complain writes one line to standard error.
func complain(message string) { announce(os.Stderr, "healthcare: %s\n", message) }

// announce waits a second at most for somebody to read what it writes.
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
