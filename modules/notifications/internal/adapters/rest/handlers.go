// Package rest is the REST adapter of the notifications module: the contract (openapi.yaml), the code generated from
// it, and the handlers. They parse a request, call a use case and convert its result.
package rest

import (
	"context"
	_ "embed" // for the contract
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/app"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's part of the API.
func New(preferences *app.Preferences, administration *app.Administration, webhooks *app.Webhooks) rest.API {
	return func(router fiber.Router) { RegisterHandlers(router, &handlers{preferences, administration, webhooks}) }
}

type handlers struct {
	preferences    *app.Preferences
	administration *app.Administration
	webhooks       *app.Webhooks
}

// ListDeliveries responds with a page of the deliveries.
func (h *handlers) ListDeliveries(c *fiber.Ctx, params ListDeliveriesParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.Filter{
		State: notifications.State(rest.Value(params.State)), Kind: notifications.Kind(rest.Value(params.Kind)),
		Channel: notifications.Channel(rest.Value(params.Channel)),
	}
	page, err := h.administration.List(c.UserContext(), rest.Principal(c), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showDelivery)
}

// ReadDelivery responds with one delivery.
func (h *handlers) ReadDelivery(c *fiber.Ctx, id string) error {
	return h.sendDelivery(c, id, h.administration.Find)
}

// ResendDelivery makes a delivery due again.
func (h *handlers) ResendDelivery(c *fiber.Ctx, id string) error {
	return h.sendDelivery(c, id, h.administration.Resend)
}

// CancelDelivery ends a pending delivery.
func (h *handlers) CancelDelivery(c *fiber.Ctx, id string) error {
	return h.sendDelivery(c, id, h.administration.Withdraw)
}

func (h *handlers) sendDelivery(
	c *fiber.Ctx, id string,
	use func(context.Context, auth.Principal, notifications.ID) (domain.Delivery, error),
) error {
	parsed, err := notifications.ParseID(id)
	if err != nil {
		return err
	}
	found, err := use(c.UserContext(), rest.Principal(c), parsed)
	if err != nil {
		return err
	}
	return c.JSON(showDelivery(found))
}

// ResendDeliveries makes deliveries due again that were given up.
func (h *handlers) ResendDeliveries(c *fiber.Ctx) error {
	which, err := rest.Body(c, func(in ResendInput) domain.Resending {
		return domain.Resending{Channel: notifications.Channel(in.Channel), Since: in.Since}
	})
	if err != nil {
		return err
	}
	resent, err := h.administration.ResendDead(c.UserContext(), rest.Principal(c), which)
	if err != nil {
		return err
	}
	return c.JSON(Resent{Resent: resent})
}

// ReadNotificationPreferences responds with the caller's preferences.
func (h *handlers) ReadNotificationPreferences(c *fiber.Ctx) error {
	found, err := h.preferences.Find(c.UserContext(), rest.Principal(c))
	if err != nil {
		return err
	}
	return rest.Send(c, fiber.StatusOK, preferencesResource(found))
}

// AmendNotificationPreferences changes the caller's preferences.
func (h *handlers) AmendNotificationPreferences(c *fiber.Ctx) error {
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	changes, err := rest.Body(c, changesOf)
	if err != nil {
		return err
	}
	changed, err := h.preferences.Change(c.UserContext(), rest.Principal(c), expected, changes)
	if err != nil {
		return err
	}
	return rest.Send(c, fiber.StatusOK, preferencesResource(changed))
}

func changesOf(in NotificationPreferencesChanges) domain.Changes {
	return domain.Changes{
		Language: rest.Text(in.Language), TimeZone: rest.Text(in.TimeZone), QuietHours: rest.Text(in.QuietHours),
		Declined: kindsOf(in.Declined),
	}
}

func preferencesResource(p domain.Preferences) rest.Resource {
	return rest.Resource{Version: p.Version, Body: NotificationPreferences{
		Language: p.Language, TimeZone: p.TimeZone, QuietHours: p.QuietHours, Declined: textsOf(p.Declined),
	}}
}

func showDelivery(d domain.Delivery) Delivery {
	return Delivery{
		Id: d.ID.String(), Channel: string(d.Channel), Kind: string(d.Kind), RecipientType: string(d.Recipient.Kind),
		Recipient: d.Recipient.ID.String(), Subject: d.Subject.ID.String(), State: string(d.State),
		DueAt: orNull(d.DueAt), Attempts: d.Attempts, LastError: d.LastError, CreatedAt: rest.At(d.CreatedAt),
		EndedAt: orNull(d.EndedAt),
	}
}

func orNull(t time.Time) nullable.Nullable[rest.Time] {
	if t.IsZero() {
		return nullable.NewNullNullable[rest.Time]()
	}
	return nullable.NewNullableWithValue(rest.At(t))
}
