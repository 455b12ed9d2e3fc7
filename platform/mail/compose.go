package mail

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"healthcare/platform/clock"
)

// fileFrom is the sender of messages in files if none is configured. Its domain never exists (RFC 2606).
const fileFrom = "healthcare@healthcare.invalid"

// composer writes messages in the format of RFC 5322.
type composer struct {
	from   *mail.Address
	domain string // of from
	signer *gomail.DKIMSigner
	clk    clock.Clock
}

// newComposer returns a composer. Errors: an invalid sender or DKIM key.
func newComposer(cfg Config, clk clock.Clock) (*composer, error) {
	if cfg.From == "" && cfg.URL == "" {
		cfg.From = fileFrom
	}
	from, err := ParseFrom(cfg.From)
	if err != nil {
		return nil, err
	}
	domain := from.Address[strings.LastIndex(from.Address, "@")+1:]
	c := &composer{from: from, domain: domain, clk: clk}
	if cfg.DKIMSelector == "" {
		return c, nil
	}
	key, err := ParseKey(cfg.DKIMKey.Reveal())
	if err != nil {
		return nil, err
	}
	c.signer = gomail.NewDKIMSigner(domain, cfg.DKIMSelector, key)
	c.signer.NowFunc = clk.Now
	c.signer.SignHeaders("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
		"List-Unsubscribe", "List-Unsubscribe-Post") // both: RFC 8058, section 4
	c.signer.OversignHeaders("From", "To", "Subject", "Date") // nobody can add a second one
	return c, c.signer.ValidateConfig()
}

// letter is a message that is ready to be sent.
type letter struct {
	to        string // the address as the server expects it
	needsUTF8 bool
	content   []byte
}

// compose returns the message in its final form. Errors: CodeAddress, CodeContent.
func (c *composer) compose(m Message) (letter, error) {
	to, needsUTF8, err := parseTo(m.To)
	if err != nil {
		return letter{}, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent()) // which would name the library and its version
	if err := c.setHeaders(msg, m); err != nil {
		return letter{}, errContent()
	}
	msg.ToMailAddress(&mail.Address{Address: to})
	if m.Text == "" || !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML) {
		return letter{}, errContent()
	}
	msg.SetBodyString(gomail.TypeTextPlain, endLine(m.Text))
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, endLine(m.HTML))
	}
	var buffer bytes.Buffer
	if _, err := msg.WriteTo(&buffer); err != nil {
		return letter{}, errContent() // without the cause, which may quote the message
	}
	content, err := c.sign(buffer.Bytes())
	if err != nil {
		return letter{}, errContent()
	}
	return letter{to: "<" + quoted(to) + ">", needsUTF8: needsUTF8, content: content}, nil
}

// brokenTag matches a fold inside a value of the field DKIM-Signature.
var brokenTag = regexp.MustCompile(`([^ ])\r\n `)

// sign returns the message with its DKIM signature, if there is a key. go-mail v0.8.1 signs its field without folds,
// and then folds long values, such as the list of headers. Receivers see a space there, so the signature is wrong. sign
// removes these folds and keeps those between values, where a space was signed.
func (c *composer) sign(content []byte) ([]byte, error) {
	if c.signer == nil {
		return content, nil
	}
	head, body, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	field, err := c.signer.Sign(content[:len(head)+len("\r\n")], body)
	if err != nil {
		return nil, err
	}
	values, signature, _ := strings.Cut(field, " b=") // white space in b= is ignored
	return slices.Concat([]byte(brokenTag.ReplaceAllString(values, "$1")+" b="+signature), content), nil
}

func errContent() error { return &Error{Failure: Permanent, Step: StepMessage, Code: CodeContent} }

// quoted returns the address with quotation marks around a local part that needs them.
func quoted(address string) string {
	written := (&mail.Address{Address: address}).String()
	return strings.TrimSuffix(strings.TrimPrefix(written, "<"), ">")
}

// endLine returns text whose last line is complete.
func endLine(text string) string { return strings.TrimRight(text, "\r\n") + "\n" }

// setHeaders sets all headers except To. Errors: an invalid header, without its value.
func (c *composer) setHeaders(msg *gomail.Msg, m Message) error {
	msg.FromMailAddress(c.from)
	msg.SetDateWithValue(c.clk.Now())
	msg.SetMessageIDWithValue(m.ID.String() + "@" + c.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices
	subject, err := headerValue(m.Subject)
	if err != nil {
		return err
	}
	msg.Subject(subject)
	for name, text := range m.Headers {
		if err := checkName(name); err != nil {
			return err
		}
		value, err := headerValue(text)
		if err != nil {
			return err
		}
		msg.SetGenHeader(gomail.Header(textproto.CanonicalMIMEHeaderKey(name)), value)
	}
	return nil
}

var (
	headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)

	// ownHeaders matches the headers that this package writes, or that change who sends or receives a message.
	ownHeaders = regexp.MustCompile(`(?i)^(from|sender|to|cc|bcc|subject|date|message-id|mime-version|auto-submitted|` +
		`dkim-signature|user-agent|x-mailer|return-path|received|(content|resent)-.*)$`)
)

func checkName(name string) error {
	if !headerName.MatchString(name) || ownHeaders.MatchString(name) {
		return errors.New("invalid name of a header")
	}
	return nil
}

// maxValue is the longest value of a header. A line has at most 998 bytes (RFC 5322, section 2.1.1), and a value
// without spaces is one line.
const maxValue = 900

// headerValue returns the value with single spaces, because folding at the second of two spaces would write an empty
// line. Errors: the value is empty, too long or not one line of text.
func headerValue(text string) (string, error) {
	value := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }), " ")
	if value == "" || len(value) > maxValue || !utf8.ValidString(value) ||
		strings.ContainsFunc(value, unicode.IsControl) {
		return "", fmt.Errorf("a header needs one line of 1 to %d bytes", maxValue)
	}
	return value, nil
}
