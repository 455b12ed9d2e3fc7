package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestReplicaURLs(t *testing.T) {
	const primary, one, two = "postgres://clinic:hunter2@db/clinic", "postgres://clinic:hunter2@a,b:5433/clinic", "postgresql://clinic:hunter2@c/clinic"
	for name, list := range map[string]string{
		"by commas, with a comma between two hosts": one + "," + two,
		"by white space":                one + "\n" + two + "\n",
		"by both":                       one + ", " + two,
		"by repeated commas and spaces": " " + one + " ,, " + two + ",",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := load(t, "DATABASE_URL", primary, "DATABASE_REPLICA_URLS", list)
			require.Equal(t, []string{one, two}, cfg.ReplicaURLs())
			require.NotContains(t, fmt.Sprint(cfg, cfg.Describe()), "hunter2")
		})
	}
	require.Empty(t, load(t).ReplicaURLs())
	require.Equal(t, 5*time.Second, load(t).DatabaseReplicaMaxLag)
	for name, pairs := range map[string][]string{
		"needs database_url":                         {"DATABASE_REPLICA_URLS", one},
		"address 2 of 2 must start with postgres://": {"DATABASE_URL", primary, "DATABASE_REPLICA_URLS", one + " mysql://hunter2@c"},
		"address 1 of 1 is not an address":           {"DATABASE_URL", primary, "DATABASE_REPLICA_URLS", "postgres://clinic:hunter2%@db"},
		"address 1 of 1 is not an address such":      {"DATABASE_URL", primary, "DATABASE_REPLICA_URLS", "postgres://clinic@a,secret@hunter2/clinic"},
		"must be between 1s and 1h0m0s":              {"DATABASE_URL", primary, "DATABASE_REPLICA_MAX_LAG", "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			setVariables(t, pairs...)
			_, err := config.Load()
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}
