package webhook

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// Failure classifies an Error by its remedy.
type Failure uint8

// The failures.
const (
	Temporary Failure = iota // the message should be sent again later
	Gone                     // the receiver responded 410: its endpoint should be disabled
	Refused                  // the address, the URL or the message is not permitted: the receiver was not called
)

// String returns a text for people.
func (f Failure) String() string {
	switch f {
	case Gone:
		return "endpoint gone"
	case Refused:
		return "not permitted"
	default:
		return "temporary failure"
	}
}

// Codes of failures that have no status of HTTP.
const (
	CodeTimeout     = "timeout"
	CodeCancelled   = "cancelled" // the caller's context
	CodeRefused     = "refused"   // the connection
	CodeClosed      = "closed"    // the receiver has closed the connection
	CodeUnknownHost = "unknown host"
	CodeTLS         = "TLS failed"
	CodeCertificate = "invalid certificate"
	CodeRedirect    = "redirect"         // a status of 300 to 399
	CodeResponse    = "invalid response" // not HTTP, or with a large header
	CodeAddress     = "forbidden address"
	CodeURL         = "forbidden URL"   // CheckURL describes the reason
	CodeMessage     = "invalid message" // no secret, or an ID with other characters
	CodeUnknown     = "unknown"
)

// Error is a message that was not delivered. It contains nothing of the message and no text of the receiver: its cause
// is not wrapped.
type Error struct {
	Failure    Failure
	Code       string        // a status such as "http 503"; a constant of this package; the text of an errno
	RetryAfter time.Duration // that the receiver asked for with a status 429 or 503, at most 6 h; 0: none
}

// Error returns the failure and its code.
func (e *Error) Error() string { return fmt.Sprintf("webhook: %s: %s", e.Failure, e.Code) }

// newError classifies the error of a step. A cause without a code of its own has that of the step.
func newError(err error, step string) *Error {
	if errors.Is(err, errForbidden) {
		return &Error{Failure: Refused, Code: CodeAddress}
	}
	return &Error{Code: codeOf(err, step)}
}

// codeOf returns the code of an error. It quotes no text that a receiver chooses.
func codeOf(err error, step string) string {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return CodeTimeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return CodeUnknownHost
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return CodeCertificate
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return CodeClosed
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return CodeRefused
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	return step
}
