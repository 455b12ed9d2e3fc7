package app

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/patients"
)

// recipient is where a message is sent.
type recipient struct {
	address     string    // "": none
	preferences uuid.UUID // whose preferences count
}

// recipient finds the address of a delivery: of an account, or of a patient without one, the address of the record.
func (c *Composer) recipient(ctx context.Context, d domain.Delivery) (recipient, error) {
	switch d.Recipient.Kind {
	case domain.User:
		return c.account(ctx, d.Recipient.ID)
	case domain.Patient, domain.Keeper:
	default:
		return recipient{}, nil
	}
	contact, err := c.patients.FindContact(ctx, patients.ID{UUID: d.Recipient.ID})
	if errors.Is(err, patients.ErrNotFound) {
		return recipient{}, nil
	}
	if err != nil {
		return recipient{}, err
	}
	if d.Recipient.Kind == domain.Keeper {
		return c.account(ctx, contact.Keeper)
	}
	if contact.Account != uuid.Nil {
		if own, err := c.account(ctx, contact.Account); err != nil || own.address != "" {
			return own, err
		}
	}
	return recipient{contact.Email, d.Recipient.ID}, nil
}

func (c *Composer) account(ctx context.Context, id uuid.UUID) (recipient, error) {
	user := identity.UserID{UUID: id}
	found, err := c.users.FindContacts(ctx, []identity.UserID{user})
	if contact, exists := found[user]; err == nil && exists && contact.Active {
		return recipient{contact.Email, id}, nil
	}
	return recipient{}, err
}
