package domain

import (
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
