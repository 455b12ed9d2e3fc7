package rest

import (
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/notifications"
)

// unsubscribePage asks, and after the form was sent reports. It loads nothing and has no script.
var unsubscribePage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Messages</title></head><body>
{{if .Done}}<p>You will receive no more messages of the kind <b>{{.Kind}}</b>.</p>
{{else}}<p>Receive no more messages of the kind <b>{{.Kind}}</b>?</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>
{{end}}</body></html>
`))

// AskUnsubscribe responds with a page whose form sends the request below.
func (h *handlers) AskUnsubscribe(c *fiber.Ctx, link string) error {
	kind, err := h.preferences.Link(link)
	if err != nil {
		return err
	}
	return sendPage(c, kind, false)
}

// Unsubscribe ends messages of a kind. Mail programs send it without a session (RFC 8058).
func (h *handlers) Unsubscribe(c *fiber.Ctx, link string) error {
	kind, err := h.preferences.Unsubscribe(c.UserContext(), link)
	if err != nil {
		return err
	}
	return sendPage(c, kind, true)
}

func sendPage(c *fiber.Ctx, kind notifications.Kind, done bool) error {
	var page strings.Builder
	if err := unsubscribePage.Execute(&page, struct {
		Kind notifications.Kind
		Done bool
	}{kind, done}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	return c.SendString(page.String())
}
