// Package errs defines the few kinds of error that clients can distinguish. Every module declares its own error values
// of these kinds. Only platform/httpserver maps a kind to an HTTP status. The package depends on nothing.
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
	Internal        Kind = iota // a defect or an unexpected failure; the client gets no details
	Invalid                     // the input breaks a rule
	Unauthenticated             // there is no signed-in user, or the credentials are wrong
	Forbidden                   // the role does not allow this
	NotFound                    // it does not exist, or the caller may not see it
	Conflict                    // it contradicts stored data
	Gone                        // it no longer exists
	Stale                       // it was changed since the client read it
	Unconditional               // the client must name the version that it changes
	Unprocessable               // it contradicts an earlier request
	Throttled                   // too many attempts; it may succeed later
	Unavailable                 // the store or another resource cannot serve at the moment; it may succeed later
)

// Error is an error that use cases and repositories return if the client should learn the reason.
type Error struct {
	Kind   Kind
	Code   string              // stable and documented, lower_snake_case: clients' programs compare it
	Detail string              // one sentence, safe to show: no value of a patient, no SQL, no internal message
	Fields map[string][]string // for Invalid: each field of the request and its messages

	// for Conflict: the field with a value that another record already has; WholeRecord if several fields are unique
	// together
	Unique string

	RetryAfter time.Duration // for Throttled and Unavailable: when to try again; 0 means unknown

	cause error
}

// New returns an error value. Its owner declares it as an exported Err... variable.
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

// InvalidFields returns an Invalid error with these messages.
func InvalidFields(fields map[string][]string) *Error {
	return &Error{Kind: Invalid, Code: "validation_failed", Detail: "Some fields are not valid.", Fields: fields}
}

// WholeRecord is the value of Unique if several fields are unique together.
const WholeRecord = "*"

// Duplicate returns a Conflict with a record that already has the value of this field, or of WholeRecord.
func Duplicate(field, code, detail string) *Error {
	return &Error{Kind: Conflict, Code: code, Detail: detail, Unique: field}
}

// Because returns the same error with its cause, for the log. The cause is never sent to a client.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.cause = cause
	return &with
}

// Error returns the text for logs. It includes the cause, so it must not be sent to clients, which get Detail.
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

// FieldName returns name as a key of Fields. Where it has other characters than names have, or too many, it returns
// place: the part of the request that the field is in.
func FieldName(name, place string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]"
	if name == "" || len(name) > 64 || strings.Trim(name, letters) != "" {
		return place
	}
	return name
}
