package composition

import (
	"runtime"
	"runtime/debug"
	"sync"

	"go.uber.org/fx"
)

// headroom is garbage that may lie about before it is collected, in bytes, beside as much again as is in use (GOGC=100). What the program keeps
// is a few MiB, so without it the collector would run after as few MiB of answers, and twice in each sign-in, whose hash needs 19 MiB at once.
const headroom = 16 << 20

// spacious makes the collector count headroom as in use: nothing writes to it, so that it takes addresses and no memory. Memory that
// only the start needed is returned first, once in a process: tests start hundreds of times.
func spacious(lc fx.Lifecycle) {
	var never []byte
	lc.Append(fx.StartStopHook(
		func() {
			giveBack()
			never = make([]byte, headroom)
		},
		func() { runtime.KeepAlive(never) },
	))
}

var giveBack = sync.OnceFunc(debug.FreeOSMemory)
