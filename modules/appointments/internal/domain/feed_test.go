package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
)

func TestInitialsOf(t *testing.T) {
	for name, want := range map[string]string{
		"Ananya Verma": "AV", "ananya verma": "AV", "Ananya": "A", "Maria da Silva": "MS", " \t": "", "": "",
		"(Anna) 2 O'Neil": "AO", "王小明": "王", "Émile Ärzt": "ÉÄ", "1 2": "", "X 7": "X", "अनन्या वर्मा": "अव",
		"ǆ b": "ǄB",
	} {
		require.Equal(t, want, domain.InitialsOf(name), "%q", name)
	}
}

func TestSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		feed, secret := domain.NewFeed(doctors.ID{}, domain.Busy, uuid.New(), time.Now())
		text := secret.Text()
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, text)
		require.False(t, seen[text])
		seen[text] = true
		require.Equal(t, feed.SecretHash, secret.Hash())
		parsed, ok := domain.ParseSecret(text)
		require.True(t, ok)
		require.Equal(t, secret, parsed)
		for _, malformed := range []string{
			"", text[1:], text + "A", text[:42] + "\n", "\r\n" + text[2:], text[:42] + "=",
		} {
			_, ok := domain.ParseSecret(malformed)
			require.False(t, ok, "%q", malformed)
		}
	}
}
