package config

import (
	"errors"
	"fmt"

	"healthcare/platform/keyfile"
)

// Secret is text that is never printed.
type Secret = keyfile.Secret

// PreviousSecrets returns the secrets in secret_key_previous, which are separated by commas or white space.
func (c Config) PreviousSecrets() []Secret { return keyfile.Split(c.SecretKeyPrevious) }

// checkPrevious validates every previous secret of a list by the rule of the newest. Errors name the position.
func checkPrevious(list Secret, all []Secret) error {
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
