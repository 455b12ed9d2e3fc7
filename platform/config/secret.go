package config

import (
	"errors"
	"fmt"

	"healthcare/platform/keyfile"
)

// Secret is text that never prints.
type Secret = keyfile.Secret

// PreviousSecrets are those that secret_key_previous lists, separated by commas or white space.
func (c Config) PreviousSecrets() []Secret { return keyfile.Split(c.SecretKeyPrevious) }

// previousStrength holds every previous secret that list says to the rule of the newest, naming the position of one that breaks it.
func previousStrength(list Secret, all []Secret) error {
	if len(all) == 0 && list != "" {
		return errors.New("holds no secret")
	}
	for i, secret := range all {
		if err := secret.Check(); err != nil {
			return fmt.Errorf("secret %d of %d %w", i+1, len(all), err)
		}
	}
	return nil
}
