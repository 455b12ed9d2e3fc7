package app

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/paging"
)

// auditEvent is the resource of the entries about the trail itself.
const auditEvent audit.Resource = "AuditEvent"

// Reader returns the entries that a user may read. Each reading is itself recorded in the trail.
type Reader struct {
	segments ports.Segments
	ledger   ports.Ledger
	sealing  *Sealing
	recorder audit.Recorder
	patients patients.Directory
	names    identity.Names
	clock    clock.Clock
	open     openTerms
}

// NewReader returns a Reader of the chain and of the older chains.
func NewReader(
	segments ports.Segments, ledger ports.Ledger, sealing *Sealing, recorder audit.Recorder,
	directory patients.Directory, names identity.Names, clk clock.Clock,
) *Reader {
	return &Reader{
		segments: segments, ledger: ledger, sealing: sealing, recorder: recorder, patients: directory, names: names,
		clock: clk,
	}
}

// Browse returns a page of the entries that match the filter, for a user who may read all of them.
// Errors: errs.Unavailable if this reading cannot be recorded.
func (r *Reader) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Entry], error) {
	page, err := r.list(ctx, filter, request)
	if err == nil {
		err = r.record(ctx, who, auth.Reason{}, filter, page.Items)
	}
	if err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	return page, nil
}

// Access is an entry about a patient, with the current name of the actor. The trail has no names.
type Access struct {
	domain.Entry
	ActorName string // "" if no user was signed in, or the account was removed since
}

// AccessLog returns a page of the entries about a patient whom the user may read.
// Errors: patients.ErrNotFound; errs.Unavailable if this reading cannot be recorded.
func (r *Reader) AccessLog(
	ctx context.Context, who auth.Principal, patient patients.ID, request paging.Request,
) (paging.Page[Access], error) {
	found, err := r.patients.Find(ctx, patients.VisibleTo(who, r.clock.Now()), patient)
	if err != nil {
		refusal := audit.NewRefusal(audit.Patient, patient.UUID, http.StatusNotFound)
		err = audit.RecordMissing(ctx, r.recorder, who, refusal, err, patients.ErrNotFound)
		return paging.Page[Access]{}, err
	}
	filter := domain.Filter{Patient: &patient.UUID}
	page, err := r.list(ctx, filter, request)
	if err != nil {
		return paging.Page[Access]{}, err
	}
	names, err := r.namesOf(ctx, page.Items)
	if err != nil {
		return paging.Page[Access]{}, err
	}
	if err := r.record(ctx, who, found.Reason, filter, page.Items); err != nil {
		return paging.Page[Access]{}, err
	}
	return paging.Map(page, func(e domain.Entry) Access {
		return Access{e, names[identity.UserID{UUID: e.ActorID}]}
	}), nil
}

// namesOf returns the names of the entries' actors, or none for a response without a body. Errors: none of its own.
func (r *Reader) namesOf(ctx context.Context, entries []domain.Entry) (map[identity.UserID]string, error) {
	if audit.RequestOf(ctx).ShowsNothing {
		return nil, nil
	}
	var actors []identity.UserID
	seen := map[uuid.UUID]bool{uuid.Nil: true}
	for _, e := range entries {
		if !seen[e.ActorID] {
			seen[e.ActorID] = true
			actors = append(actors, identity.UserID{UUID: e.ActorID})
		}
	}
	if len(actors) == 0 {
		return nil, nil
	}
	return r.names.FindNames(ctx, actors)
}

// record records that the entries were read, with the reason for which the user may. The record names the filter's
// patient if any entry about them is shown.
func (r *Reader) record(
	ctx context.Context, who auth.Principal, reason auth.Reason, filter domain.Filter, shown []domain.Entry,
) error {
	reading := audit.Entry{
		Action:   audit.TrailRead,
		Resource: auditEvent,
		Outcome:  audit.Success,
		Status:   http.StatusOK,
		Reason:   reason,
	}
	if filter.Patient != nil && len(shown) > 0 {
		reading.PatientID = *filter.Patient
	}
	reading.IDs = make([]uuid.UUID, len(shown))
	for i, e := range shown {
		reading.IDs[i] = e.ID
	}
	return r.recorder.Record(ctx, who, reading)
}
