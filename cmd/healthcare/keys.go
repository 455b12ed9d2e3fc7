package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/identity"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/keyfile"
	"healthcare/platform/keyring"
)

const keysHelp = `Tokens and page links are signed with keys that are derived from a secret. The newest secret
signs and previous ones still verify, so that a new secret signs nobody out.

"keys rotate" replaces the secret that the server generated in DATA_DIR. Replace SECRET_KEY as
follows:

  1. With several instances, first set SECRET_KEY_PREVIOUS to the new secret on all of them, and
     restart them. A single instance skips this step.
  2. Set SECRET_KEY to the new secret and SECRET_KEY_PREVIOUS to the old one, and restart.
  3. After session_idle_lifetime (24h by default), remove SECRET_KEY_PREVIOUS.

Generate a secret with: openssl rand -base64 48`

func keysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use: "keys", Short: "Rotate or list the keys that sign tokens", Long: keysHelp,
		Args: cobra.NoArgs, // with RunE, as for migrate
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dropAll bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Generate a new secret in DATA_DIR; the previous one still verifies", Args: cobra.NoArgs,
		Long: `Generate a new secret in DATA_DIR. The current one becomes a previous one, which still verifies.
Previous ones that were retired longer ago than session_lifetime are dropped. Run it as the operating
system user of the server, and restart the server afterwards.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return rotateSecret(cmd.OutOrStdout(), clock.New().Now(), dropAll)
		},
	}
	rotate.Flags().BoolVar(&dropAll, "drop-previous", false,
		"drop all previous secrets, for example after a leak: all users must sign in again")
	keys.AddCommand(rotate, &cobra.Command{
		Use: "list", Short: "List the key that signs, and the keys that still verify", Args: cobra.NoArgs,
		Long: `List the ids (kid) of the keys for access tokens, newest first: the key that signs after the next start
of the server, and the keys that only verify, with the time of their retirement. It shows no secret.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return listKeys(cmd.OutOrStdout()) },
	})
	return keys
}

func rotateSecret(out io.Writer, now time.Time, dropAll bool) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	if !cfg.GeneratesSecret() {
		return fmt.Errorf(
			"the secret is configured by SECRET_KEY: set SECRET_KEY to a new one (openssl rand -base64 48) and "+
				"SECRET_KEY_PREVIOUS to the old one, restart, and remove SECRET_KEY_PREVIOUS after %s "+
				"(session_idle_lifetime); with several instances, first set SECRET_KEY_PREVIOUS to the new one on "+
				"all of them",
			cfg.SessionIdleLifetime,
		)
	}
	done, err := cfg.RotateSecret(now, dropAll)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "new      %s  signs once the server has been restarted\n", keyID(done.Secrets.Newest))
	for _, p := range done.Secrets.Previous {
		fmt.Fprintf(out, "kept     %s  still verifies, retired %s\n", keyID(p.Secret), p.At.Format(time.RFC3339))
	}
	for _, p := range done.Dropped {
		fmt.Fprintf(out, "dropped  %s  no longer verifies once the server has been restarted, retired %s\n",
			keyID(p.Secret), p.At.Format(time.RFC3339))
	}
	if dropAll {
		fmt.Fprintln(
			out, "Restart the server now. All tokens and page links become invalid, and all users must sign in again.",
		)
	} else {
		fmt.Fprintln(
			out,
			"Restart the server to sign with the new key. Tokens and page links stay valid, so nobody is signed out.",
		)
	}
	return nil
}

func listKeys(out io.Writer) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	secrets, err := secretsOf(cfg)
	if err != nil {
		return err
	}
	shown := []string{keyID(secrets.Newest)}
	fmt.Fprintf(out, "%s  signs\n", shown[0])
	for _, p := range secrets.Previous {
		id, retired := keyID(p.Secret), ""
		if slices.Contains(shown, id) {
			continue // a duplicate in the environment
		}
		if !p.At.IsZero() {
			retired = ", retired " + p.At.Format(time.RFC3339)
		}
		shown = append(shown, id)
		fmt.Fprintf(out, "%s  verifies%s\n", id, retired)
	}
	return nil
}

// secretsOf returns the secrets of the configuration. Those from the environment have no time of retirement. It
// generates none.
func secretsOf(cfg config.Config) (keyfile.Secrets, error) {
	if cfg.GeneratesSecret() {
		return cfg.StoredSecrets()
	}
	if err := cfg.EnsureSecret(); err != nil {
		return keyfile.Secrets{}, err // a required secret is missing
	}
	secrets := keyfile.Secrets{Newest: cfg.SecretKey}
	for _, secret := range cfg.PreviousSecrets() {
		secrets.Previous = append(secrets.Previous, keyfile.Retired{Secret: secret})
	}
	return secrets, nil
}

// keyID returns the kid of the access tokens that a valid secret signs.
func keyID(secret config.Secret) string {
	ring, err := keyring.New([]byte(secret.Reveal()))
	if err != nil {
		return "unusable"
	}
	return ring.Newest(identity.AccessTokenKeys).ID
}
