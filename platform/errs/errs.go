// Package errs defines the few kinds of error that clients can distinguish. Every module declares its own error values
// of these kinds. Only platform/httpserver maps a kind to an HTTP status. The package imports only the standard
// library.
package errs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the class of an error, in terms that a client can act on.
type Kind uint8

// The kinds. The zero Kind is Internal: an error that is not classified is the server's fault.
const (
	Internal        Kind = iota // a defect or an unexpected failure; clients receive no details
	Invalid                     // the input violates a rule
	Unauthenticated             // there is no signed-in user, or the credentials are wrong
	Forbidden                   // the role does not allow this
	NotFound                    // the resource does not exist, or the caller may not see it
	Conflict                    // the request contradicts stored data
	Gone                        // the resource no longer exists
	Stale                       // the resource has changed since the client read it
	Unconditional               // the client must name the version that it changes
	Unprocessable               // the request contradicts an earlier one
	Throttled                   // too many attempts; it may succeed later
	Unavailable                 // the store or another resource cannot serve at the moment; it may succeed later
)

// Error is an error whose reason is sent to the client. Use cases and repositories return it.
type Error struct {
	Kind   Kind
	Code   string              // stable and documented, in lower_snake_case; clients compare it
	Detail string              // one sentence, safe to show: no value of a patient, no SQL, no internal message
	Fields map[string][]string // for Invalid: each field of the request and its messages

	// for Conflict: the field with a value that another record already has; WholeRecord if several fields are unique
	// together
	Unique string

	RetryAfter time.Duration // for Throttled and Unavailable: time until a retry; 0 means unknown

	// extension members of the problem (RFC 9457, section 3.2), safe to show; the contract declares them under
	// x-problem-members
	Members map[string]any

	cause error
}

// New returns an error value, for an exported Err... variable.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Invalidf returns an Invalid error for one field, for rules that are checked outside a validation map.
func Invalidf(field, format string, args ...any) *Error {
	return InvalidFields(map[string][]string{field: {fmt.Sprintf(format, args...)}})
}

// Fields returns an Invalid error that names every rejected field of a validation map (field -> error or nil), or nil
// if all are valid. An ozzo validation.Errors is such a map.
func Fields(checks map[string]error) error {
	fields := map[string][]string{}
	for name, err := range checks {
		if err != nil {
			fields[name] = []string{err.Error()}
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return InvalidFields(fields)
}

// InvalidFields returns an Invalid error with messages by field.
func InvalidFields(fields map[string][]string) *Error {
	return &Error{Kind: Invalid, Code: "validation_failed", Detail: "Some fields are not valid.", Fields: fields}
}

// WholeRecord is the value of Unique if several fields are unique together.
const WholeRecord = "*"

// Duplicate returns a Conflict with a record that already has the value of this field, or of WholeRecord.
func Duplicate(field, code, detail string) *Error {
	return &Error{Kind: Conflict, Code: code, Detail: detail, Unique: field}
}

// Because returns a copy of the error with a cause, for the log. The cause is never sent to a client.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.cause = cause
	return &with
}

// With returns a copy of the error with extension members of the problem.
func (e *Error) With(members map[string]any) *Error {
	with := *e
	with.Members = members
	return &with
}

// Error returns the text for logs. It includes the cause, so it must not be sent to clients, which receive Detail.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the declared value of this error, independently of the cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code && t.Detail == e.Detail
}

// KindOf returns the kind of an error: Internal if it is not an *Error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// FieldName returns name as a key of Fields. If name has unusual characters, or too many, FieldName returns place: the
// part of the request that contains the field.
func FieldName(name, place string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]"
	if name == "" || len(name) > 64 || strings.Trim(name, letters) != "" {
		return place
	}
	return name
}
