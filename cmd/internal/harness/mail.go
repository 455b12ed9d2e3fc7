//go:build unix

package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
)

// The paths to which tokens are sent that users get by e-mail.
const (
	resetPath        = "/api/auth/password-reset/confirm/"
	verificationPath = "/api/auth/verify-email/confirm/"
)

// MailToken returns a token as the user with the address gets it by e-mail. The address is no longer verified, if it
// was.
func (s *Service) MailToken(t *testing.T, email string, purpose identity.Purpose) string {
	t.Helper()
	var row struct {
		ID                    identity.UserID
		Resets, Verifications int64
	}
	require.NoError(t, s.DB.Write(t.Context()).Raw(`SELECT users.id, m.resets, m.verifications FROM users
		JOIN user_mail_tokens m ON m.user_id = users.id WHERE users.email = ?`, email).Scan(&row).Error)
	require.NoError(t, s.DB.Write(t.Context()).
		Exec(`UPDATE user_mail_tokens SET verified = ? WHERE user_id = ?`, false, row.ID).Error)
	wanted := identity.TokenWanted{
		User: row.ID, Purpose: purpose, Generation: row.Verifications, ExpiresAt: s.clock.Now().Add(25 * time.Minute),
	}
	if purpose == identity.PasswordReset {
		wanted.Generation = row.Resets
	}
	made, err := s.contacts.FindToken(t.Context(), wanted)
	require.NoError(t, err)
	return made.Secret.Reveal()
}

// AddMailTokens adds tokens of another user to known. Each works once.
func (c *Client) AddMailTokens(known Object, other *Client) {
	known[resetPath+" token"] = c.Service.MailToken(c.T, other.Email(), identity.PasswordReset)
	known[verificationPath+" token"] = c.Service.MailToken(c.T, other.Email(), identity.EmailVerification)
}
