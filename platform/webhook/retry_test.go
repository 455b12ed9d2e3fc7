package webhook

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "21600": 6 * time.Hour, "21601": 6 * time.Hour,
		"99999999999999999999999": 6 * time.Hour, "18446744073709551615": 6 * time.Hour, "-5": 0, "+5": 0, "1.5": 0,
		"soon": 0, "5 ": 0,
		"Mon, 30 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 30 Nov 2026 11:59:00 GMT": 0,
		"Tue, 30 Nov 2027 12:00:00 GMT": 6 * time.Hour, "Monday, 30-Nov-26 12:00:09 GMT": 9 * time.Second,
		"Fri, 31 Dec 9999 23:59:59 GMT": 6 * time.Hour, "Mon, 01 Jan 0001 00:00:00 GMT": 0,
	} {
		require.Equal(t, want, retryAfter(text, now), "%q", text)
	}
}
