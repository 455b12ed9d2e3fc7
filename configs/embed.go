// Package configs embeds the defaults: the one list of every configuration key.
package configs

import _ "embed" // for the defaults

// Default is default.yaml: every key, commented, with the value it has when nobody says otherwise.
//
//go:embed default.yaml
var Default []byte
