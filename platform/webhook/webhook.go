// Package webhook sends webhooks by the Standard Webhooks specification (https://www.standardwebhooks.com, version 1).
// It protects the operator's network: it connects to public addresses only, and to those that the operator allows.
// Neither its errors nor the texts of its values contain a URL, a body, a response or a secret.
package webhook

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"time"

	"healthcare/platform/clock"
)

// Config is the configuration of a sender.
type Config struct {
	AllowPrivate []netip.Prefix // addresses that may be called although they are not public, also by http
	Timeout      time.Duration  // for one delivery, from the look-up to the response; 0: 10 s
	Resolver     *net.Resolver  // nil: that of the system
	RootCAs      *x509.CertPool // issuers of the receivers' certificates; nil: those of the system
}

const defaultTimeout = 10 * time.Second

// Message is one attempt to deliver a webhook. Its texts for people and its JSON show the ID only.
type Message struct {
	ID      string // letters, digits, _ and -; equal in all attempts, so that the receiver detects repetitions
	URL     string
	At      time.Time // of the attempt; receivers reject a message of more than about five minutes ago
	Body    []byte    // JSON
	Secrets []Secret  // at least one; each signs the message
}

// String returns the message's ID.
func (m Message) String() string { return "webhook " + m.ID }

// Format implements fmt.Formatter for every verb, because fmt would print the fields for %+v.
func (m Message) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// MarshalText implements encoding.TextMarshaler, for encoders.
func (m Message) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Sender sends webhooks. It is safe for concurrent use.
type Sender interface {
	// Send makes one attempt to deliver a message. It returns nil once the receiver has responded with a status of
	// 200 to 299. It takes at most the time of the context and of Config.Timeout.
	// Errors: *Error, after which the receiver may still have processed the message.
	Send(ctx context.Context, m Message) error
}

// NewSender returns a sender.
func NewSender(cfg Config, clk clock.Clock) Sender {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	return &sender{cfg: cfg, clock: clk}
}
