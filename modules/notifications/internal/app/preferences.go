package app

import (
	"cmp"
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
	texts       ports.Texts
	language    string // of recipients who have chosen none
	clock       clock.Clock
}

// NewPreferences returns Preferences.
func NewPreferences(
	preferences ports.Preferences, links ports.Links, texts ports.Texts, cfg notifications.Config, clk clock.Clock,
) *Preferences {
	return &Preferences{preferences, links, texts, cfg.Language, clk}
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

// AskUnsubscribe returns the page of the link in a message. Errors: notifications.ErrUnknownLink.
func (s *Preferences) AskUnsubscribe(ctx context.Context, link string) (domain.UnsubscribePage, error) {
	recipient, kind, err := s.links.Read(link)
	if err != nil {
		return domain.UnsubscribePage{}, err
	}
	chosen, err := s.preferences.Find(ctx, recipient)
	if err != nil {
		return domain.UnsubscribePage{}, err
	}
	return s.page(chosen, kind)
}

// Unsubscribe declines messages of a kind for the recipient of the link in a message, and returns the page of the link
// afterwards. Errors: notifications.ErrUnknownLink.
func (s *Preferences) Unsubscribe(ctx context.Context, link string) (domain.UnsubscribePage, error) {
	recipient, kind, err := s.links.Read(link)
	if err != nil {
		return domain.UnsubscribePage{}, err
	}
	chosen, err := s.preferences.Change(ctx, recipient, func(p *domain.Preferences) error {
		p.Decline(kind, s.clock.Now())
		return nil
	})
	if err != nil {
		return domain.UnsubscribePage{}, err
	}
	return s.page(chosen, kind)
}

func (s *Preferences) page(of domain.Preferences, kind notifications.Kind) (domain.UnsubscribePage, error) {
	return s.texts.UnsubscribePage(cmp.Or(of.Language, s.language), kind, !of.Accepts(kind))
}
