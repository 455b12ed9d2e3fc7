package app

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/recordid"
	"healthcare/platform/tx"
)

// feedResource is the audit resource of calendar feeds, declared in openapi.yaml.
const feedResource audit.Resource = "CalendarFeed"

// Feeds implements the use cases of calendar feeds.
type Feeds struct {
	feeds    ports.Feeds
	patients patients.Directory
	doctors  doctors.Directory
	parties  identity.Parties
	trail    audit.Recorder
	tx       tx.Runner
	clock    clock.Clock
	reads    *admission.Budget // of each feed, in this process
}

// NewFeeds returns Feeds.
func NewFeeds(
	feeds ports.Feeds, patientDirectory patients.Directory, doctorDirectory doctors.Directory,
	parties identity.Parties, trail audit.Recorder, runner tx.Runner, clk clock.Clock,
) *Feeds {
	reads := admission.NewBudget(admission.Allowance{Amount: domain.FeedReads, Period: time.Hour}, clk.Now)
	return &Feeds{
		feeds: feeds, patients: patientDirectory, doctors: doctorDirectory, parties: parties, trail: trail, tx: runner,
		clock: clk, reads: reads,
	}
}

// mayManage returns an error unless the user may have feeds of the doctor, and records that. Errors:
// appointments.ErrFeedsOfOthers.
func (f *Feeds) mayManage(ctx context.Context, who auth.Principal, doctor doctors.ID) error {
	if who.Role == auth.Admin || who.ActsFor(doctor.UUID) {
		return nil
	}
	return f.forbidden(ctx, who, appointments.ErrFeedsOfOthers)
}

// forbidden records that the user may not have the feed, and returns refusal.
func (f *Feeds) forbidden(ctx context.Context, who auth.Principal, refusal error) error {
	entry := audit.NewRefusal(feedResource, uuid.Nil, http.StatusForbidden)
	return audit.RecordMissing(ctx, f.trail, who, entry, refusal, refusal)
}

// Add creates a feed of a doctor, for the doctor's user or an administrator, and returns its secret, which is shown
// once. Errors: appointments.ErrFeedsOfOthers, errs.Invalid, appointments.ErrInitials, doctors.ErrNotFound,
// doctors.ErrInRemoval, appointments.ErrTooManyFeeds.
func (f *Feeds) Add(
	ctx context.Context, who auth.Principal, doctor doctors.ID, detail string,
) (feed domain.Feed, secret domain.Secret, err error) {
	if err := f.mayManage(ctx, who, doctor); err != nil {
		return feed, secret, err
	}
	shown, err := domain.ParseDetail(detail)
	if err != nil {
		return feed, secret, err
	}
	if shown == domain.Initials && who.Role != auth.Admin {
		return feed, secret, f.forbidden(ctx, who, appointments.ErrInitials)
	}
	feed, secret = domain.NewFeed(doctor, shown, who.UserID, f.clock.Now())
	err = f.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := f.doctors.Find(ctx, doctor); err != nil {
			return err
		}
		if err := f.feeds.Add(ctx, feed); err != nil {
			return err
		}
		return f.trail.Record(ctx, who, audit.NewEntry(audit.Create, feedResource, feed.ID.UUID))
	})
	return feed, secret, err
}

// List returns the feeds of a doctor, newest first. Errors: appointments.ErrFeedsOfOthers, doctors.ErrNotFound.
func (f *Feeds) List(ctx context.Context, who auth.Principal, doctor doctors.ID) ([]domain.Feed, error) {
	if err := f.mayManage(ctx, who, doctor); err != nil {
		return nil, err
	}
	if err := checkDoctor(ctx, f.doctors, doctor); err != nil {
		return nil, err
	}
	return f.feeds.List(ctx, doctor)
}

// Remove deletes a feed of the doctor. Its address becomes invalid at once. Errors: appointments.ErrFeedsOfOthers,
// appointments.ErrFeedNotFound.
func (f *Feeds) Remove(ctx context.Context, who auth.Principal, doctor doctors.ID, id domain.FeedID) error {
	if err := f.mayManage(ctx, who, doctor); err != nil {
		return err
	}
	return f.tx.Do(ctx, func(ctx context.Context) error {
		if err := f.feeds.Remove(ctx, doctor, id); err != nil {
			return err
		}
		return f.trail.Record(ctx, who, audit.NewEntry(audit.Delete, feedResource, id.UUID))
	})
}

// ShownEvent is an event of a feed as it is shown.
type ShownEvent struct {
	domain.FeedEvent
	Initials string // of the patient; "" if they are not shown
}

// Read returns the events of the feed with a secret, for a calendar program that is not signed in. The first read of
// each day (UTC) is recorded, without an actor, with the patients whose initials it shows.
//
// A feed is not found while its creator may not create it: the account is disabled, no longer an administrator's, or
// no longer linked to the doctor. Events that end such a feed for good also delete it; this check does not depend on
// their order.
//
// Errors: appointments.ErrFeedNotFound, appointments.ErrTooManyFeedReads.
func (f *Feeds) Read(ctx context.Context, secret string) ([]ShownEvent, error) {
	parsed, ok := domain.ParseSecret(secret)
	if !ok {
		return nil, appointments.ErrFeedNotFound
	}
	feed, err := f.feeds.Find(ctx, parsed.Hash())
	if err != nil {
		return nil, err
	}
	if after := f.reads.Spend(admission.NewCaller(netip.Addr{}, feed.ID.String()), 1); after > 0 {
		rejected := *appointments.ErrTooManyFeedReads
		rejected.RetryAfter = after
		return nil, &rejected
	}
	now := f.clock.Now()
	linked, err := f.checkCreator(ctx, feed, now)
	if err != nil {
		return nil, err
	}
	events, err := f.feeds.Events(ctx, feed.DoctorID, domain.FeedWindowAt(now))
	if err != nil {
		return nil, err
	}
	seen := map[patients.ID]patients.Patient{}
	if feed.Detail == domain.Initials {
		if seen, err = f.visible(ctx, feed, linked, events, now); err != nil {
			return nil, err
		}
	}
	shown := make([]ShownEvent, len(events))
	for i, event := range events {
		shown[i] = ShownEvent{event, domain.InitialsOf(seen[event.PatientID].Name)}
	}
	return shown, f.recordRead(ctx, feed, seen, calendar.DateOf(now, time.UTC))
}

// checkCreator returns an error unless the creator of the feed may have it now, and returns the user who is linked to
// the doctor's record, if any. Errors: appointments.ErrFeedNotFound.
func (f *Feeds) checkCreator(ctx context.Context, feed domain.Feed, now time.Time) (*identity.Acting, error) {
	acting, err := f.parties.ActingFor(ctx, []uuid.UUID{feed.DoctorID.UUID}, now)
	if err != nil {
		return nil, err
	}
	var linked *identity.Acting // at most one user
	if i := slices.IndexFunc(acting, func(a identity.Acting) bool { return a.Capacity.Kind == auth.AsDoctor }); i >= 0 {
		linked = &acting[i]
	}
	creator := identity.UserID{UUID: feed.CreatedBy}
	if feed.Detail == domain.Busy && linked != nil && linked.User == creator && linked.Active {
		return linked, nil
	}
	accounts, err := f.parties.Accounts(ctx, []identity.UserID{creator})
	if err != nil {
		return nil, err
	}
	if account := accounts[creator]; !account.Active || account.Role != auth.Admin {
		return nil, appointments.ErrFeedNotFound
	}
	return linked, nil
}

// visible returns the patients of the events whom the doctor may see, by id. The feed acts for the doctor, not for the
// administrator who created it: with all capacities of the user who is linked to the doctor's record, so that each
// restriction of a patient counts, or for the record alone. It shows no patient while that user is disabled. Errors:
// none of its own.
func (f *Feeds) visible(
	ctx context.Context, feed domain.Feed, linked *identity.Acting, events []domain.FeedEvent, now time.Time,
) (map[patients.ID]patients.Patient, error) {
	who := auth.Principal{Role: doctors.Role, For: []auth.Capacity{{ID: feed.DoctorID.UUID, Kind: auth.AsDoctor}}}
	if linked != nil {
		if !linked.Active {
			return nil, nil
		}
		held, err := f.parties.Capacities(ctx, linked.User, now)
		if err != nil {
			return nil, err
		}
		who = auth.Principal{UserID: linked.User.UUID, Role: linked.Role, For: held}
	}
	ids := make(recordid.Set[patients.ID])
	for _, event := range events {
		ids.Add(event.PatientID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return f.patients.FindAll(ctx, patients.VisibleTo(who, now).WithoutEmergencies(), ids.All())
}

// recordRead records the first read of the feed on a day. The entries have no actor, because no user is signed in. The
// actor of the feed's creation is its creator. Errors: none of its own.
func (f *Feeds) recordRead(
	ctx context.Context, feed domain.Feed, seen map[patients.ID]patients.Patient, today calendar.Date,
) error {
	if feed.LastUsedOn != nil && *feed.LastUsedOn >= today {
		return nil
	}
	return f.tx.Do(ctx, func(ctx context.Context) error {
		first, err := f.feeds.MarkUsed(ctx, feed.ID, today)
		if err != nil || !first {
			return err
		}
		return f.trail.Record(ctx, auth.Principal{}, newFeedReadEntries(feed, seen)...)
	})
}

// newFeedReadEntries returns the audit entries of a read, and of the patients whose initials it shows.
func newFeedReadEntries(feed domain.Feed, seen map[patients.ID]patients.Patient) []audit.Entry {
	entries := []audit.Entry{audit.NewEntry(audit.Read, feedResource, feed.ID.UUID)}
	if len(seen) == 0 {
		return entries
	}
	shown := make([]patients.Patient, 0, len(seen))
	for _, patient := range seen {
		shown = append(shown, patient)
	}
	slices.SortFunc(shown, func(a, b patients.Patient) int { return slices.Compare(a.ID.UUID[:], b.ID.UUID[:]) })
	reason := func(p patients.Patient) (uuid.UUID, auth.Reason) { return p.ID.UUID, p.Reason }
	list := audit.Entry{Action: audit.List, Resource: audit.Patient}
	return append(entries, audit.NewPatientEntries(list, shown, reason)...)
}
