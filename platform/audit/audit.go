// Package audit is the port to the audit trail: who saw and changed what (45 CFR 164.312(b)). modules/audit implements Recorder; everyone else only
// holds these types, so that no module needs to know how the trail is kept. An Entry has room for ids, names of fields and numbers, and none for
// what a field says: a patient's data cannot be recorded by mistake.
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

// MaxIDs is how many ids of an answer an entry names; its Count is that of all.
const MaxIDs = 200

// Entry is one event, as whoever causes it tells it. It maps onto a FHIR R4 AuditEvent, see Action and Outcome.
type Entry struct {
	Action     Action
	Resource   Resource    // AuditEvent.entity.type
	ResourceID uuid.UUID   // AuditEvent.entity.what; zero for none, such as a list
	PatientID  uuid.UUID   // whose data it is about; zero for nobody's
	Outcome    Outcome     // AuditEvent.outcome
	Status     int         // the HTTP status of the answer; 0 outside of HTTP
	IDs        []uuid.UUID // what a list or a search answered; those after the first MaxIDs are left out
	Count      int64       // how many it answered; 0 stands for as many as IDs
	Fields     []string    // the names of the fields that changed: a-z, 0-9 and _, never a value
}

// Done is the entry of something that was done with one resource, answered as REST answers it: 201 for what was made, 204 for what is gone, else 200.
func Done(action Action, resource Resource, id uuid.UUID) Entry {
	status, special := map[Action]int{Create: 201, Delete: 204}[action]
	if !special {
		status = 200
	}
	return Entry{Action: action, Resource: resource, ResourceID: id, Outcome: Success, Status: status}
}

// Listed is the entries of a page that is about to be shown, all ids of it: one entry for each MaxIDs, and one for a page of nothing. They are what
// page says, with its ids and their number.
func Listed(page Entry, ids []uuid.UUID) []Entry {
	page.Outcome, page.Status = Success, 200
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

// Counted returns the entries of an answer that shows nothing: without ids, and those that differ in ids alone as one.
func Counted(entries []Entry) []Entry {
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

// Request is what the request that causes an entry contributes to it. It travels in the context; who acts is an argument.
type Request struct {
	ID      string     // the answer's X-Request-ID, which finds it in the log; a UUID
	Address netip.Addr // the client's; the zero Addr outside of HTTP

	ShowsNothing bool // HEAD: its entries have counts without ids
}

type requestKey struct{}

// WithRequest is ctx with the request that it serves.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf is the request that ctx serves, zero when it serves none.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Recorder writes the trail. Whoever cannot record must not answer: the trail fails closed.
type Recorder interface {
	// Record appends entries in the order given. While a transaction is open in ctx they are appended in it, so they stand exactly if what they tell of
	// does; from there to its end nobody else can append, so record last. What is Refused is recorded when the transaction has ended, for it ends
	// undone. Outside of one Record returns when the entries are durably committed, and
	// shares that commit with whoever records at the same time. The zero Principal is nobody signed in.
	//
	// Errors: errs.Unavailable; an entry that is none is a defect, and so is a plain error.
	Record(ctx context.Context, who auth.Principal, entries ...Entry) error
}

// Missing handles the answer to a request for something that does not exist, or that the caller may not see: both are
// answered alike. It records what as refused if err is missing, and returns err. Other errors are returned unrecorded.
// Every such answer about patients passes here. Status is 404 if what has none.
//
// Errors: err; errs.Unavailable if the refusal could not be recorded.
func Missing(ctx context.Context, trail Recorder, who auth.Principal, what Entry, err, missing error) error {
	if !errors.Is(err, missing) {
		return err
	}
	what.Action, what.Outcome = Refused, Denied
	if what.Status == 0 {
		what.Status = http.StatusNotFound
	}
	if unrecorded := trail.Record(ctx, who, what); unrecorded != nil {
		return unrecorded
	}
	return err
}

// OfPatient is an entry about one patient, to be completed with what was done.
func OfPatient(id uuid.UUID) Entry { return Entry{Resource: Patient, ResourceID: id, PatientID: id} }
