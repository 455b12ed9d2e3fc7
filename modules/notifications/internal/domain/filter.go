package domain

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
)

// Filter narrows a list of deliveries. The zero Filter matches all.
type Filter struct {
	State   notifications.State
	Kind    notifications.Kind
	Channel notifications.Channel

	Recipient uuid.UUID
}

var errFilter = errors.New("a state is pending, sent, dead or cancelled, and a channel mail or webhook")

// Check returns an error for an unknown state or channel.
func (f Filter) Check() error {
	states := []notifications.State{
		"", notifications.Pending, notifications.Sent, notifications.Dead, notifications.Cancelled,
	}
	channels := []notifications.Channel{"", notifications.Mail, notifications.Webhook}
	if !slices.Contains(states, f.State) || !slices.Contains(channels, f.Channel) {
		return errFilter
	}
	return nil
}

// Resending selects deliveries that are to be sent again.
type Resending struct {
	Channel notifications.Channel
	Since   string // when they were given up (RFC 3339), or later
}

var (
	errChannel = errors.New("Enter mail or webhook.")
	errSince   = errors.New("Enter a time with its offset from UTC, such as 2026-11-29T00:00:00Z.")
)

// Read returns the time of Since, and the errors of the fields.
func (r Resending) Read() (since time.Time, wrong map[string]error) {
	wrong = map[string]error{}
	if r.Channel != notifications.Mail && r.Channel != notifications.Webhook {
		wrong["channel"] = errChannel
	}
	since, err := time.Parse(time.RFC3339, r.Since)
	if year := since.UTC().Year(); err != nil || year < 1 || year > 9999 { // the years that both engines support
		wrong["since"] = errSince
	}
	return since, wrong
}
