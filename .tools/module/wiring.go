package main

import (
	"fmt"
	"os"
	"strings"
)

// edit adds text to an existing file, after the last line that begins with anchor.
type edit []struct{ anchor, added string }

// edits returns the changes outside of the new module, by file.
func edits(plural string) map[string]edit {
	return map[string]edit{
		"migrations/embed.go": {
			{"\t\t\"", fmt.Sprintf("\t\t%q,\n", plural)},
		},
		"cmd/internal/composition/app.go": {
			{"\t\"healthcare/modules/", fmt.Sprintf("\t\"healthcare/modules/%[1]s/%[1]sfx\"\n", plural)},
			{"\t{auditfx.Module,", fmt.Sprintf("\t{%[1]sfx.Module, %[1]sfx.Document},\n", plural)},
		},
		"README.md": {
			{"| audit | ", fmt.Sprintf("| %[1]s | `%[1]s` | `patients` | - | `patients.Deleted` |\n", plural)},
		},
	}
}

// apply makes the edit. Errors: an anchor that the file no longer has.
func (e edit) apply(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(content), "\n")
	for _, part := range e {
		last := -1
		for i, line := range lines {
			if strings.HasPrefix(line, part.anchor) {
				last = i
			}
		}
		if last < 0 {
			return fmt.Errorf("no line begins with %q, so add this by hand: %s", part.anchor, part.added)
		}
		lines[last] += part.added
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644)
}
