package composition

import (
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"go.uber.org/fx"
)

// headroom is garbage that may lie about before it is collected, in bytes, beside as much again as is in use (GOGC=100). What the program keeps
// is a few MiB, so without it the collector would run after as few MiB of answers, and twice in each sign-in, whose hash needs 19 MiB at once.
const headroom = 16 << 20

// spacious makes the collector count headroom as in use: nothing writes to it, so that it takes addresses and no
// memory. Memory that only the start needed is returned first, once in a process: tests start hundreds of times. The
// collector works harder as the memory comes near to what the control group allows.
func spacious(lc fx.Lifecycle) {
	var never []byte
	lc.Append(fx.StartStopHook(
		func() {
			if limit, ok := memoryLimit("/"); ok && os.Getenv("GOMEMLIMIT") == "" {
				// the runtime counts headroom too; a tenth is for memory that is not Go's
				debug.SetMemoryLimit(limit/10*9 + headroom)
			}
			giveBack()
			never = make([]byte, headroom)
		},
		func() { runtime.KeepAlive(never) },
	))
}

var giveBack = sync.OnceFunc(debug.FreeOSMemory)

// memoryLimit returns the least memory limit, in bytes, of the control groups that the process is in (cgroups(7),
// version 2 and 1).
func memoryLimit(root string) (limit int64, limited bool) {
	groups, err := os.ReadFile(path.Join(root, "proc/self/cgroup")) // #nosec G304 -- the kernel's
	if err != nil {
		return 0, false
	}
	limit = math.MaxInt64
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		if len(parts) < 3 {
			continue
		}
		folder, file := "sys/fs/cgroup", "memory.max"
		if parts[1] != "" {
			folder, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		if parts[1] != "" && !strings.Contains(","+parts[1]+",", ",memory,") {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) { // a container may see its own group as the root
			if own, ok := bytesIn(path.Join(root, folder, group, file)); ok {
				limit = min(limit, own)
			}
			if group == "/" {
				break
			}
		}
	}
	const unlimited = 1 << 60 // version 1 says so with a number
	return limit, limit < unlimited
}

// bytesIn reads a file that holds a number of bytes, or the word max.
func bytesIn(file string) (bytes int64, ok bool) {
	text, err := os.ReadFile(file) // #nosec G304 -- the kernel's
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return bytes, err == nil && bytes > 0
}
