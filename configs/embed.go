// Package configs embeds the default configuration.
package configs

import _ "embed" // for Default

// Default is default.yaml: every key with its default and its meaning.
//
//go:embed default.yaml
var Default []byte
