package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc/PID/stat, as USER_HZ defines it for every architecture that Go supports.
const tick = time.Second / 100

// processTimes has what /proc/PID/stat contains about one process.
type processTimes struct {
	parent int
	used   time.Duration // by itself and by children that it has waited for
}

// TreeStats returns the processor time and the resident memory of a process and its descendants, which any program may
// have started. Errors: no such process, or a system without /proc.
func TreeStats(pid int) (total Stats, err error) {
	all, err := processes()
	if err != nil {
		return total, err
	}
	if _, found := all[pid]; !found {
		return total, fmt.Errorf("there is no process %d in /proc", pid)
	}
	for id := range all {
		if descends(all, id, pid) {
			total.CPU += all[id].used
			total.Resident += resident(id)
		}
	}
	return total, nil
}

// processes returns all processes by their ids.
func processes() (map[int]processTimes, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(map[int]processTimes, len(files))
	for _, file := range files {
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(file) // #nosec G304 -- of /proc
		if err != nil {
			continue // it has ended
		}
		if times, ok := parseStat(string(text)); ok {
			all[id] = times
		}
	}
	return all, nil
}

// parseStat reads a line of /proc/PID/stat (proc(5)). The name of the program may contain spaces and parentheses.
func parseStat(text string) (p processTimes, ok bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return p, false
	}
	p.parent, _ = strconv.Atoi(fields[1]) // 0 if it is not a number
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, false
		}
		p.used += time.Duration(ticks) * tick
	}
	return p, true
}

// descends reports whether a process is ancestor itself or one of its descendants.
func descends(all map[int]processTimes, id, ancestor int) bool {
	for range len(all) { // a process that ends meanwhile cannot cause an endless loop
		if id == ancestor {
			return true
		}
		p, found := all[id]
		if !found {
			return false
		}
		id = p.parent
	}
	return false
}
