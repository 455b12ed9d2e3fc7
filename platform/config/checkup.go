package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"healthcare/platform/checkup"
)

// Examine reports on the configuration and on the files of data_dir. It reads keys, shows none, and makes none.
func (c Config) Examine() []checkup.Finding {
	found := []checkup.Finding{c.examineKeys()}
	changed, err := c.Changed()
	if err != nil {
		return append(found, checkup.Found(checkup.Fail, "config", "%v", err))
	}
	var keys []string
	for key := range changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	text := "every key has its default"
	if len(keys) > 0 {
		text = "these keys differ from their defaults: " + strings.Join(keys, ", ")
	}
	found = slices.Insert(found, 0, checkup.Found(checkup.OK, "config", "%s", text))
	misspelt, err := Misspelt()
	if err != nil {
		return append(found, checkup.Found(checkup.Fail, "config", "%v", err))
	}
	for name, meant := range misspelt {
		found = append(found, checkup.Found(checkup.Warn, "config", "%s has no meaning: %s may be meant", name, meant))
	}
	return append(found, c.examineFiles()...)
}

func (c Config) examineKeys() checkup.Finding {
	if err := c.RequireKeys(); err != nil { // c is a copy
		return checkup.Found(checkup.Fail, "keys", "%v", err)
	}
	return checkup.Found(checkup.OK, "keys", "there is a secret key and an audit key")
}

// examineFiles reports the files of data_dir that others than their owner can read or change.
func (c Config) examineFiles() (found []checkup.Finding) {
	if runtime.GOOS == "windows" {
		return nil // whose permissions are not these
	}
	exposed, private := c.exposed()
	for _, file := range exposed {
		found = append(found, checkup.Found(checkup.Warn, "files", "%s", file))
	}
	if len(found) == 0 && private > 0 {
		found = append(found, checkup.Found(checkup.OK, "files", "what %s holds is its owner's alone", c.DataDir))
	}
	return found
}

// Exposed returns a sentence for each file of data_dir that others than its owner can read or change, and how to end
// that.
func (c Config) Exposed() []string {
	if runtime.GOOS == "windows" {
		return nil // whose permissions are not these
	}
	exposed, _ := c.exposed()
	return exposed
}

// exposed is Exposed, with the number of files that are their owner's alone.
func (c Config) exposed() (sentences []string, private int) {
	for _, path := range []string{c.DataDir, c.DatabasePath(), c.secretPath(), filepath.Join(c.DataDir, AuditKeyFile)} {
		info, err := os.Stat(path)
		if err != nil {
			continue // others report what is missing
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			sentences = append(sentences, fmt.Sprintf("%s can be used by others (mode %04o): chmod go= %s", path, mode, path))
			continue
		}
		private++
	}
	return sentences, private
}
