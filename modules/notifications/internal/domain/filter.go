package domain

import (
	"errors"

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

var errChannel = errors.New("Enter mail or webhook.")

// CheckChannel returns an error for an unknown channel.
func CheckChannel(channel notifications.Channel) error {
	if channel != notifications.Mail && channel != notifications.Webhook {
		return errChannel
	}
	return nil
}
