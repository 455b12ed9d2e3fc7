package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
)

// Message is a message with its recipient and its content, as it is sent. It is never stored.
type Message struct {
	ID       uuid.UUID
	Kind     notifications.Kind
	To       string // the address
	Language string
	Link     string         // "": none
	When     time.Time      // of the appointment; zero unless it is to be shown
	Zone     *time.Location // of When
	Token    string         // of a password reset or a verification; "": none
	Validity time.Duration  // of the token

	Unsubscribe string // the address that ends messages of the kind; "": none
}
