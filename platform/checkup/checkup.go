// Package checkup defines the findings that packages report to `healthcare doctor`.
package checkup

import (
	"fmt"
	"strings"
)

// State is the severity of a finding.
type State string

// The states. With a failure the service does not work as documented; a warning does not affect it yet.
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

// NewFinding returns a finding whose text is one line, even if the arguments have line feeds.
func NewFinding(state State, subject, format string, args ...any) Finding {
	return Finding{state, subject, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")}
}
