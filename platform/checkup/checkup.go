// Package checkup defines the findings that packages report to `healthcare doctor`.
package checkup

import (
	"fmt"
	"strings"
)

// State is the severity of a finding.
type State string

// The states. A failure prevents the service from working as documented; a warning does not affect it yet.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// Finding is one line of a report. It holds no secret and no patient data.
type Finding struct {
	State   State
	Subject string
	Text    string
}

// NewFinding returns a finding with a formatted text. Line feeds in the arguments become spaces.
func NewFinding(state State, subject, format string, args ...any) Finding {
	return Finding{state, subject, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")}
}
