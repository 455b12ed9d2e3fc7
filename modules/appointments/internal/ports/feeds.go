package ports

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
)

// Feeds stores the calendar feeds of doctors, and reads the appointments that they show.
type Feeds interface {
	// Add stores a new feed unless its doctor has domain.MaxFeeds. It waits for another Add of the same doctor, so the
	// caller has a transaction. Errors: appointments.ErrTooManyFeeds, doctors.ErrNotFound.
	Add(ctx context.Context, feed domain.Feed) error

	// List returns the feeds of a doctor, newest first. Errors: none.
	List(ctx context.Context, doctor doctors.ID) ([]domain.Feed, error)

	// Find returns the feed with the hash of its secret, in one lookup by an index. Errors:
	// appointments.ErrFeedNotFound.
	Find(ctx context.Context, secret domain.SecretHash) (domain.Feed, error)

	// Remove deletes a feed of the doctor. Errors: appointments.ErrFeedNotFound.
	Remove(ctx context.Context, doctor doctors.ID, id domain.FeedID) error

	// RemoveAllOfDoctor deletes the feeds of a doctor and returns their ids. Errors: none.
	RemoveAllOfDoctor(ctx context.Context, doctor doctors.ID) ([]uuid.UUID, error)

	// RemoveAllOfUser deletes the feeds that a user created and returns their ids. Errors: none.
	RemoveAllOfUser(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error)

	// MarkUsed stores that the feed was read on a day, and reports whether no read of that day was stored before. It
	// reports false for a feed that was removed. Errors: none.
	MarkUsed(ctx context.Context, id domain.FeedID, on calendar.Date) (first bool, err error)

	// Events returns the appointments of the doctor in the window, the last first, at most domain.MaxEvents. It returns
	// no reservation that has expired, and no appointment that was entered in error. Errors: none.
	Events(ctx context.Context, doctor doctors.ID, window domain.FeedWindow) ([]domain.FeedEvent, error)
}
