// Package audit is the port to the audit trail: who saw and changed what (45 CFR 164.312(b)). modules/audit implements
// Recorder. Other modules use only these types, and do not depend on how the trail is stored. An Entry holds ids,
// names of fields and numbers, but no values of fields: a patient's data cannot be recorded by mistake.
package audit

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"healthcare/platform/auth"
)

// MaxIDs is the maximum number of ids in an entry. Its Count is the number of all ids.
const MaxIDs = 200

// Entry is one event. It maps onto a FHIR R4 AuditEvent, see Action and Outcome. Of Granted, and of Linked to a
// practice or a colleague, Fields is the level.
type Entry struct {
	Action     Action
	Resource   Resource    // AuditEvent.entity.type
	ResourceID uuid.UUID   // AuditEvent.entity.what; zero for a list
	PatientID  uuid.UUID   // the patient whose data the entry is about; zero if it concerns no patient
	Outcome    Outcome     // AuditEvent.outcome
	Status     int         // the HTTP status of the response; 0 outside of HTTP
	IDs        []uuid.UUID // the results of a list or a search; at most MaxIDs
	Count      int64       // the number of results; 0 means len(IDs)
	Fields     []string    // the names of the fields that changed: a-z, 0-9 and _, never a value
	Reason     auth.Reason // why the actor may see the patient; of Granted and Withdrawn: the grant
}

// NewEntry returns the entry of a successful action on one record. Its status is that of the response: 201 for Create,
// Invited, Granted and Linked, 204 for Delete, Withdrawn and Unlinked, 200 otherwise. An entry about a Patient names
// that patient.
func NewEntry(action Action, resource Resource, id uuid.UUID) Entry {
	status, special := map[Action]int{
		Create: http.StatusCreated, Invited: http.StatusCreated, Granted: http.StatusCreated,
		Linked: http.StatusCreated, Unlinked: http.StatusNoContent,
		Delete: http.StatusNoContent, Withdrawn: http.StatusNoContent,
	}[action]
	if !special {
		status = http.StatusOK
	}
	return about(Entry{Action: action, Outcome: Success, Status: status}, resource, id)
}

// Check returns an error for an entry that the trail does not accept. Errors: a plain error.
func (e Entry) Check() error {
	_, action := e.Action.Event()
	_, outcome := e.Outcome.Code()
	if !action || !outcome || !e.Resource.Valid() {
		return errors.New("audit: an entry needs a known action and outcome, and a valid resource")
	}
	return nil
}

// NewRefusal returns the entry of a request about one record that was denied with an HTTP status.
func NewRefusal(resource Resource, id uuid.UUID, status int) Entry {
	return about(Entry{Action: Refused, Outcome: Denied, Status: status}, resource, id)
}

func about(e Entry, resource Resource, id uuid.UUID) Entry {
	e.Resource, e.ResourceID = resource, id
	if resource == Patient {
		e.PatientID = id
	}
	return e
}

// NewListEntries returns the entries of a page that is about to be sent: copies of page, each with at most MaxIDs of
// the ids and the number of all ids. An empty page has one entry.
func NewListEntries(page Entry, ids []uuid.UUID) []Entry {
	page.Outcome, page.Status = Success, http.StatusOK
	if len(ids) == 0 {
		return []Entry{page}
	}
	var all []Entry
	for part := range slices.Chunk(ids, MaxIDs) {
		page.IDs, page.Count = part, int64(len(ids))
		all = append(all, page)
	}
	return all
}

// NewPatientEntries returns the entries of a page that shows patients, as NewListEntries does for each reason for which
// the actor may see some of them. They name no grants, of which each patient has another.
func NewPatientEntries[T any](page Entry, shown []T, of func(T) (id uuid.UUID, reason auth.Reason)) []Entry {
	var reasons []auth.Reason
	ids := map[auth.Reason][]uuid.UUID{}
	for _, patient := range shown {
		id, reason := of(patient)
		reason.Grant = uuid.Nil
		if ids[reason] == nil {
			reasons = append(reasons, reason)
		}
		ids[reason] = append(ids[reason], id)
	}
	if len(reasons) == 0 {
		return NewListEntries(page, nil)
	}
	var all []Entry
	for _, reason := range reasons {
		page.Reason = reason
		all = append(all, NewListEntries(page, ids[reason])...)
	}
	return all
}

// WithoutIDs returns the entries of a response without a body, with counts instead of ids. Entries that differ only in
// their ids are merged.
func WithoutIDs(entries []Entry) []Entry {
	var all []Entry
	for _, e := range entries {
		if e.Count == 0 {
			e.Count = int64(len(e.IDs))
		}
		e.IDs = nil
		if len(all) == 0 || !reflect.DeepEqual(all[len(all)-1], e) {
			all = append(all, e)
		}
	}
	return all
}

// IDs returns the ids of the records on a page, in their order.
func IDs[T any](records []T, id func(T) uuid.UUID) []uuid.UUID {
	ids := make([]uuid.UUID, len(records))
	for i, record := range records {
		ids[i] = id(record)
	}
	return ids
}

// Request is the part of an entry that comes from the HTTP request. It is passed in the context; the acting user is an
// argument.
type Request struct {
	ID      string     // the X-Request-ID of the response, a UUID that is also in the log
	Address netip.Addr // address of the client; the zero Addr outside of HTTP

	ShowsNothing bool // a HEAD request, whose entries have counts instead of ids
}

type requestKey struct{}

// WithRequest returns ctx with the request that it serves.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request that ctx serves, or the zero Request.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Recorder writes the trail. A use case that cannot record must fail: the trail fails closed.
type Recorder interface {
	// Record appends entries in order. If ctx has a transaction, they are part of it, so that an entry exists exactly
	// if its effect does. Until the transaction ends, no other transaction can append, so callers should record last.
	// Refused entries are recorded after the end of the transaction, because it is rolled back. Outside of a
	// transaction, Record returns when the entries are durably committed; concurrent calls share a commit. The zero
	// Principal is a client that is not signed in.
	//
	// Errors: errs.Unavailable; a plain error for a malformed entry, which is a defect.
	Record(ctx context.Context, who auth.Principal, entries ...Entry) error
}

// RecordMissing records refusal if err is missing, the error for a record that does not exist or that the caller may
// not see, and returns err. It does not record other errors. Every such response about a patient is recorded by
// RecordMissing.
//
// Errors: err; errs.Unavailable if the refusal could not be recorded.
func RecordMissing(
	ctx context.Context, trail Recorder, who auth.Principal, refusal Entry, err, missing error,
) error {
	if !errors.Is(err, missing) {
		return err
	}
	if unrecorded := trail.Record(ctx, who, refusal); unrecorded != nil {
		return unrecorded
	}
	return err
}
