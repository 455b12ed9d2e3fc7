package timezone_test

import (
	"testing"
	"time"
	_ "time/tzdata" // so that the zones exist on every machine

	"github.com/stretchr/testify/require"

	"healthcare/platform/timezone"
)

func TestLoad(t *testing.T) {
	for _, name := range []string{
		"UTC", "Etc/GMT+5", "Etc/GMT-14", "Asia/Kolkata", "Europe/Berlin", "America/Argentina/Buenos_Aires",
		"America/Port-au-Prince", "US/Eastern", "EST5EDT", "GMT0",
	} {
		t.Run("accepts "+name, func(t *testing.T) {
			got, err := timezone.Load(name)
			require.NoError(t, err)
			want, err := time.LoadLocation(name)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	for _, name := range []string{
		"", " ", "Europe/Atlantis", "+05:30", "Local", "local", "localtime", "Localtime", "posixrules", "Factory",
		"factory", "posix", "posix/UTC", "posix/Europe/Berlin", "Posix/UTC", "right/UTC", "right/Europe/Berlin",
		"zone.tab",
		"./localtime", "Europe//Berlin", "Europe/./Berlin", "posix//UTC", ".//posix/UTC", "UTC/", "UTC/.", "/UTC",
		"../zoneinfo/UTC", "Europe/../posix/UTC", `Europe\Berlin`, "Europe", " UTC",
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			_, err := timezone.Load(name)
			require.ErrorIs(t, err, timezone.ErrUnknown)
		})
	}
}
