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

// Examine returns findings about the configuration and the files in data_dir. It reads keys, but neither shows nor
// generates them.
func (c Config) Examine() []checkup.Finding {
	findings := []checkup.Finding{c.examineKeys()}
	changed, err := c.Changed()
	if err != nil {
		return append(findings, checkup.NewFinding(checkup.Fail, "config", "%v", err))
	}
	var keys []string
	for key := range changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	text := "all keys have their defaults"
	if len(keys) > 0 {
		text = "these keys differ from their defaults: " + strings.Join(keys, ", ")
	}
	findings = slices.Insert(findings, 0, checkup.NewFinding(checkup.OK, "config", "%s", text))
	misspelt, err := Misspelt()
	if err != nil {
		return append(findings, checkup.NewFinding(checkup.Fail, "config", "%v", err))
	}
	for name, intended := range misspelt {
		findings = append(
			findings, checkup.NewFinding(checkup.Warn, "config", "%s is unknown: did you mean %s?", name, intended),
		)
	}
	return append(findings, c.examineFiles()...)
}

func (c Config) examineKeys() checkup.Finding {
	if err := c.RequireKeys(); err != nil { // c is a copy
		return checkup.NewFinding(checkup.Fail, "keys", "%v", err)
	}
	return checkup.NewFinding(checkup.OK, "keys", "the secret key and the audit key exist")
}

// examineFiles returns findings about the permissions of the files in data_dir.
func (c Config) examineFiles() (findings []checkup.Finding) {
	if runtime.GOOS == "windows" {
		return nil // Windows has no permission bits
	}
	exposed, private := c.exposed()
	for _, file := range exposed {
		findings = append(findings, checkup.NewFinding(checkup.Warn, "files", "%s", file))
	}
	if len(findings) == 0 && private > 0 {
		findings = append(findings, checkup.NewFinding(checkup.OK, "files", "only the owner can use %s", c.DataDir))
	}
	return findings
}

// Exposed returns a sentence with the remedy for each file in data_dir that other accounts can access.
func (c Config) Exposed() []string {
	if runtime.GOOS == "windows" {
		return nil // Windows has no permission bits
	}
	exposed, _ := c.exposed()
	return exposed
}

// exposed returns the sentences of Exposed, and the number of files that only their owner can use.
func (c Config) exposed() (sentences []string, private int) {
	for _, path := range []string{
		c.DataDir, c.DatabasePath(), c.secretPath(), filepath.Join(c.DataDir, AuditKeyFile), c.MailFolder(),
	} {
		info, err := os.Stat(path)
		if err != nil {
			continue // other checks report missing files
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			sentences = append(
				sentences,
				fmt.Sprintf("%s is accessible to other accounts (mode %04o): chmod go= %s", path, mode, path),
			)
			continue
		}
		private++
	}
	return sentences, private
}
