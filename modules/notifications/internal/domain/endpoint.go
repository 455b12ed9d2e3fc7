package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// Bounds of endpoints.
const (
	MaxEndpoints   = 50
	maxDescription = 200 // characters

	// Rotation is how long webhooks are signed with the previous secret as well.
	Rotation = 24 * time.Hour
	// MaxFailing is how long nothing but failures is accepted from an endpoint.
	MaxFailing = 5 * 24 * time.Hour
)

// Reason is why an endpoint was disabled.
type Reason string

// The reasons.
const (
	NoReason     Reason = ""              // it is enabled, or an administrator has disabled it
	Failing      Reason = "failing"       // nothing but failures for MaxFailing
	Gone         Reason = "gone"          // its receiver has responded 410
	ForbiddenURL Reason = "forbidden_url" // which was permitted when it was entered
)

// SealedSecret is a signing secret that only the operator's keys can open: the id of the key, a dot and the encrypted
// secret. Its texts for people show nothing of it. "" is no secret.
type SealedSecret string

// Format implements fmt.Formatter for every verb.
func (SealedSecret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "[sealed]") }

// MarshalText implements encoding.TextMarshaler, for encoders.
func (SealedSecret) MarshalText() ([]byte, error) { return []byte("[sealed]"), nil }

// Receiver is an endpoint, to which webhooks are sent.
type Receiver struct {
	ID notifications.EndpointID
	ReceiverDetails
	Secret         SealedSecret
	PreviousSecret SealedSecret // "": none
	PreviousUntil  time.Time    // webhooks are signed with PreviousSecret as well
	DisabledReason Reason
	FailingSince   time.Time // the first failure since the last success; zero: none
	Version        int       // starts at 1 and is incremented by every change
	CreatedBy      uuid.UUID
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ReceiverDetails are the details that administrators choose.
type ReceiverDetails struct {
	URL         string
	Description string               // at most 200 characters
	Kinds       []notifications.Kind // sorted; none: all
	Enabled     bool
}

// ReceiverChanges are new values of the details; nil keeps a value.
type ReceiverChanges struct {
	URL         *string
	Description *string
	Kinds       *[]notifications.Kind
	Enabled     *bool
}

// apply sets the given values.
func (d *ReceiverDetails) apply(c ReceiverChanges) {
	if c.URL != nil {
		d.URL = strings.TrimSpace(*c.URL)
	}
	if c.Description != nil {
		d.Description = strings.TrimSpace(*c.Description)
	}
	if c.Kinds != nil {
		d.Kinds = slices.Clone(*c.Kinds)
		slices.Sort(d.Kinds)
		d.Kinds = slices.Compact(d.Kinds)
	}
	if c.Enabled != nil {
		d.Enabled = *c.Enabled
	}
}

// Differing returns the names of the fields in which d and other differ.
func (d ReceiverDetails) Differing(other ReceiverDetails) (names []string) {
	for name, differs := range map[string]bool{
		"url": d.URL != other.URL, "description": d.Description != other.Description,
		"kinds": !slices.Equal(d.Kinds, other.Kinds), "enabled": d.Enabled != other.Enabled,
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// CheckURL validates the URL of an endpoint. Errors: a sentence for people, without any part of the URL.
type CheckURL func(url string) error

// validate checks the details, and the URL if there is a check. Errors: errs.Invalid with every field that breaks a
// rule.
func (d ReceiverDetails) validate(check CheckURL) error {
	wrong := map[string]error{}
	if check != nil {
		wrong["url"] = check(d.URL)
	}
	if utf8.RuneCountInString(d.Description) > maxDescription ||
		strings.ContainsFunc(d.Description, unicode.IsControl) {
		wrong["description"] = fmt.Errorf("Enter at most %d characters without line breaks.", maxDescription)
	}
	known := Events()
	if slices.ContainsFunc(d.Kinds, func(kind notifications.Kind) bool { return !slices.Contains(known, kind) }) {
		wrong["kinds"] = fmt.Errorf("Unknown kind. Supported kinds: %s.", joined(known))
	}
	return errs.Fields(wrong)
}

func joined(kinds []notifications.Kind) string {
	texts := make([]string, len(kinds))
	for i, kind := range kinds {
		texts[i] = string(kind)
	}
	return strings.Join(texts, ", ")
}

// NewReceiver returns a new endpoint without a secret. Errors: errs.Invalid with every field that breaks a rule.
func NewReceiver(input ReceiverChanges, check CheckURL, by uuid.UUID, now time.Time) (Receiver, error) {
	r := Receiver{
		ID: recordid.New[notifications.EndpointID](), ReceiverDetails: ReceiverDetails{Enabled: true}, Version: 1,
		CreatedBy: by, CreatedAt: now, UpdatedAt: now,
	}
	r.apply(input)
	return r, r.validate(check)
}

// Touch increments the version for a change that nobody sees, so that it is stored.
func (r *Receiver) Touch(now time.Time) { r.changed(now) }

// ForgetPrevious deletes the previous secret once it is not used, and reports whether that is a change.
func (r *Receiver) ForgetPrevious(now time.Time) bool {
	if r.PreviousSecret == "" || now.Before(r.PreviousUntil) {
		return false
	}
	r.PreviousSecret, r.PreviousUntil = "", time.Time{}
	r.changed(now)
	return true
}

func (r *Receiver) changed(now time.Time) { r.Version, r.UpdatedAt = r.Version+1, now }

// Amend changes the details. An endpoint that is enabled again has not failed yet. The URL is checked if it is new, or
// if the endpoint is enabled again, because the operator may permit less than before. Errors: errs.Invalid.
func (r *Receiver) Amend(changes ReceiverChanges, check CheckURL, now time.Time) error {
	before := r.ReceiverDetails
	r.apply(changes)
	if r.URL == before.URL && (before.Enabled || !r.Enabled) {
		check = nil
	}
	if err := r.validate(check); err != nil {
		return err
	}
	// Also of an endpoint that is enabled: the administrator has repaired it.
	repaired := changes.Enabled != nil && r.Enabled && !r.FailingSince.IsZero()
	if len(r.Differing(before)) == 0 && !repaired {
		return nil
	}
	if r.Enabled && !before.Enabled || repaired {
		r.DisabledReason, r.FailingSince = NoReason, time.Time{}
	}
	r.changed(now)
	return nil
}

// Rotate replaces the secret. For a day, webhooks are signed with the replaced one as well; one that was replaced
// before ends.
func (r *Receiver) Rotate(secret SealedSecret, now time.Time) {
	r.PreviousSecret, r.PreviousUntil, r.Secret = r.Secret, now.Add(Rotation), secret
	r.changed(now)
}

// Secrets returns the secrets with which webhooks are signed at a time.
func (r Receiver) Secrets(now time.Time) []SealedSecret {
	if r.PreviousSecret != "" && now.Before(r.PreviousUntil) {
		return []SealedSecret{r.Secret, r.PreviousSecret}
	}
	return []SealedSecret{r.Secret}
}

// Wants reports whether the endpoint is to get webhooks of the kind.
func (r Receiver) Wants(kind notifications.Kind) bool {
	return r.Enabled && (len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind))
}

// Disable disables the endpoint, and reports whether that is a change.
func (r *Receiver) Disable(reason Reason, now time.Time) bool {
	if !r.Enabled {
		return false
	}
	r.Enabled, r.DisabledReason = false, reason
	r.changed(now)
	return true
}

// Failed stores the begin of a series of failures, and reports whether that is a change.
func (r *Receiver) Failed(now time.Time) bool {
	if !r.Enabled || !r.FailingSince.IsZero() {
		return false
	}
	r.FailingSince = now
	r.changed(now)
	return true
}

// HasFailedTooLong reports whether nothing but failures has come from the endpoint for so long that it is disabled.
func (r Receiver) HasFailedTooLong(now time.Time) bool {
	return !r.FailingSince.IsZero() && now.Sub(r.FailingSince) >= MaxFailing
}

// Succeeded ends a series of failures, and reports whether that is a change.
func (r *Receiver) Succeeded(now time.Time) bool {
	if r.FailingSince.IsZero() {
		return false
	}
	r.FailingSince = time.Time{}
	r.changed(now)
	return true
}

// Hook is a webhook as it is sent. It is never stored.
type Hook struct {
	ID      uuid.UUID
	Kind    notifications.Kind
	At      time.Time // of the event
	Subject Subject   // a Version of 0 is not sent
	To      Receiver
}
