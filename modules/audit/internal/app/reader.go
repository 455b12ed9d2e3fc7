package app

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
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
	clock    clock.Clock
	open     openTerms
}

// NewReader returns a Reader of the chain and of the older chains.
func NewReader(
	segments ports.Segments, ledger ports.Ledger, sealing *Sealing, recorder audit.Recorder,
	directory patients.Directory, clk clock.Clock,
) *Reader {
	return &Reader{
		segments: segments, ledger: ledger, sealing: sealing, recorder: recorder, patients: directory, clock: clk,
	}
}

// Browse returns a page of the entries that match the filter, for a user who may read all of them.
// Errors: errs.Unavailable if this reading cannot be recorded.
func (r *Reader) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[domain.Entry], error) {
	return r.read(ctx, who, auth.Reason{}, filter, page)
}

// AccessLog returns a page of the entries about a patient whom the user may read.
// Errors: patients.ErrNotFound; errs.Unavailable if this reading cannot be recorded.
func (r *Reader) AccessLog(
	ctx context.Context, who auth.Principal, patient patients.ID, page paging.Request,
) (paging.Page[domain.Entry], error) {
	found, err := r.patients.Find(ctx, patients.VisibleTo(who, r.clock.Now()), patient)
	if err != nil {
		refusal := audit.NewRefusal(audit.Patient, patient.UUID, http.StatusNotFound)
		err = audit.RecordMissing(ctx, r.recorder, who, refusal, err, patients.ErrNotFound)
		return paging.Page[domain.Entry]{}, err
	}
	return r.read(ctx, who, found.Reason, domain.Filter{Patient: &patient.UUID}, page)
}

// read lists entries and records that, with the reason for which the user may. The record names the filter's patient if
// any entry about them is shown.
func (r *Reader) read(
	ctx context.Context, who auth.Principal, reason auth.Reason, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Entry], error) {
	page, err := r.list(ctx, filter, request)
	if err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	reading := audit.Entry{
		Action:   audit.TrailRead,
		Resource: auditEvent,
		Outcome:  audit.Success,
		Status:   http.StatusOK,
		Reason:   reason,
	}
	if filter.Patient != nil && len(page.Items) > 0 {
		reading.PatientID = *filter.Patient
	}
	reading.IDs = make([]uuid.UUID, len(page.Items))
	for i, e := range page.Items {
		reading.IDs[i] = e.ID
	}
	if err := r.recorder.Record(ctx, who, reading); err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	return page, nil
}
