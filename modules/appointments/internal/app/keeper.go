package app

import (
	"context"

	"healthcare/modules/appointments"
	"healthcare/platform/auth"
)

// expiredAtOnce is the maximum number of reservations that one transaction of ExpireDue ends.
const expiredAtOnce = 100

// ExpireDue ends reservations that have expired, at most a hundred, and publishes each. No rule depends on it: an
// expired reservation excludes nothing. Errors: those of the store and of subscribers.
func (s *Service) ExpireDue(ctx context.Context) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		expired, err := s.appointments.Expire(ctx, s.clock.Now(), expiredAtOnce)
		if err != nil {
			return err
		}
		for _, a := range expired {
			if err := s.publish(ctx, auth.Operator, a, appointments.HasExpired); err != nil {
				return err
			}
		}
		return nil
	})
}
