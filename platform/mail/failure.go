package mail

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"syscall"
)

// Failure classifies an Error by its scope and its remedy.
type Failure uint8

// The failures.
const (
	Channel   Failure = iota // the server or the connection to it: other messages fail as well, so sending should pause
	Temporary                // this recipient, now: the message should be sent again later
	Permanent                // this recipient or message: sending it again is useless
)

// String returns a text for people.
func (f Failure) String() string {
	switch f {
	case Temporary:
		return "temporary failure of a recipient"
	case Permanent:
		return "permanent failure of a recipient"
	default:
		return "failure of the channel"
	}
}

// Step is the part of sending that failed.
type Step string

// The steps, in their order.
const (
	StepMessage  Step = "message" // composing it
	StepFile     Step = "file"    // writing it to a file
	StepConnect  Step = "connect"
	StepTLS      Step = "TLS"
	StepGreeting Step = "greeting"
	StepAuth     Step = "AUTH"
	StepMail     Step = "MAIL"
	StepRcpt     Step = "RCPT"
	StepData     Step = "DATA"
)

// Codes of failures that have no reply of a server.
const (
	CodeTimeout     = "timeout"
	CodeCancelled   = "cancelled" // the caller's context
	CodeRefused     = "refused"
	CodeClosed      = "closed" // the server has closed the connection
	CodeUnknownHost = "unknown host"
	CodeTLS         = "TLS failed"
	CodeCertificate = "invalid certificate"
	CodeNoSTARTTLS  = "no STARTTLS"
	CodeNoMechanism = "no AUTH mechanism"
	CodeNoUTF8      = "no SMTPUTF8" // the address has other letters than ASCII, and the server does not accept them
	CodeAddress     = "invalid address"
	CodeContent     = "invalid content" // of the subject, a text or a header
	CodeUnknown     = "unknown"
)

// Error is a message that was not sent. It contains nothing of the message, and no text of the server, which often
// quotes the recipient: its cause is not wrapped.
type Error struct {
	Failure Failure
	Step    Step
	Code    string // a reply without its text, such as "550 5.1.1"; a constant of this package; the text of an errno
}

// Error returns the failure, its code and its step.
func (e *Error) Error() string { return fmt.Sprintf("mail: %s: %s (%s)", e.Failure, e.Code, e.Step) }

// serverReplies lists the replies that concern the server at any step: it closes the connection (RFC 5321, section
// 3.8), or it requires, or rejects, an authentication (RFC 4954, section 6).
var serverReplies = map[int]bool{421: true, 530: true, 534: true, 535: true, 538: true}

// newError classifies the error of a step.
func newError(step Step, err error) *Error {
	failure := &Error{Step: step, Code: codeOf(step, err)}
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok || serverReplies[reply.Code] || step != StepRcpt && step != StepData {
		return failure
	}
	switch reply.Code / 100 {
	case 4:
		failure.Failure = Temporary
	case 5:
		failure.Failure = Permanent
	default: // a success at the wrong place: the server does not follow the protocol
	}
	return failure
}

// codeOf returns the code of an error. It quotes no text that a server chooses.
func codeOf(step Step, err error) string {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return replyCode(reply)
	}
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
	if step == StepTLS {
		return CodeTLS
	}
	return CodeUnknown
}

// enhancedCode matches the code at the start of a reply's text (RFC 2034).
var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

func replyCode(reply *textproto.Error) string {
	code := fmt.Sprintf("%03d", reply.Code)
	if enhanced := enhancedCode.FindString(reply.Msg); enhanced != "" && enhanced[0] == code[0] {
		code += " " + enhanced
	}
	return code
}
