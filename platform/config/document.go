package config

import (
	"strings"

	"healthcare/configs"
)

// Key is the documentation of a key in configs/default.yaml.
type Key struct {
	Name    string
	Default string // as written in the file; "" if the key is empty
	Text    string // the comment before the key or at the end of its line
}

// Variable returns the environment variable of the key.
func (k Key) Variable() string { return strings.ToUpper(k.Name) }

// Summary returns the first sentence of the key's text, without its period.
func (k Key) Summary() string {
	first, _, _ := strings.Cut(k.Text, ". ")
	return strings.TrimSuffix(first, ".")
}

// Keys returns every key, in the order of configs/default.yaml.
func Keys() []Key {
	var keys []Key
	var comment []string
	for line := range strings.Lines(string(configs.Default)) {
		line = strings.TrimSpace(line)
		if text, isComment := strings.CutPrefix(line, "#"); isComment {
			if comment = append(comment, strings.TrimSpace(text)); strings.HasPrefix(text, " ---") {
				comment = nil // the heading of a section
			}
			continue
		}
		if line == "" {
			comment = nil
			continue
		}
		name, rest, _ := strings.Cut(line, ":")
		value, text, _ := strings.Cut(rest, " #")
		if text = strings.TrimSpace(text); text != "" {
			comment = append(comment, text)
		}
		if value = strings.TrimSpace(value); value == `""` || value == "[]" {
			value = ""
		}
		keys = append(keys, Key{Name: name, Default: value, Text: strings.Join(comment, " ")})
		comment = nil
	}
	return keys
}
