// Package errs holds the few kinds of error the house knows. Every module declares its own error values from them;
// platform/httpserver is the only place where a kind meets an HTTP status. It depends on nothing.
package errs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what went wrong in terms a client can act on.
type Kind uint8

// The kinds, in the order of their HTTP statuses. The zero Kind is Internal: whatever nobody classified is our fault.
const (
	Internal        Kind = iota // a defect or an unexpected failure: the client learns nothing of it
	Invalid                     // the input breaks a rule
	Unauthenticated             // nobody is signed in, or the credentials are wrong
	Forbidden                   // the role may not do this at all
	NotFound                    // no such thing, or it is not the caller's to see
	Conflict                    // it contradicts what is already there
	Gone                        // it was there, and is no longer
	Stale                       // it was changed since the client read it
	Unconditional               // the client must say which version it changes
	Unprocessable               // understood, but it contradicts an earlier request
	Throttled                   // too many attempts: later, perhaps
	Unavailable                 // the store or another resource cannot serve right now: later
)

// Error is what use cases and repositories return when a client is to be told why.
type Error struct {
	Kind   Kind
	Code   string              // stable and documented, lower_snake_case: the client's programs compare it
	Detail string              // one sentence, safe to show: never a value of a patient, SQL or an internal message
	Fields map[string][]string // for Invalid: each field of the request and its messages

	Unique string // for Conflict: the field whose value another record already has; WholeRecord if several fields are unique together

	RetryAfter time.Duration // for Throttled and Unavailable: when to try again; 0 means unsaid

	cause error
}

// New declares an error value: owners keep it in an exported Err... variable.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Invalidf is one field's refusal, for rules that are checked outside a validation map.
func Invalidf(field, format string, args ...any) *Error {
	return InvalidFields(map[string][]string{field: {fmt.Sprintf(format, args...)}})
}

// Fields turns a validation map (field -> error or nil) into an Invalid error that names every refused field at once,
// or nil when there is none. An ozzo validation.Errors is such a map.
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

func InvalidFields(fields map[string][]string) *Error {
	return &Error{Kind: Invalid, Code: "validation_failed", Detail: "Some fields are not valid.", Fields: fields}
}

// WholeRecord stands for a field's name where several fields are unique together.
const WholeRecord = "*"

// Duplicate declares a Conflict with a record that already has this value of a field, or WholeRecord.
func Duplicate(field, code, detail string) *Error {
	return &Error{Kind: Conflict, Code: code, Detail: detail, Unique: field}
}

// Because is the same error with its cause kept for the log. The cause is never shown to a client.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.cause = cause
	return &with
}

// Error is the text for logs: it includes the cause, so it must not be shown to clients. They are shown Detail.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Detail
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Is makes an error equal to the value it was declared as, whatever its cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code && t.Detail == e.Detail
}

// KindOf classifies any error; what is not an *Error is Internal.
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
