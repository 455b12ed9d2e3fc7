// Command healthcare is the whole service in one binary: the server, its migrations and its health check.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"healthcare/platform/config"
)

// Exit codes (sysexits.h for the second).
const (
	exitFailure = 1
	exitConfig  = 78 // EX_CONFIG: the configuration cannot be used
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes the command line and gives the exit code. What went wrong is one line on standard error.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "healthcare: %v\n", err)
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return exitConfig
	}
	return exitFailure
}
