package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
)

func TestResending(t *testing.T) {
	t.Parallel()
	for since, valid := range map[string]bool{
		"2026-11-29T00:00:00Z": true, "2026-11-29T05:30:00.5+05:30": true, "9999-12-31T23:59:59Z": true,
		"9999-12-31T23:59:59-23:59": false, "0000-01-01T00:00:00+23:59": false, "2026-11-29": false, "": false,
	} {
		_, wrong := domain.Resending{Channel: notifications.Mail, Since: since}.Read()
		require.Equal(t, valid, len(wrong) == 0, since)
	}
	_, wrong := domain.Resending{Channel: "pigeon", Since: "2026-11-29T00:00:00Z"}.Read()
	require.Contains(t, wrong, "channel")
}
