package config_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestDefaults(t *testing.T) {
	t.Run("apply to every key that is not set", func(t *testing.T) {
		c := load(t)
		fields := reflect.ValueOf(c)
		for i := range fields.NumField() {
			key := fields.Type().Field(i).Tag.Get("koanf")
			want := fmt.Sprint(defaults(t)[key])
			if d, ok := reflect.TypeAssert[time.Duration](fields.Field(i)); ok {
				parsed, err := time.ParseDuration(want)
				require.NoError(t, err, key)
				require.Equal(t, parsed, d, key)
				continue
			}
			require.Equal(t, want, fmt.Sprint(fields.Field(i).Interface()), key)
		}
	})
	t.Run("are returned by Default, regardless of the environment", func(t *testing.T) {
		c := load(t)
		setVariables(t, "HTTP_ADDRESS", ":1", "DEBUG", "perhaps")
		d, err := config.Default()
		require.NoError(t, err)
		require.Equal(t, c, d)
	})
	t.Run("have no secret and no database address", func(t *testing.T) {
		c := load(t)
		require.Empty(t, c.SecretKey)
		require.True(t, c.Embedded())
	})
	t.Run("limit what one user, network or connection can use", func(t *testing.T) {
		c := load(t)
		require.Greater(t, c.HTTPIdleTimeout, 75*time.Second, "load balancers close first")
		require.Equal(t, 60, c.RegistrationsPerHour)
		require.Equal(t, 250_000, c.MaxPatientsPerUser)
		require.Equal(t, 10_000, c.MaxDoctorsPerUser)
		require.Equal(t, 1_000_000, c.MaxAssignmentsPerUser)
		require.Equal(t, 20, c.MaxAppointmentsPerPatient)
		require.Positive(t, c.AuditRequestsPerHour)
		require.Equal(t, "guarded", c.DoctorDirectory)
		require.False(t, c.PatientSeesNotes)
		require.False(t, c.RequireVerifiedEmail)
	})
	t.Run("place the embedded database in data_dir", func(t *testing.T) {
		require.Equal(t, "elsewhere/healthcare.db", load(t, "DATA_DIR", "elsewhere").DatabasePath())
	})
}

func TestDescribe(t *testing.T) {
	secret, previous, password := strong(t), strong(t), "hunter2hunter2"
	c := load(
		t,
		"SECRET_KEY",
		secret,
		"SECRET_KEY_PREVIOUS",
		previous,
		"DATABASE_URL",
		"postgres://u:"+password+"@localhost/x",
	)
	described := c.Describe()
	for key := range defaults(t) {
		require.Contains(t, described, key)
	}
	require.Equal(t, "5s", described["http_read_timeout"], "readable")
	require.NotContains(t, fmt.Sprintf("%v %#v", described, described), secret)
	require.NotContains(t, fmt.Sprintf("%v %#v", described, described), previous)
	require.NotContains(t, fmt.Sprintf("%v %#v", described, described), password)
}

func TestChanged(t *testing.T) {
	t.Run("is empty without configuration", func(t *testing.T) {
		changed, err := load(t).Changed()
		require.NoError(t, err)
		require.Empty(t, changed)
	})
	t.Run("has the keys that differ from their defaults, not those set to them", func(t *testing.T) {
		secret := strong(t)
		changed, err := load(
			t, "SECRET_KEY", secret, "HTTP_READ_TIMEOUT", "7s", "HTTP_BODY_LIMIT", "65536", "ALLOWED_HOSTS",
			"a.example", "DEBUG", "false",
		).Changed()
		require.NoError(t, err)
		require.Equal(
			t,
			map[string]any{
				"secret_key": "[redacted]", "http_read_timeout": "7s", "allowed_hosts": []string{"a.example"},
			},
			changed,
		)
	})
}
