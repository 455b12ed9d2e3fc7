package rest

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/app"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
)

// ListWebhooks responds with all endpoints.
func (h *handlers) ListWebhooks(c *fiber.Ctx) error {
	all, err := h.webhooks.List(c.UserContext(), rest.Principal(c))
	if err != nil {
		return err
	}
	shown := make([]Webhook, len(all))
	for i, r := range all {
		shown[i] = showWebhook(r)
	}
	return c.JSON(shown)
}

// AddWebhook adds an endpoint.
func (h *handlers) AddWebhook(c *fiber.Ctx) error {
	return rest.Create(c, webhookInputOf, h.webhooks.Add, webhookLocation, newWebhookResource)
}

// ReadWebhook responds with one endpoint.
func (h *handlers) ReadWebhook(c *fiber.Ctx, id string) error {
	return rest.Read(c, id, notifications.ParseEndpointID, h.webhooks.Find, webhookResource)
}

// AmendWebhook changes an endpoint.
func (h *handlers) AmendWebhook(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, notifications.ParseEndpointID, webhookChangesOf, h.webhooks.Amend, webhookResource)
}

// RemoveWebhook deletes an endpoint.
func (h *handlers) RemoveWebhook(c *fiber.Ctx, id string) error {
	return rest.Remove(c, id, notifications.ParseEndpointID, h.webhooks.Remove)
}

// RotateWebhookSecret replaces the signing secret.
func (h *handlers) RotateWebhookSecret(c *fiber.Ctx, id string) error {
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	rotate := func(
		ctx context.Context, who auth.Principal, id notifications.EndpointID,
	) (app.WithSecret, error) {
		return h.webhooks.Rotate(ctx, who, id, expected)
	}
	return rest.Read(c, id, notifications.ParseEndpointID, rotate, newWebhookResource)
}

// TestWebhook sends a test event.
func (h *handlers) TestWebhook(c *fiber.Ctx, id string) error {
	endpoint, err := notifications.ParseEndpointID(id)
	if err != nil {
		return err
	}
	result, err := h.webhooks.Test(c.UserContext(), rest.Principal(c), endpoint)
	if err != nil {
		return err
	}
	return c.JSON(WebhookTest{
		Delivered: result.Delivered, Code: result.Code, Milliseconds: int(result.Took.Milliseconds()),
	})
}

// ListWebhookDeliveries responds with a page of the deliveries to an endpoint.
func (h *handlers) ListWebhookDeliveries(c *fiber.Ctx, id string) error {
	endpoint, err := notifications.ParseEndpointID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.webhooks.Deliveries(c.UserContext(), rest.Principal(c), endpoint, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showDelivery)
}

func webhookInputOf(in WebhookInput) domain.ReceiverChanges {
	return domain.ReceiverChanges{
		URL: &in.Url, Description: rest.OrNil(in.Description), Kinds: kindsOf(in.Kinds),
		Enabled: rest.OrNil(in.Enabled),
	}
}

func webhookChangesOf(in WebhookChanges) domain.ReceiverChanges {
	return domain.ReceiverChanges{
		URL: in.Url, Description: rest.Text(in.Description), Kinds: kindsOf(in.Kinds), Enabled: in.Enabled,
	}
}

// kindsOf returns kinds in the form of use cases: nil if they were not sent, none if they were null.
func kindsOf(sent nullable.Nullable[[]string]) *[]notifications.Kind {
	if !sent.IsSpecified() {
		return nil
	}
	texts, _ := sent.Get()
	kinds := make([]notifications.Kind, len(texts))
	for i, text := range texts {
		kinds[i] = notifications.Kind(text)
	}
	return &kinds
}

func textsOf(kinds []notifications.Kind) []string {
	texts := make([]string, len(kinds))
	for i, kind := range kinds {
		texts[i] = string(kind)
	}
	return texts
}

func webhookLocation(r app.WithSecret) string { return "/api/webhooks/" + r.ID.String() + "/" }

func webhookResource(r domain.Receiver) rest.Resource {
	return rest.Resource{Version: r.Version, Body: showWebhook(r)}
}

func showWebhook(r domain.Receiver) Webhook {
	return Webhook{
		Id: r.ID.String(), Url: r.URL, Description: r.Description, Kinds: textsOf(r.Kinds), Enabled: r.Enabled,
		DisabledReason: string(r.DisabledReason), FailingSince: orNull(r.FailingSince),
		PreviousSecretUntil: orNull(r.PreviousUntil), CreatedAt: rest.At(r.CreatedAt), UpdatedAt: rest.At(r.UpdatedAt),
	}
}

func newWebhookResource(r app.WithSecret) rest.Resource {
	shown := showWebhook(r.Receiver)
	return rest.Resource{Version: r.Version, Body: NewWebhook{
		Id: shown.Id, Url: shown.Url, Description: shown.Description, Kinds: shown.Kinds, Enabled: shown.Enabled,
		DisabledReason: shown.DisabledReason, FailingSince: shown.FailingSince,
		PreviousSecretUntil: shown.PreviousSecretUntil, CreatedAt: shown.CreatedAt, UpdatedAt: shown.UpdatedAt,
		Secret: r.Shown,
	}}
}
