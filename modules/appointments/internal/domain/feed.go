package domain

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// FeedID identifies a calendar feed.
type FeedID = recordid.Of[Feed]

// ParseFeedID reads an id in its canonical form. Errors: appointments.ErrFeedNotFound.
func ParseFeedID(s string) (FeedID, error) {
	return recordid.Parse[FeedID](s, appointments.ErrFeedNotFound)
}

// Feed lets calendar programs read the appointments of a doctor without signing in: its address contains a secret.
type Feed struct {
	ID         FeedID
	DoctorID   doctors.ID
	SecretHash SecretHash
	Detail     Detail
	CreatedBy  uuid.UUID
	CreatedAt  time.Time
	LastUsedOn *calendar.Date // in UTC; nil: never read
}

// Bounds of feeds.
const (
	MaxFeeds      = 5     // of a doctor
	MaxEvents     = 5_000 // in a feed; those that begin last
	FeedPast      = 30 * 24 * time.Hour
	FeedFuture    = 180 * 24 * time.Hour
	KeepCancelled = 30 * 24 * time.Hour // how long a feed shows a cancelled appointment after its cancellation
	FeedReads     = 60                  // of a feed in an hour
)

// Detail is the part of an appointment that a feed shows beside its time and status.
type Detail string

// The details.
const (
	Busy     Detail = "busy"     // nothing of the patient
	Initials Detail = "initials" // the initials of patients whom the doctor may see
)

// ParseDetail reads a detail in any letter case; "" is Busy. Errors: errs.Invalid.
func ParseDetail(s string) (Detail, error) {
	switch detail := Detail(strings.ToLower(strings.TrimSpace(s))); detail {
	case "":
		return Busy, nil
	case Busy, Initials:
		return detail, nil
	}
	return "", errs.Invalidf("detail", "Must be busy or initials.")
}

// Secret is the unguessable part of a feed's address: 256 bits.
type Secret [32]byte

// SecretHash is the SHA-256 of a Secret. The store has no secret.
type SecretHash [sha256.Size]byte

var secretText = base64.RawURLEncoding.Strict()

// Hash returns the hash by which the feed is found.
func (s Secret) Hash() SecretHash { return sha256.Sum256(s[:]) }

// Text returns the form in addresses: 43 characters of base64url.
func (s Secret) Text() string { return secretText.EncodeToString(s[:]) }

// ParseSecret reads the form in addresses, and reports whether text has it.
func ParseSecret(text string) (s Secret, ok bool) {
	if len(text) != secretText.EncodedLen(len(s)) {
		return Secret{}, false
	}
	decoded, err := secretText.DecodeString(text)
	return s, err == nil && copy(s[:], decoded) == len(s) // it ignores line breaks
}

// NewFeed returns a new feed of the doctor, and its secret.
func NewFeed(doctor doctors.ID, detail Detail, by uuid.UUID, now time.Time) (Feed, Secret) {
	var secret Secret
	_, _ = rand.Read(secret[:]) // never fails
	return Feed{
		ID: recordid.New[FeedID](), DoctorID: doctor, SecretHash: secret.Hash(), Detail: detail, CreatedBy: by,
		CreatedAt: now,
	}, secret
}

// FeedWindow is the part of a doctor's appointments that a feed shows at a time.
type FeedWindow struct {
	Now            time.Time
	From, To       time.Time // of the start, both exclusive
	CancelledAfter time.Time
}

// FeedWindowAt returns the window at a time.
func FeedWindowAt(now time.Time) FeedWindow {
	return FeedWindow{
		Now: now, From: now.Add(-FeedPast), To: now.Add(FeedFuture), CancelledAfter: now.Add(-KeepCancelled),
	}
}

// FeedEvent is an appointment in a feed.
type FeedEvent struct {
	ID        appointments.ID
	PatientID patients.ID
	StartsAt  time.Time
	EndsAt    time.Time
	Status    appointments.Status
	Sequence  int
	UpdatedAt time.Time
}

// InitialsOf returns the first letters of the first and the last word of a name, in upper case. It returns "" for a
// name without letters.
func InitialsOf(name string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		if i := strings.IndexFunc(word, unicode.IsLetter); i >= 0 {
			first := []rune(word[i:])[0]
			letters = append(letters[:min(1, len(letters))], unicode.ToUpper(first))
		}
	}
	return string(letters)
}
