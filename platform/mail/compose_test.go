package mail_test

import (
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"healthcare/platform/clock"
	"healthcare/platform/mail"
)

var noon = time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)

// compose returns the file that a message is written to.
func compose(t testing.TB, cfg mail.Config, m mail.Message) string {
	t.Helper()
	if cfg.Folder == "" {
		cfg.Folder = filepath.Join(t.TempDir(), "mail")
	}
	sender, err := mail.NewSender(cfg, clock.At(noon), zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, sender.Send(t.Context(), m))
	content, err := os.ReadFile(mail.FilePath(cfg.Folder, m.ID))
	require.NoError(t, err)
	return string(content)
}

func parse(t require.TestingT, content string) *netmail.Message {
	parsed, err := netmail.ReadMessage(strings.NewReader(content))
	require.NoError(t, err)
	return parsed
}

func TestFormat(t *testing.T) {
	t.Parallel()
	m := newMessage()
	m.Subject = "Ihr Termin in der Praxis Müller  am Montag"
	m.Text = "Grüße\nvon\r\nder\rPraxis" + strings.Repeat(" und mehr", 200) + "\n.\n"
	m.Headers = map[string]string{
		"List-Unsubscribe":      "<https://clinic.example/unsubscribe/" + strings.Repeat("x", 200) + ">",
		"list-unsubscribe-post": "List-Unsubscribe=One-Click",
	}
	content := compose(t, mail.Config{From: "Praxis Müller <clinic@bücher.example>"}, m)
	parsed := parse(t, content)
	decode := func(name string) string {
		decoded, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(name))
		require.NoError(t, err)
		return decoded
	}

	t.Run("has each header once, and none that names the software", func(t *testing.T) {
		names := []string{
			"Auto-Submitted", "Content-Type", "Date", "From", "List-Unsubscribe", "List-Unsubscribe-Post", "Message-Id",
			"Mime-Version", "Subject", "To",
		}
		for name, values := range parsed.Header {
			require.Contains(t, names, name)
			require.Len(t, values, 1, name)
		}
		require.Len(t, parsed.Header, len(names))
		require.NotContains(t, strings.ToLower(content), "go-mail")
		require.Equal(t, "<"+m.ID.String()+"@xn--bcher-kva.example>", parsed.Header.Get("Message-Id"))
		require.Equal(t, "Mon, 30 Nov 2026 12:00:00 +0000", parsed.Header.Get("Date"))
		require.Equal(t, "Praxis Müller <clinic@xn--bcher-kva.example>", decode("From"))
		require.Equal(t, "<"+canaryTo+">", parsed.Header.Get("To"))
		require.Equal(t, "Ihr Termin in der Praxis Müller am Montag", decode("Subject"))
		require.Equal(t, m.Headers["List-Unsubscribe"], parsed.Header.Get("List-Unsubscribe"))
		require.Equal(t, "List-Unsubscribe=One-Click", parsed.Header.Get("List-Unsubscribe-Post"))
	})
	t.Run("has lines that end with CRLF and are short ASCII", func(t *testing.T) {
		lines := strings.Split(content, "\r\n")
		require.Equal(t, "", lines[len(lines)-1])
		for _, line := range lines {
			require.NotContains(t, line, "\n")
			require.NotContains(t, line, "\r")
			require.LessOrEqual(t, len(line), 998)
			require.NotRegexp(t, `[^\t -~]`, line)
			require.NotRegexp(t, `^\s+$`, line)
		}
	})
	t.Run("has the text first and then HTML", func(t *testing.T) {
		kind, parameters, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "multipart/alternative", kind)
		reader := multipart.NewReader(parsed.Body, parameters["boundary"])
		lineEnds := strings.NewReplacer("\r\n", "\n", "\r", "\n")
		for _, want := range []struct{ kind, content string }{
			{"text/plain; charset=UTF-8", lineEnds.Replace(m.Text)}, {"text/html; charset=UTF-8", m.HTML + "\n"},
		} {
			part, err := reader.NextPart()
			require.NoError(t, err)
			require.Equal(t, want.kind, part.Header.Get("Content-Type"))
			body, err := io.ReadAll(part)
			require.NoError(t, err)
			require.Equal(t, want.content, lineEnds.Replace(string(body)))
		}
		_, err = reader.NextPart()
		require.ErrorIs(t, err, io.EOF)
	})
	t.Run("is a single part without HTML", func(t *testing.T) {
		m := m
		m.HTML = ""
		parsed := parse(t, compose(t, mail.Config{}, m))
		require.Equal(t, "text/plain; charset=UTF-8", parsed.Header.Get("Content-Type"))
		require.Regexp(t, `@healthcare\.invalid>$`, parsed.Header.Get("Message-Id"))
	})
}

func TestInjectionIsRejected(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mail")
	sender := newSender(t, mail.Config{Folder: folder})
	for _, to := range []string{
		"", "clinic", canaryTo + "\r\nBcc: x@clinic.example", canaryTo + "\nx", "x\r" + canaryTo, canaryTo + "\x00",
		canaryTo + ", x@clinic.example", "<" + canaryTo + ">", "Name <" + canaryTo + ">", canaryTo + " (Name)",
		canaryLocal + "@[127.0.0.1]", canaryLocal + "@", canaryLocal + "@a..b", canaryLocal + "@clinic.example>",
		"\"" + canaryLocal + "\r\n\"@clinic.example", strings.Repeat("x", 65) + "@clinic.example",
		canaryTo + " NOTIFY=NEVER", canaryLocal + "\xff@clinic.example",
	} {
		m := newMessage()
		m.To = to
		requireFailure(t, sender.Send(t.Context(), m), mail.Permanent, mail.StepMessage, mail.CodeAddress)
	}
	content := func(change func(*mail.Message)) {
		t.Helper()
		m := newMessage()
		change(&m)
		requireFailure(t, sender.Send(t.Context(), m), mail.Permanent, mail.StepMessage, mail.CodeContent)
	}
	for _, value := range []string{
		"", " ", canarySubject + "\r\nBcc: x@clinic.example", canarySubject + "\nx", canarySubject + "\rx",
		canarySubject + "\tx", canarySubject + "\u0085x", canarySubject + "\x00", canarySubject + "\xff",
		canarySubject + strings.Repeat("x", 900),
	} {
		content(func(m *mail.Message) { m.Subject = value })
		content(func(m *mail.Message) { m.Headers = map[string]string{"List-Unsubscribe": value} })
	}
	for _, name := range []string{
		"", "X: y\r\nBcc", "X Y", "X:", "Bcc", "bcc", "From", "SUBJECT", "Content-Type", "Resent-To", "X-Mailer",
		"User-Agent", "Message-ID", "Ünsubscribe", "DKIM-Signature", strings.Repeat("x", 62),
	} {
		content(func(m *mail.Message) { m.Headers = map[string]string{name: canarySubject} })
	}
	longest := newMessage()
	longest.Subject = strings.Repeat("x", 900)
	require.Len(t, parse(t, compose(t, mail.Config{}, longest)).Header.Get("Subject"), 900)
	content(func(m *mail.Message) { m.Subject = longest.Subject + "x" })
	content(func(m *mail.Message) { m.Text = "" })
	content(func(m *mail.Message) { m.Text = canaryText + "\xff" })
	content(func(m *mail.Message) { m.HTML = canaryText + "\xff" })
	require.NoDirExists(t, folder, "nothing was written")
}

// Any subject is either rejected or arrives unchanged, except for repeated spaces, without another header.
func TestSubjects(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	sender, err := mail.NewSender(mail.Config{Folder: folder}, clock.At(noon), zap.NewNop())
	require.NoError(t, err)
	spaces, ctx := regexp.MustCompile(` +`), t.Context()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(
			rapid.String(), rapid.SampledFrom([]string{"", "", "\r\n", "\n", "é", "=?UTF-8?q?", "Bcc: x@x"}),
			rapid.StringMatching(`[ -~]{60,90}`),
		)
		subject := strings.Join(rapid.SliceOfN(word, 1, 12).Draw(t, "words"), " ")
		m := mail.Message{ID: uuid.Nil, To: canaryTo, Subject: subject, Text: canaryText}
		if sender.Send(ctx, m) != nil {
			return
		}
		content, err := os.ReadFile(mail.FilePath(folder, m.ID))
		require.NoError(t, err)
		parsed := parse(t, string(content))
		require.Len(t, parsed.Header, 9, "%s", content)
		if strings.Contains(subject, "=?") {
			return // a mail program may decode it
		}
		decoded, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, strings.Trim(spaces.ReplaceAllString(subject, " "), " "), decoded)
	})
}
