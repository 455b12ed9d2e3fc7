package notificationsfx

import (
	"time"

	"go.uber.org/zap"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
)

// newReporter returns a Reporter that logs.
func newReporter(log *zap.Logger) ports.Reporter { return reporter{log} }

type reporter struct{ log *zap.Logger }

func (r reporter) Failed(work string, err error) {
	r.log.Warn("notifications: "+work+" failed and is tried again", zap.Error(err))
}

func (r reporter) Paused(channel notifications.Channel, code string, wait time.Duration) {
	r.log.Warn("the server of a channel fails; its messages wait, and none is given up for it",
		zap.String("channel", string(channel)), zap.String("code", code), zap.Float64("pause_seconds", wait.Seconds()))
}

func (r reporter) GaveUp(d domain.Delivery) {
	r.log.Warn("a message was given up; an administrator can send it again",
		zap.Stringer("delivery", d.ID), zap.String("kind", string(d.Kind)), zap.String("code", d.LastError),
		zap.Int("attempts", d.Attempts))
}

func (r reporter) EndpointFailed(id notifications.EndpointID, code string) {
	r.log.Warn("the receiver of a webhook fails; its messages wait, while one at a time is tried",
		zap.Stringer("webhook", id), zap.String("code", code))
}

func (r reporter) EndpointDisabled(id notifications.EndpointID, reason domain.Reason) {
	r.log.Warn("a webhook was disabled; an administrator can enable it again", zap.Stringer("webhook", id),
		zap.String("reason", string(reason)))
}
