// Package mail sends messages to an SMTP server, or writes them to files where none is configured. Neither its errors
// nor its log contain an address or a text of a message.
package mail

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"healthcare/platform/clock"
	"healthcare/platform/keyfile"
)

// Config is the configuration of senders.
type Config struct {
	URL          keyfile.Secret // for ParseServer; empty: messages are written to Folder
	From         string         // for ParseFrom; required with a URL
	DKIMSelector string         // empty: messages are not signed
	DKIMKey      keyfile.Secret // for ParseKey
	Folder       string         // for messages without a server
	Timeout      time.Duration  // for one message; 0: 30 s
	RootCAs      *x509.CertPool // issuers of the server's certificate; nil: those of the system
}

const defaultTimeout = 30 * time.Second

// Message is one message to one recipient. A Message with the same ID is the same message: its Message-ID is equal, and
// so is the name of its file.
type Message struct {
	ID      uuid.UUID
	To      string // a bare address
	Subject string
	Text    string
	HTML    string            // empty: the message has only its text
	Headers map[string]string // more headers, such as List-Unsubscribe
}

// Sender sends messages. A Sender keeps its connection between messages and is used by one goroutine.
type Sender interface {
	// Send sends one message. It returns nil once the server has accepted the message, which does not mean that it is
	// delivered. It takes at most the time of the context and of Config.Timeout.
	// Errors: *Error, after which the message may be sent again with the same ID, unless the failure is Permanent. A
	// server may have accepted a message whose Send failed at StepData.
	Send(ctx context.Context, m Message) error

	// Close ends the connection, or removes files of messages that are older than 30 days. The Sender may be used again
	// afterwards. Errors: none.
	Close()
}

// NewSender returns a sender. Errors: an invalid configuration, without its secrets.
func NewSender(cfg Config, clk clock.Clock, log *zap.Logger) (Sender, error) {
	writer, err := newComposer(cfg, clk)
	if err != nil {
		return nil, err
	}
	if cfg.URL == "" {
		return &fileSender{composer: writer, folder: cfg.Folder, log: log}, nil
	}
	server, err := ParseServer(cfg.URL.Reveal())
	if err != nil {
		return nil, err
	}
	return newSMTPSender(writer, server, cfg), nil
}

// LogDestination logs at the start of a program that messages are written to files, if no server is configured.
func LogDestination(cfg Config, log *zap.Logger) {
	if cfg.URL == "" {
		log.Info("mail is written to files, because mail_url (MAIL_URL) is not set", zap.String("folder", cfg.Folder))
	}
}

// FilePath returns the path of the file that a message is written to.
func FilePath(folder string, id uuid.UUID) string {
	return filepath.Join(folder, id.String()+fileSuffix)
}

const fileSuffix = ".eml"
