package composition

import (
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/fx"
)

// ballast is how much heap is reserved, in bytes, so that the collector runs less often. The collector runs when the
// heap has grown by as much as is in use (GOGC=100). The program itself uses a few MiB, so without ballast the
// collector would run after a few MiB of responses, and twice in each sign-in, whose hash needs 19 MiB.
const ballast = 16 << 20

// heapBallast reserves ballast while the program serves. Nothing writes to it, so it uses addresses and no memory. It
// first returns the memory that only the start needed, once in a process, as tests start the program hundreds of times.
// The collector works harder when the memory approaches the limit of the control group.
func heapBallast(lc fx.Lifecycle) {
	var reserved []byte
	var stop func()
	lc.Append(fx.StartStopHook(
		func() {
			if limit, ok := memoryLimit("/"); ok && os.Getenv("GOMEMLIMIT") == "" {
				// the runtime counts ballast too; a tenth is for memory that is not Go's
				debug.SetMemoryLimit(limit/10*9 + ballast)
			}
			returnMemory()
			reserved = make([]byte, ballast)
			stop = returnMemoryWhenIdle()
		},
		func() {
			stop()
			runtime.KeepAlive(reserved)
		},
	))
}

// idleInterval is how long the process must be idle before it returns the memory that it needed before.
const idleInterval = 15 * time.Second

// returnMemoryWhenIdle returns memory to the system after work, until stop is called. The runtime keeps as much as the
// heap may grow to before the next collection, which includes ballast and the memory of the last hash.
func returnMemoryWhenIdle() (stop func()) {
	ticker, done := time.NewTicker(idleInterval), make(chan struct{})
	go func() {
		defer ticker.Stop()
		idle := idleness{seen: allocated()}
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			if idle.after(allocated()) {
				debug.FreeOSMemory()
			}
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}

// Bounds of idleness, in bytes that the process allocated.
const (
	maxIdle  = 2 << 20 // in an interval, by an idle process: its timers and a few requests, but no sign-in
	minSpent = 8 << 20 // since memory was returned, for which a collection is worth its time
)

// idleness decides when memory is returned.
type idleness struct{ seen, returned uint64 }

// after is called at the end of each interval with all bytes allocated so far. It reports whether to return memory now.
func (i *idleness) after(total uint64) bool {
	idle := total-i.seen <= maxIdle
	i.seen = total
	if !idle || total-i.returned < minSpent {
		return false
	}
	i.returned = total
	return true
}

// allocated returns how many bytes the process has allocated on the heap, cumulatively.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

var returnMemory = sync.OnceFunc(debug.FreeOSMemory)

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
		// a container may see its own group as the root
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if own, ok := bytesIn(path.Join(root, folder, group, file)); ok {
				limit = min(limit, own)
			}
			if group == "/" {
				break
			}
		}
	}
	const unlimited = 1 << 60 // version 1 has a number for it
	return limit, limit < unlimited
}

// bytesIn reads a file that contains a number of bytes or the word max.
func bytesIn(file string) (bytes int64, ok bool) {
	text, err := os.ReadFile(file) // #nosec G304 -- the kernel's
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return bytes, err == nil && bytes > 0
}
