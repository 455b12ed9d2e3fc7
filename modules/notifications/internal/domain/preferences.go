package domain

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/platform/timezone"
)

// Languages of messages. The first is that of missing texts.
var Languages = []string{"en", "de", "fr"}

// Preferences are how a recipient wants to be notified. Empty values mean those of the service.
type Preferences struct {
	Recipient  uuid.UUID
	Language   string
	TimeZone   string // "": that of the appointment
	QuietHours string // as ParseQuietHours reads it
	Declined   []notifications.Kind
	Version    int // 0: nothing was chosen yet
	UpdatedAt  time.Time
}

// UnsubscribePage is shown to a recipient who follows the link in a message. It has texts for people, in Language.
type UnsubscribePage struct {
	Language string
	Example  string // a message of the kind
	Text     string // asks whether to decline the kind, or reports that it is declined
	Button   string // "": none
}

// Accepts reports whether the recipient wants messages of a kind.
func (p Preferences) Accepts(kind notifications.Kind) bool {
	return !Declinable(kind) || !slices.Contains(p.Declined, kind)
}

// Decline stores that the recipient does not want messages of the kind, and reports whether that is a change.
func (p *Preferences) Decline(kind notifications.Kind, now time.Time) bool {
	if !p.Accepts(kind) || !Declinable(kind) {
		return false
	}
	p.Declined = append(slices.Clone(p.Declined), kind)
	slices.Sort(p.Declined)
	p.Version, p.UpdatedAt = p.Version+1, now
	return true
}

// Changes are changes of preferences. Nil values are kept.
type Changes struct {
	Language   *string
	TimeZone   *string
	QuietHours *string
	Declined   *[]notifications.Kind // all kinds that are not wanted
}

var (
	errLanguage = errors.New("Enter en, de or fr, or nothing for the language of the service.")
	errZone     = errors.New("Must be a time zone of the IANA database, such as Europe/Berlin.")
	errKind     = errors.New("A kind does not exist, or cannot be declined.")
)

func isSecurity(kind notifications.Kind) bool { return !Declinable(kind) }

// Checks returns the errors of the fields.
func (c Changes) Checks() map[string]error {
	wrong := map[string]error{}
	if c.Language != nil && *c.Language != "" && !slices.Contains(Languages, *c.Language) {
		wrong["language"] = errLanguage
	}
	if c.TimeZone != nil && *c.TimeZone != "" {
		if _, err := timezone.Load(*c.TimeZone); err != nil {
			wrong["time_zone"] = errZone
		}
	}
	if c.QuietHours != nil && *c.QuietHours != "" {
		_, wrong["quiet_hours"] = ParseQuietHours(*c.QuietHours)
	}
	if c.Declined != nil && slices.ContainsFunc(*c.Declined, isSecurity) {
		wrong["declined"] = errKind
	}
	return wrong
}

// Apply applies changes that were checked, and increases the version if something differs.
func (p *Preferences) Apply(c Changes, now time.Time) {
	before := *p
	set := func(into, value *string) {
		if value != nil {
			*into = *value
		}
	}
	set(&p.Language, c.Language)
	set(&p.TimeZone, c.TimeZone)
	set(&p.QuietHours, c.QuietHours)
	if c.Declined != nil {
		p.Declined = slices.Clone(*c.Declined)
		slices.Sort(p.Declined)
		p.Declined = slices.Compact(p.Declined)
	}
	if p.Language != before.Language || p.TimeZone != before.TimeZone || p.QuietHours != before.QuietHours ||
		!slices.Equal(p.Declined, before.Declined) {
		p.Version, p.UpdatedAt = p.Version+1, now
	}
}
