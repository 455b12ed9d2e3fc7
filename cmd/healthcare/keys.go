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

const keysHelp = `Tokens and links to pages are made with keys that come from a secret. The newest secret
signs, previous ones still verify, so a new secret signs nobody out.

The secret that the server made and keeps in DATA_DIR is changed by "keys rotate". That of
SECRET_KEY is yours to change:

  1. Several instances: give all of them the new secret as SECRET_KEY_PREVIOUS, beside the
     SECRET_KEY they have, and restart them. A single one needs no such step.
  2. Make the new secret SECRET_KEY and the old one SECRET_KEY_PREVIOUS, and restart.
  3. After session_idle_lifetime (24h by default), remove SECRET_KEY_PREVIOUS.

Make a secret with: openssl rand -base64 48`

func keysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use: "keys", Short: "Change the key that signs without signing anyone out, or look at the keys", Long: keysHelp,
		Args: cobra.NoArgs, // with RunE, as for migrate
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dropAll bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make a new secret in DATA_DIR; the former still verifies", Args: cobra.NoArgs,
		Long: "Make a new secret the newest of those in DATA_DIR and keep the former as a previous one, which still verifies. Previous ones that were\n" +
			"retired longer ago than session_lifetime are dropped. Run it as the user whom the server runs as, and restart the server afterwards.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return rotateSecret(cmd.OutOrStdout(), clock.New().Now(), dropAll)
		},
	}
	rotate.Flags().BoolVar(&dropAll, "drop-previous", false, "keep no former secret, for one that may be known to others: everybody signs in again")
	keys.AddCommand(rotate, &cobra.Command{
		Use: "list", Short: "List the keys: which signs, and when each other was retired", Args: cobra.NoArgs,
		Long: "List the ids (kid) of the keys of access tokens, newest first, as the next start of the server has them: which signs, and since when each\n" +
			"other only verifies. It shows no secret.",
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
		return fmt.Errorf("the secret is that of SECRET_KEY, which is yours to change: make the new one (openssl rand -base64 48) SECRET_KEY and the "+
			"old one SECRET_KEY_PREVIOUS, restart, and remove SECRET_KEY_PREVIOUS after %s (session_idle_lifetime); with several instances, first "+
			"give all of them the new one as SECRET_KEY_PREVIOUS", cfg.SessionIdleLifetime)
	}
	done, err := cfg.RotateSecret(now, dropAll)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "made     %s  signs once the server has been restarted\n", keyID(done.Secrets.Newest))
	for _, p := range done.Secrets.Previous {
		fmt.Fprintf(out, "kept     %s  still verifies, retired %s\n", keyID(p.Secret), p.At.Format(time.RFC3339))
	}
	for _, p := range done.Dropped {
		fmt.Fprintf(out, "dropped  %s  verifies no more once the server has been restarted, retired %s\n", keyID(p.Secret), p.At.Format(time.RFC3339))
	}
	if dropAll {
		fmt.Fprintln(out, "Restart the server now. Every token and link to a page is void then: everybody is signed out, and has to sign in again.")
	} else {
		fmt.Fprintln(out, "Restart the server, to sign with the new key. Tokens and links to pages stay valid: nobody is signed out.")
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
			continue // the environment says it twice
		}
		if !p.At.IsZero() {
			retired = ", retired " + p.At.Format(time.RFC3339)
		}
		shown = append(shown, id)
		fmt.Fprintf(out, "%s  verifies%s\n", id, retired)
	}
	return nil
}

// secretsOf are the configuration's secrets; when those of the environment were retired is nobody's knowledge. Nothing is made.
func secretsOf(cfg config.Config) (keyfile.Secrets, error) {
	if cfg.GeneratesSecret() {
		return cfg.StoredSecrets()
	}
	if err := cfg.EnsureSecret(); err != nil {
		return keyfile.Secrets{}, err // none is given where one has to be
	}
	secrets := keyfile.Secrets{Newest: cfg.SecretKey}
	for _, secret := range cfg.PreviousSecrets() {
		secrets.Previous = append(secrets.Previous, keyfile.Retired{Secret: secret})
	}
	return secrets, nil
}

// keyID is the kid of the access tokens that secret, which config has checked, signs.
func keyID(secret config.Secret) string {
	ring, err := keyring.New([]byte(secret.Reveal()))
	if err != nil {
		return "unusable"
	}
	return ring.Newest(identity.AccessTokenKeys).ID
}
