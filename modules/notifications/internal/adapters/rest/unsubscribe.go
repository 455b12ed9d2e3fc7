package rest

import (
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/notifications/internal/domain"
)

// unsubscribePage is a domain.UnsubscribePage. It loads nothing and has no script.
var unsubscribePage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="{{.Language}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Text}}</title></head><body>
<blockquote>{{.Example}}</blockquote>
<p>{{.Text}}</p>
{{with .Button}}<form method="post"><button name="List-Unsubscribe" value="One-Click">{{.}}</button></form>
{{end}}</body></html>
`))

// AskUnsubscribe responds with a page whose form sends the request below.
func (h *handlers) AskUnsubscribe(c *fiber.Ctx, link string) error {
	page, err := h.preferences.AskUnsubscribe(c.UserContext(), link)
	if err != nil {
		return err
	}
	return sendPage(c, page)
}

// Unsubscribe ends messages of a kind. Mail programs send it without a session (RFC 8058).
func (h *handlers) Unsubscribe(c *fiber.Ctx, link string) error {
	page, err := h.preferences.Unsubscribe(c.UserContext(), link)
	if err != nil {
		return err
	}
	return sendPage(c, page)
}

func sendPage(c *fiber.Ctx, shown domain.UnsubscribePage) error {
	var page strings.Builder
	if err := unsubscribePage.Execute(&page, shown); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	return c.SendString(page.String())
}
