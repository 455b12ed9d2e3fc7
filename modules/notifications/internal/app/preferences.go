package app

import (
	"context"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// Preferences implements the use cases of recipients.
type Preferences struct {
	preferences ports.Preferences
	links       ports.Links
	clock       clock.Clock
}

// NewPreferences returns Preferences.
func NewPreferences(preferences ports.Preferences, links ports.Links, clk clock.Clock) *Preferences {
	return &Preferences{preferences, links, clk}
}

// Find returns the user's preferences. Errors: none.
func (s *Preferences) Find(ctx context.Context, who auth.Principal) (domain.Preferences, error) {
	return s.preferences.Find(ctx, who.UserID)
}

// Change changes the user's preferences. Errors: errs.Invalid, errs.Precondition for another version than expected.
func (s *Preferences) Change(
	ctx context.Context, who auth.Principal, expected revision.Match, changes domain.Changes,
) (domain.Preferences, error) {
	if err := errs.Fields(changes.Checks()); err != nil {
		return domain.Preferences{}, err
	}
	return s.preferences.Change(ctx, who.UserID, func(p *domain.Preferences) error {
		if err := expected.Check(p.Version); err != nil {
			return err
		}
		p.Apply(changes, s.clock.Now())
		return nil
	})
}

// Link returns the kind of messages that the link in a message ends. Errors: notifications.ErrUnknownLink.
func (s *Preferences) Link(link string) (notifications.Kind, error) {
	_, kind, err := s.links.Read(link)
	return kind, err
}

// Unsubscribe declines messages of a kind for the recipient of the link in a message, and returns the kind. Errors:
// notifications.ErrUnknownLink.
func (s *Preferences) Unsubscribe(ctx context.Context, link string) (notifications.Kind, error) {
	recipient, kind, err := s.links.Read(link)
	if err != nil {
		return "", err
	}
	_, err = s.preferences.Change(ctx, recipient, func(p *domain.Preferences) error {
		p.Decline(kind, s.clock.Now())
		return nil
	})
	return kind, err
}
