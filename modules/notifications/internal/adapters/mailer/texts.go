package mailer

import (
	"embed"
	"fmt"
	html "html/template"
	"strings"
	"text/template"
	"time"

	"github.com/go-json-experiment/json"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/mail"
)

//go:embed texts/*.json
var files embed.FS

// language has the texts of one language. The texts are templates of the values of parts.
type language struct {
	Days   []string // from Sunday
	Months []string
	Time   string // of an appointment
	Expiry string // of a token
	Units  struct{ Minutes, Hours string }
	Link   string // in front of the address of the app
	Open   string // in front of the address of a page with a token
	Code   string // in front of a token
	Ignore string // at the end of a message with a token
	Footer string // with the address at which the recipient declines the kind
	Page   struct {
		Ask, Done, Button string // of the page at which the recipient declines the kind
	}
	Kinds map[notifications.Kind]struct {
		Subject string
		Text    string
	}
}

// parts are the values that the texts name.
type parts struct {
	Practice string
	Time     string
	Validity string // of a token
	Link     string
	Token    string
	Footer   string
}

type texts struct {
	languages map[string]language
	layout    *html.Template
}

// layout is the message as HTML: paragraphs, no images and nothing that is loaded.
const layout = `<!doctype html><html lang="{{.Language}}"><body style="font-family:sans-serif;font-size:16px">
{{range .Paragraphs}}<p>{{.}}</p>
{{end}}{{if .Link}}<p>{{.LinkText}} <a href="{{.Link}}">{{.Link}}</a></p>
{{end}}{{if .Token}}<p>{{.CodeText}} <code>{{.Token}}</code></p>
{{end}}{{if .Unsubscribe}}<p style="font-size:13px">{{.Footer}} <a href="{{.Unsubscribe}}">{{.Unsubscribe}}</a></p>
{{end}}</body></html>
`

func loadTexts() (texts, error) {
	all := texts{languages: map[string]language{}, layout: html.Must(html.New("layout").Parse(layout))}
	for _, name := range domain.Languages {
		file, err := files.ReadFile("texts/" + name + ".json")
		if err != nil {
			return texts{}, err
		}
		var read language
		if err := json.Unmarshal(file, &read, json.RejectUnknownMembers(true)); err != nil {
			return texts{}, fmt.Errorf("texts of %s: %w", name, err)
		}
		all.languages[name] = read
	}
	return all, nil
}

// content is what the layout and the plain text show.
type content struct {
	Language, Link, LinkText, Token, CodeText, Unsubscribe, Footer string

	Paragraphs []string
}

// write returns the message with its subject and texts. Errors: a text that cannot be rendered.
func (t texts) write(m domain.Message, practice string) (mail.Message, error) {
	name, words := t.in(m.Language)
	kind, exists := words.Kinds[m.Kind]
	if !exists {
		return mail.Message{}, fmt.Errorf("no text of %s in %s", m.Kind, name)
	}
	values := parts{Practice: practice}
	shown := content{
		Language: name, Link: m.Link, LinkText: words.Link, CodeText: words.Code, Unsubscribe: m.Unsubscribe,
		Footer: words.Footer,
	}
	texts := []string{kind.Text}
	if !m.When.IsZero() && strings.HasPrefix(string(m.Kind), "appointment.") {
		values.Time = words.timeText(m.When.In(m.Zone))
		texts = append(texts, words.Time)
	}
	if m.Token != "" {
		values.Validity = words.durationText(m.Validity)
		texts = append(texts, words.Expiry, words.Ignore)
		if m.Link != "" { // in the fragment, which browsers send to no server
			shown.Link, shown.LinkText = shown.Link+"#token="+m.Token, words.Open
		} else {
			shown.Token = m.Token
		}
	}
	subject, err := render(kind.Subject, values)
	if err != nil {
		return mail.Message{}, err
	}
	for _, text := range texts {
		paragraph, err := render(text, values)
		if err != nil {
			return mail.Message{}, err
		}
		shown.Paragraphs = append(shown.Paragraphs, paragraph)
	}
	var page strings.Builder
	err = t.layout.Execute(&page, shown)
	return mail.Message{Subject: subject, Text: shown.plain(), HTML: page.String()}, err
}

// in returns the texts in a language, or in the first one.
func (t texts) in(name string) (string, language) {
	if words, known := t.languages[name]; known {
		return name, words
	}
	return domain.Languages[0], t.languages[domain.Languages[0]]
}

// pages implements ports.Texts.
type pages struct {
	texts
	practice string
}

func (p pages) UnsubscribePage(
	language string, kind notifications.Kind, declined bool,
) (domain.UnsubscribePage, error) {
	name, words := p.in(language)
	example, err := render(words.Kinds[kind].Text, parts{Practice: p.practice})
	page := domain.UnsubscribePage{Language: name, Example: example, Text: words.Page.Ask, Button: words.Page.Button}
	if declined {
		page.Text, page.Button = words.Page.Done, ""
	}
	return page, err
}

func render(text string, values parts) (string, error) {
	parsed, err := template.New("").Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = parsed.Execute(&out, values)
	return out.String(), err
}

func (c content) plain() string {
	all := append([]string{}, c.Paragraphs...)
	if c.Link != "" {
		all = append(all, c.LinkText+"\n"+c.Link)
	}
	if c.Token != "" {
		all = append(all, c.CodeText+"\n"+c.Token)
	}
	if c.Unsubscribe != "" {
		all = append(all, "--\n"+c.Footer+"\n"+c.Unsubscribe)
	}
	return strings.Join(all, "\n\n") + "\n"
}

// timeText returns a wall clock time with its day and its time zone.
func (l language) timeText(local time.Time) string {
	return fmt.Sprintf("%s, %d %s %d, %s (%s)", l.Days[local.Weekday()], local.Day(), l.Months[local.Month()-1],
		local.Year(), local.Format("15:04"), local.Location())
}

// durationText returns a duration, rounded: in hours from two hours on.
func (l language) durationText(d time.Duration) string {
	const inHours = 2 * time.Hour
	if d >= inHours {
		return fmt.Sprintf("%d %s", int(d.Round(time.Hour).Hours()), l.Units.Hours)
	}
	return fmt.Sprintf("%d %s", int(d.Round(time.Minute).Minutes()), l.Units.Minutes)
}
