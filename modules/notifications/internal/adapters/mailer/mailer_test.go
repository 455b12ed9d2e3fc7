package mailer

import (
	"encoding/json"
	"net/mail"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/clock"
	platform "healthcare/platform/mail"
)

const practice = "Example Clinic & Sons"

func newMessage(kind notifications.Kind) domain.Message {
	return domain.Message{
		ID: uuid.New(), Kind: kind, To: "ben@example.org", Language: "en", Link: "https://clinic.example",
		Unsubscribe: "https://clinic.example/unsubscribe/appointment.booked/abc",
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	all, err := loadTexts()
	require.NoError(t, err)
	t.Run("every language has every text", func(t *testing.T) {
		t.Parallel()
		var first map[string]any
		for _, name := range domain.Languages {
			file, err := files.ReadFile("texts/" + name + ".json")
			require.NoError(t, err)
			var keys map[string]any
			require.NoError(t, json.Unmarshal(file, &keys))
			require.Len(t, keys["Days"], 7)
			require.Len(t, keys["Months"], 12)
			if first == nil {
				first = keys
			}
			requireSameKeys(t, name, first, keys)
			kinds := keys["Kinds"].(map[string]any)
			for _, kind := range domain.Kinds() {
				require.Contains(t, kinds, string(kind), name)
			}
		}
	})
	t.Run("every kind can be written in every language", func(t *testing.T) {
		t.Parallel()
		for _, name := range domain.Languages {
			for kind := range all.languages[name].Kinds {
				m := newMessage(kind)
				m.Language, m.When, m.Zone = name, time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC), time.UTC
				written, err := all.write(m, practice)
				require.NoError(t, err)
				for _, text := range []string{written.Subject, written.Text, written.HTML} {
					require.NotEmpty(t, text)
					require.NotContains(t, text, "<no value>")
					require.NotContains(t, text, "{{")
				}
				require.Contains(t, written.Text, "https://clinic.example\n")
				isVisit := strings.HasPrefix(string(kind), "appointment.")
				require.Equal(t, isVisit, strings.Contains(written.Text, "08:30"))
				require.NotContains(t, written.HTML, "& Sons", "the practice's name is escaped")
			}
		}
	})
	t.Run("every kind that can be declined has a page in every language", func(t *testing.T) {
		t.Parallel()
		written := pages{all, practice}
		for _, name := range domain.Languages {
			for _, kind := range domain.DeclinableKinds() {
				ask, err := written.UnsubscribePage(name, kind, false)
				require.NoError(t, err)
				done, err := written.UnsubscribePage(name, kind, true)
				require.NoError(t, err)
				require.Equal(t, all.languages[name].Kinds[kind].Text, ask.Example)
				require.Equal(t, name, ask.Language)
				require.NotEmpty(t, ask.Button)
				require.Empty(t, done.Button)
				require.NotEqual(t, ask.Text, done.Text)
			}
		}
		page, err := written.UnsubscribePage("tlh", notifications.AppointmentBooked, false)
		require.NoError(t, err)
		require.Equal(t, "You have an appointment.", page.Example)
	})
	t.Run("an unknown language is the first one", func(t *testing.T) {
		t.Parallel()
		m := newMessage(notifications.AppointmentBooked)
		m.Language = "tlh"
		written, err := all.write(m, practice)
		require.NoError(t, err)
		require.Contains(t, written.Text, "You have an appointment.")
	})
	t.Run("a token is in the fragment of a link, or a code without one", func(t *testing.T) {
		t.Parallel()
		m := newMessage(notifications.PasswordReset)
		m.Token, m.Validity, m.Link = "a-token", 30*time.Minute-time.Second, "https://clinic.example/reset-password"
		written, err := all.write(m, practice)
		require.NoError(t, err)
		require.Contains(t, written.Text, "\nhttps://clinic.example/reset-password#token=a-token\n")
		require.Contains(t, written.Text, "30 minutes")
		require.Contains(t, written.HTML, `href="https://clinic.example/reset-password#token=a-token"`)
		m.Link, m.Validity = "", 24*time.Hour
		written, err = all.write(m, practice)
		require.NoError(t, err)
		require.Contains(t, written.Text, "\na-token\n")
		require.Contains(t, written.Text, "24 hours")
	})
	t.Run("a time is that of the appointment's zone", func(t *testing.T) {
		t.Parallel()
		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		m := newMessage(notifications.AppointmentReminder)
		m.Language, m.When, m.Zone = "de", time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC), berlin
		written, err := all.write(m, practice)
		require.NoError(t, err)
		require.Contains(t, written.Text, "Donnerstag, 2 Juli 2026, 00:30 (Europe/Berlin)")
	})
}

// requireSameKeys compares the keys of nested objects, and the values that texts name.
func requireSameKeys(t *testing.T, name string, want, got map[string]any) {
	t.Helper()
	for key, value := range want {
		other, exists := got[key]
		require.True(t, exists, "%s lacks %s", name, key)
		switch value := value.(type) {
		case map[string]any:
			requireSameKeys(t, name, value, other.(map[string]any))
		case string:
			require.ElementsMatch(t, placeholders(value), placeholders(other.(string)), "%s: %s", name, key)
		}
	}
	require.Len(t, got, len(want), name)
}

func placeholders(text string) []string {
	return slices.DeleteFunc(strings.Fields(strings.NewReplacer("{{", " {{", "}}", "}} ").Replace(text)),
		func(word string) bool { return !strings.HasPrefix(word, "{{") })
}

func TestMessages(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	newMailer, _, err := New(platform.Config{Folder: folder}, notifications.Config{PracticeName: practice},
		clock.At(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)), zap.NewNop())
	require.NoError(t, err)
	sender, err := newMailer()
	require.NoError(t, err)
	read := func(m domain.Message) mail.Header {
		require.NoError(t, sender.Send(t.Context(), m))
		file, err := os.Open(platform.FilePath(folder, m.ID))
		require.NoError(t, err)
		defer file.Close()
		message, err := mail.ReadMessage(file)
		require.NoError(t, err)
		return message.Header
	}
	t.Run("a kind that can be declined has the header of RFC 8058", func(t *testing.T) {
		header := read(newMessage(notifications.AppointmentReminder))
		require.Equal(t, "<https://clinic.example/unsubscribe/appointment.booked/abc>", header.Get("List-Unsubscribe"))
		require.Equal(t, "List-Unsubscribe=One-Click", header.Get("List-Unsubscribe-Post"))
	})
	t.Run("others have none, and the id is that of the delivery", func(t *testing.T) {
		m := newMessage(notifications.PasswordChanged)
		m.Unsubscribe = ""
		header := read(m)
		require.NotContains(t, header, "List-Unsubscribe")
		require.Contains(t, header.Get("Message-Id"), m.ID.String())
	})
	t.Run("a kind without a text is tried again by a later release", func(t *testing.T) {
		err := sender.Send(t.Context(), newMessage("unknown"))
		require.Equal(t, &domain.Failure{Scope: domain.ForNow, Code: "text"}, err)
	})
}

func TestFailureOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err      *platform.Error
		want     domain.Scope
		doubtful bool
	}{
		"a server that is down": {&platform.Error{Failure: platform.Channel, Code: "refused"}, domain.OfChannel, false},
		"421 to a recipient": {
			&platform.Error{Failure: platform.Channel, Step: platform.StepRcpt, Code: "421 4.7.0"}, domain.ForNow, true,
		},
		"greylisting": {&platform.Error{Failure: platform.Temporary, Code: "451 4.7.1"}, domain.ForNow, false},
		"an unknown address": {
			&platform.Error{Failure: platform.Permanent, Code: "550 5.1.1"}, domain.Permanently, true,
		},
		"a policy":    {&platform.Error{Failure: platform.Permanent, Code: "554 5.7.1"}, domain.ForNow, false},
		"a rejection": {&platform.Error{Failure: platform.Permanent, Code: "554"}, domain.Permanently, true},
		"no address": {
			&platform.Error{Failure: platform.Permanent, Step: platform.StepMessage, Code: platform.CodeAddress},
			domain.Permanently, false,
		},
		"a content that is not accepted": {
			&platform.Error{Failure: platform.Permanent, Step: platform.StepMessage, Code: platform.CodeContent},
			domain.Permanently, true,
		},
		"letters that the server does not take": {
			&platform.Error{Failure: platform.Permanent, Step: platform.StepMail, Code: platform.CodeNoUTF8},
			domain.Permanently, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := &domain.Failure{Scope: test.want, Code: test.err.Code, Doubtful: test.doubtful}
			require.Equal(t, want, failureOf(test.err))
		})
	}
	require.NoError(t, failureOf(nil))
}
