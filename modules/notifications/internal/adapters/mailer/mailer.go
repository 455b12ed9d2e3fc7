// Package mailer writes messages in the recipient's language and sends them by mail.
package mailer

import (
	"context"
	"errors"
	"strings"

	"go.uber.org/zap"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/mail"
)

// New returns the function that makes Mailers, and the texts of pages. Errors: texts that are incomplete.
func New(
	server mail.Config, cfg notifications.Config, clk clock.Clock, log *zap.Logger,
) (ports.NewMailer, ports.Texts, error) {
	texts, err := loadTexts()
	if err != nil {
		return nil, nil, err
	}
	newMailer := func() (ports.Mailer, error) {
		sender, err := mail.NewSender(server, clk, log)
		return &mailer{Sender: sender, texts: texts, practice: cfg.PracticeName}, err
	}
	return newMailer, pages{texts, cfg.PracticeName}, nil
}

type mailer struct {
	mail.Sender
	texts    texts
	practice string
}

func (s *mailer) Send(ctx context.Context, m domain.Message) error {
	written, err := s.texts.write(m, s.practice)
	if err != nil {
		return &domain.Failure{Scope: domain.ForNow, Code: "text"} // a defect of this release: the next one may send it
	}
	written.ID, written.To = m.ID, m.To
	if m.Unsubscribe != "" {
		written.Headers = map[string]string{ // RFC 8058
			"List-Unsubscribe": "<" + m.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		}
	}
	return failureOf(s.Sender.Send(ctx, written))
}

// hasNoAddress reports whether nothing can be sent to this recipient. A content that cannot be sent may be that of all
// messages, because of the configuration or a defect.
func hasNoAddress(failed *mail.Error) bool {
	return failed.Code == mail.CodeAddress || failed.Code == mail.CodeNoUTF8
}

// policy is the part of a code that a server gives for reasons of its policy (RFC 3463, section 3.8).
const policy = " 5.7."

// failureOf returns the failure of an error of Sender. A rejection for a reason of policy, such as "relaying denied",
// may concern all recipients and end when the operator has corrected something: the message is sent again.
func failureOf(err error) error {
	failed, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return err
	}
	failure := &domain.Failure{Scope: domain.OfChannel, Code: failed.Code}
	switch {
	// The server ended the connection, or is about to, when it had got a recipient: it may be because of this one.
	case failed.Failure == mail.Channel && (failed.Step == mail.StepRcpt || failed.Step == mail.StepData):
		failure.Scope, failure.Doubtful = domain.ForNow, true
	case failed.Failure == mail.Temporary || failed.Failure == mail.Permanent && strings.Contains(failed.Code, policy):
		failure.Scope = domain.ForNow
	case failed.Failure == mail.Permanent:
		failure.Scope, failure.Doubtful = domain.Permanently, !hasNoAddress(failed)
	}
	return failure
}
