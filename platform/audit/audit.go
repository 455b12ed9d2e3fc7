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

// MaxIDs is the most ids that one entry names. Its Count is that of all ids.
const MaxIDs = 200

// Entry is one event. It maps onto a FHIR R4 AuditEvent, see Action and Outcome.
type Entry struct {
	Action     Action
	Resource   Resource    // AuditEvent.entity.type
	ResourceID uuid.UUID   // AuditEvent.entity.what; zero for a list
	PatientID  uuid.UUID   // the patient whose data it is about; zero if it is about no patient
	Outcome    Outcome     // AuditEvent.outcome
	Status     int         // the HTTP status of the response; 0 outside of HTTP
	IDs        []uuid.UUID // the results of a list or a search; those after the first MaxIDs are left out
	Count      int64       // the number of results; 0 stands for len(IDs)
	Fields     []string    // the names of the fields that changed: a-z, 0-9 and _, never a value
}

// NewEntry returns the entry of a successful action on one record. Its status is that of the response: 201
// for Create, 204 for Delete, 200 otherwise. An entry about a Patient names that patient.
func NewEntry(action Action, resource Resource, id uuid.UUID) Entry {
	status, special := map[Action]int{Create: http.StatusCreated, Delete: http.StatusNoContent}[action]
	if !special {
		status = http.StatusOK
	}
	return about(Entry{Action: action, Outcome: Success, Status: status}, resource, id)
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

// NewListEntries returns the entries of a page that is about to be shown: copies of page, each with at most MaxIDs of
// the ids and the number of all of them. An empty page has one entry.
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

// WithoutIDs returns the entries of a response without a body: counts instead of ids. Entries that differ only in their
// ids become one.
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

// Request is the part of an entry that comes from the HTTP request. It travels in the context; the acting user is an
// argument.
type Request struct {
	ID      string     // the X-Request-ID of the response, a UUID that is also in the log
	Address netip.Addr // of the client; the zero Addr outside of HTTP

	ShowsNothing bool // HEAD: its entries have counts without ids
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
	// Record appends entries in the order given. Inside a transaction of ctx they are appended in it, so that an entry
	// exists exactly if its effect does. No other transaction can append until that one ends, so record last. Refused
	// entries are recorded after the end of the transaction, because it is rolled back. Outside of a transaction Record
	// returns when the entries are durably committed, and shares that commit with concurrent calls. The zero Principal
	// is a client who is not signed in.
	//
	// Errors: errs.Unavailable; a plain error for a malformed entry, which is a defect.
	Record(ctx context.Context, who auth.Principal, entries ...Entry) error
}

// RecordMissing handles err of a request for a record that does not exist or that the caller may not see: the two have
// the same response. It records refusal if err is missing, and returns err. Other errors are returned unrecorded. Every
// such response about patients passes here.
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
