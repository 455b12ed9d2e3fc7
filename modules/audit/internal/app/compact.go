package app

import (
	"bytes"
	"fmt"
	"time"

	"healthcare/modules/audit/internal/domain"
)

// CompactCheckpoints removes all checkpoints of the file but the last of each day (UTC) and chain, and returns the
// numbers of those that remain and of all. A checkpoint covers everything before it, so they prove as much.
// Errors: domain.ErrNoCheckpoint with the number of the line; those of the file.
func (m *Maintenance) CompactCheckpoints() (kept, all int, err error) {
	file, err := m.checkpoints.Open("")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }()
	var lines [][]byte
	var size int64
	last := map[int]dayLine{}
	scanned := scanner(file, longestCheckpoint)
	for n := 1; scanned.Scan(); n++ {
		size += int64(len(scanned.Bytes())) + 1
		line, _ := domain.WholeLine(scanned.Bytes())
		if line == nil {
			continue
		}
		c, err := m.keys.Checkpoint(line)
		if err != nil {
			return 0, 0, fmt.Errorf("checkpoints, line %d: %w", n, err)
		}
		all++
		day := c.Time.Format(time.DateOnly)
		if before, known := last[c.Chain]; known && before.day == day {
			lines[before.index] = bytes.Clone(line) // in its place: the order within a chain is that of time
			continue
		}
		last[c.Chain] = dayLine{day, len(lines)}
		lines = append(lines, bytes.Clone(line))
	}
	if err := scanned.Err(); err != nil || len(lines) == all {
		return len(lines), all, err
	}
	return len(lines), all, m.checkpoints.Replace(lines, size)
}

// dayLine is the place of the last line of a day.
type dayLine struct {
	day   string
	index int
}
