// Package checkup holds the form in which each part of the program reports its state to `healthcare doctor`. What is looked at is decided where it is known.
package checkup

import (
	"fmt"
	"strings"
)

// State says how good a finding is.
type State string

// The states. A failure keeps the service from working as promised; a warning does not yet.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// Finding is one line of a report. It shows no secret and no patient.
type Finding struct {
	State   State
	Subject string
	Text    string
}

// NewFinding returns a finding on one line, whatever its arguments hold.
func NewFinding(state State, subject, format string, args ...any) Finding {
	return Finding{state, subject, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")}
}
