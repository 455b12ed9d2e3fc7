// Package hooks signs and sends webhooks, and seals their signing secrets.
package hooks

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
	"healthcare/platform/webhook"
)

// New returns Hooks with keys of the ring. Errors: a ring without keys.
func New(cfg notifications.Config, keys keyring.Ring, clk clock.Clock) (ports.Hooks, error) {
	sealer, err := newSealer(keys)
	return &hooks{
		sealer: sealer, allowPrivate: cfg.WebhookAllowPrivate,
		sender: webhook.NewSender(webhook.Config{AllowPrivate: cfg.WebhookAllowPrivate}, clk),
	}, err
}

type hooks struct {
	sealer
	allowPrivate []netip.Prefix
	sender       webhook.Sender
}

// check is an error for people.
type check struct{ error }

// Error returns a sentence.
func (c check) Error() string { return "The URL " + c.error.Error() + "." }

func (h *hooks) CheckURL(url string) error {
	if err := webhook.CheckURL(url, h.allowPrivate); err != nil {
		return check{err}
	}
	return nil
}

func (h *hooks) NewSecret(of notifications.EndpointID) (shown string, sealed domain.SealedSecret) {
	secret := webhook.NewSecret()
	return secret.Reveal(), h.seal(of, secret)
}

func (h *hooks) Reseal(of notifications.EndpointID, secret domain.SealedSecret) domain.SealedSecret {
	if secret == "" || h.isNewest(secret) {
		return secret
	}
	opened, err := h.open(of, secret)
	if err != nil {
		return secret
	}
	return h.seal(of, opened)
}

// event is the body of a webhook. It has ids only: the receiver reads the rest with its own access.
type event struct {
	Type      notifications.Kind `json:"type"`
	Timestamp string             `json:"timestamp"`
	Data      data               `json:"data"`
}

type data struct {
	ID      string `json:"id"`
	Version int64  `json:"version,omitzero"`
}

// timeLayout is RFC 3339 with six digits, as in the responses of the API.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

func (h *hooks) Send(ctx context.Context, hook domain.Hook, now time.Time) error {
	var secrets []webhook.Secret
	for i, sealed := range hook.To.Secrets(now) {
		secret, err := h.open(hook.To.ID, sealed)
		if err != nil && i == 0 {
			return &domain.Failure{Scope: domain.ForNow, Code: "sealed secret"}
		}
		if err == nil { // a previous secret that no key opens has been replaced anyway
			secrets = append(secrets, secret)
		}
	}
	body, err := json.Marshal(event{
		Type: hook.Kind, Timestamp: hook.At.UTC().Format(timeLayout),
		Data: data{ID: hook.Subject.ID.String(), Version: hook.Subject.Version},
	})
	if err != nil {
		return err
	}
	return failureOf(h.sender.Send(ctx, webhook.Message{
		ID: hook.ID.String(), URL: hook.To.URL, At: now, Body: body, Secrets: secrets,
	}))
}

// failureOf returns the failure of an error of the sender. A forbidden address may be a mistake in the DNS that is
// corrected, or an attempt to reach the operator's network: the webhook is sent again, and reaches nothing meanwhile.
func failureOf(err error) error {
	failed, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return err
	}
	failure := &domain.Failure{Scope: domain.ForNow, Code: failed.Code, RetryAfter: failed.RetryAfter}
	switch {
	case failed.Failure == webhook.Gone:
		failure.Scope, failure.Disables = domain.Permanently, domain.Gone
	case failed.Failure == webhook.Refused && failed.Code == webhook.CodeURL:
		failure.Scope, failure.Disables = domain.Permanently, domain.ForbiddenURL
	}
	return failure
}
