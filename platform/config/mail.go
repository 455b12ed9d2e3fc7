package config

import (
	"errors"

	"healthcare/platform/mail"
)

// checkMailURL validates the address of the mail server, and that there is a sender for it. Errors do not quote it,
// because it contains a password.
func checkMailURL(c Config) error {
	if c.MailURL == "" {
		return nil
	}
	if _, err := mail.ParseServer(c.MailURL.Reveal()); err != nil {
		return err
	}
	if c.MailFrom == "" {
		return errors.New("needs mail_from (MAIL_FROM), the address that messages are sent from")
	}
	return nil
}

func checkMailFrom(from string) error {
	_, err := mail.ParseFrom(from)
	return err
}

func checkDKIMSelector(c Config) error {
	if c.MailDKIMSelector == "" {
		return nil
	}
	if err := mail.CheckSelector(c.MailDKIMSelector); err != nil {
		return err
	}
	if c.MailDKIMKey == "" {
		return errors.New("needs mail_dkim_key (MAIL_DKIM_KEY_FILE), the private key that signs messages")
	}
	if c.MailFrom == "" {
		return errors.New("needs mail_from (MAIL_FROM), whose domain signs messages")
	}
	return nil
}

func checkDKIMKey(c Config) error {
	if c.MailDKIMKey == "" {
		return nil
	}
	if _, err := mail.ParseKey(c.MailDKIMKey.Reveal()); err != nil {
		return err
	}
	if c.MailDKIMSelector == "" {
		return errors.New("needs mail_dkim_selector (MAIL_DKIM_SELECTOR), the name of the public key in the DNS")
	}
	return nil
}
