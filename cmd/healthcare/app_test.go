package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

func TestTheGraphIsComplete(t *testing.T) {
	cfg, err := config.Default()
	require.NoError(t, err)
	cfg.SecretKey = testSecret
	everyPublicInterface := fx.Invoke(func(auth.Authenticator, patients.Directory, doctors.Directory, events.Publisher, tx.Runner) {})
	require.NoError(t, fx.ValidateApp(configuration(cfg), serving(), everyPublicInterface))
}
