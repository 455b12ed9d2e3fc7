package mail_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/clock"
	"healthcare/platform/mail"
)

func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]mail.Server{
		"smtp://mail.clinic.example": {Host: "mail.clinic.example", Port: "587", Security: mail.STARTTLS},
		"smtp://clinic:pass@mail.clinic.example:25/": {
			Host: "mail.clinic.example", Port: "25", Security: mail.STARTTLS, User: "clinic", Password: "pass",
		},
		"smtps://clinic%40clinic.example:p%2Fa%40ss%3A@mail.clinic.example": {
			Host: "mail.clinic.example", Port: "465", Security: mail.ImplicitTLS, User: "clinic@clinic.example",
			Password: "p/a@ss:",
		},
		"smtp://localhost:1025?tls=none": {Host: "localhost", Port: "1025", Security: mail.Unencrypted},
		"smtp://127.9.9.9?tls=none":      {Host: "127.9.9.9", Port: "25", Security: mail.Unencrypted},
		"smtp://[::1]:1025?tls=none":     {Host: "::1", Port: "1025", Security: mail.Unencrypted},
		"smtp://[2001:db8::1]":           {Host: "2001:db8::1", Port: "587", Security: mail.STARTTLS},
	} {
		server, err := mail.ParseServer(text)
		require.NoError(t, err, text)
		require.Equal(t, want, server, text)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", server, server, server), "p/a@ss")
	}
	for _, host := range []string{
		"mail.clinic.example", "10.0.0.1", "localhost.clinic.example", "[::ffff:10.0.0.1]", "[::]", "0.0.0.0",
	} {
		_, err := mail.ParseServer("smtp://" + host + ":1025?tls=none")
		require.ErrorContains(t, err, "must have a loopback host (localhost, 127.0.0.1 or ::1) with tls=none", host)
	}
	for _, text := range []string{
		"", "mail.clinic.example", "http://mail.clinic.example", "smtp:", "smtp://", "smtp://:587", "smtp://a b",
		"smtp://mail_x\r\n", "smtp://h?tls=none&x", "smtp://h:x", "smtp://-h", "smtp://[fe80::1%25eth0]",
		"smtp://h#x", "smtp://h/x", "smtp:h", "smtp://h?x", "smtps://h?tls=none", "smtp://h:0", "smtp://h:65536",
		"smtp://u:" + password + "/x@h", "smtp://u:" + password + "#x@h", "smtp://u:1" + password + "?x@h",
	} {
		_, err := mail.ParseServer(text)
		require.ErrorContains(t, err, "is not an address such as smtp://", text)
		require.NotContains(t, err.Error(), password)
	}
	for _, text := range []string{"smtp://u@h", "smtp://u:@h", "smtp://:" + password + "@h", "smtp://:@h", "smtp://@h"} {
		_, err := mail.ParseServer(text)
		require.ErrorContains(t, err, "needs a user and a password, or neither", text)
		require.NotContains(t, err.Error(), password)
	}
}

func TestParseFrom(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"clinic@clinic.example":                  "<clinic@clinic.example>",
		"Example Clinic <clinic@clinic.example>": `"Example Clinic" <clinic@clinic.example>`,
		"Clinic <clinic@bücher.example>":         `"Clinic" <clinic@xn--bcher-kva.example>`,
		`"Dr. Rao, Clinic" <c@clinic.example>`:   `"Dr. Rao, Clinic" <c@clinic.example>`,
	} {
		from, err := mail.ParseFrom(text)
		require.NoError(t, err, text)
		require.Equal(t, want, from.String())
	}
	_, err := mail.ParseFrom("clinic")
	require.ErrorContains(t, err, "must be an address such as")
}

func TestNewSenderRejects(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]mail.Config{
		"a server without a sender":  {URL: "smtp://mail.clinic.example"},
		"an invalid address":         {URL: "smtp://u:" + password + "@", From: "clinic@clinic.example"},
		"a selector without a key":   {From: "clinic@clinic.example", DKIMSelector: "mail2026"},
		"a key that is not readable": {From: "clinic@clinic.example", DKIMSelector: "mail2026", DKIMKey: password},
	} {
		_, err := mail.NewSender(cfg, clock.New(), nil)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), password)
	}
}
