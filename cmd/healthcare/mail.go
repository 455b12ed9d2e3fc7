package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/mail"
)

func mailCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "mail", Short: "Send a test message",
		Args: cobra.NoArgs, // with RunE, as for migrate
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(&cobra.Command{
		Use: "test ADDRESS", Short: "Send a test message to an address; exit 1 if the server does not accept it",
		Long: `Send a test message to an address with the server of MAIL_URL and the sender of MAIL_FROM, and print the
result. Without MAIL_URL, write the message to a file in DATA_DIR/mail and print its path.

A server that accepts a message has not delivered it yet: look into the mailbox, and into its folder
for spam. If the server does not accept it, the command exits with 1 and prints the code of the failure
and its remedy. It needs no database and no running server of this program.`,
		Example: `  healthcare mail test asha@clinic.example
  MAIL_URL='smtp://localhost:1025?tls=none' MAIL_FROM=clinic@clinic.example \
    healthcare mail test asha@clinic.example`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig()
			if err != nil {
				return err
			}
			return sendTestMessage(cmd.Context(), cmd.OutOrStdout(), cfg, args[0])
		},
	})
	return command
}

const (
	testSubject = "Test message"
	testText    = "This message was sent by `healthcare mail test`. Nothing needs to be done."
	testHTML    = "<p>This message was sent by <code>healthcare mail test</code>. Nothing needs to be done.</p>"
)

func sendTestMessage(ctx context.Context, out io.Writer, cfg config.Config, address string) error {
	settings := composition.MailConfig(cfg)
	sender, err := mail.NewSender(settings, clock.New(), zap.NewNop()) // the command prints the result itself
	if err != nil {
		return err
	}
	defer sender.Close()
	message := mail.Message{ID: uuid.New(), To: address, Subject: testSubject, Text: testText, HTML: testHTML}
	if settings.URL == "" {
		return writeTestMessage(ctx, out, sender, settings.Folder, message)
	}
	server, err := mail.ParseServer(settings.URL.Reveal())
	if err != nil {
		return err
	}
	if err := sender.Send(ctx, message); err != nil {
		return explainMailFailure(err, server)
	}
	signed := "not signed with DKIM"
	if settings.DKIMSelector != "" {
		signed = "signed with DKIM"
	}
	fmt.Fprintf(out, "%s accepted the message %s (%s, %s)\n", server.Address(), message.ID, server.Security, signed)
	fmt.Fprintln(out, "Accepted is not delivered: look into the mailbox, and into its folder for spam.")
	return nil
}

func writeTestMessage(
	ctx context.Context, out io.Writer, sender mail.Sender, folder string, message mail.Message,
) error {
	if absolute, err := filepath.Abs(folder); err == nil {
		folder = absolute
	}
	if err := sender.Send(ctx, message); err != nil {
		failure, ok := errors.AsType[*mail.Error](err)
		if ok && failure.Step == mail.StepFile {
			return fmt.Errorf("cannot write to %s: check DATA_DIR, its permissions and its disk (%s)", folder,
				failure.Code)
		}
		return explainMailFailure(err, mail.Server{})
	}
	fmt.Fprintf(out, "MAIL_URL is not set. The message was written to %s\n", mail.FilePath(folder, message.ID))
	return nil
}

// explainMailFailure returns an error with the remedy of a failure.
func explainMailFailure(err error, server mail.Server) error {
	failure, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return err
	}
	return fmt.Errorf("the message was not sent: %s (%s)", mailRemedy(failure, server), failure.Code)
}

// mailRemedy returns a sentence about the cause of a failure and its remedy.
func mailRemedy(failure *mail.Error, server mail.Server) string {
	address := server.Address()
	switch failure.Code {
	case mail.CodeAddress:
		return "the argument is not an e-mail address such as asha@clinic.example"
	case mail.CodeCancelled:
		return "the command was interrupted"
	case mail.CodeRefused:
		return address + " refuses connections: check the host and the port in MAIL_URL"
	case mail.CodeUnknownHost:
		return server.Host + " has no address in the DNS: check the host in MAIL_URL"
	case mail.CodeCertificate:
		return "the certificate of " + address + " is expired, made for another name, or of an unknown issuer: write " +
			"the name of the certificate in MAIL_URL; SSL_CERT_FILE names a file with an issuer of your own"
	case mail.CodeNoSTARTTLS:
		return address + " does not offer STARTTLS, so nothing was sent: use smtps:// and its port, usually 465"
	case mail.CodeNoMechanism:
		return address + " offers no known way to authenticate: use the port for submission, usually 587 or 465"
	case mail.CodeNoUTF8:
		return address + " only accepts recipients in ASCII letters"
	case mail.CodeTimeout:
		return address + " did not respond in time: check firewalls, and that port 465 is used with smtps:// and " +
			"port 587 with smtp://"
	case mail.CodeClosed, mail.CodeUnknown:
		return address + " closed the connection or does not speak SMTP: check that it runs, and the port in MAIL_URL"
	}
	switch {
	case failure.Failure == mail.Temporary || strings.HasPrefix(failure.Code, "4"):
		return address + " postponed the message: try again in a few minutes"
	case failure.Step == mail.StepRcpt && failure.Failure == mail.Permanent:
		return address + " rejects the recipient: check the address, and that MAIL_URL has the user and the password " +
			"if the server requires them"
	case failure.Step == mail.StepData && failure.Failure == mail.Permanent:
		return address + " rejects the message: it may require another MAIL_FROM, or DKIM"
	case failure.Step == mail.StepAuth:
		return address + " rejects the user or the password in MAIL_URL"
	case failure.Step == mail.StepMail:
		return address + " rejects the sender: MAIL_FROM must be an address that the user of MAIL_URL may send from"
	case failure.Step == mail.StepTLS:
		return address + " cannot encrypt the connection: it needs TLS 1.2 or newer, smtps:// on port 465, and smtp:// " +
			"on port 587"
	}
	return address + " failed at the step " + string(failure.Step) + ": check the server, or try again later"
}
