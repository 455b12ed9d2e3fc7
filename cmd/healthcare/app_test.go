package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/composition"
	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

func TestGraphIsComplete(t *testing.T) {
	cfg, err := config.Default()
	require.NoError(t, err)
	cfg.SecretKey, cfg.AuditKey = harness.SecretKey, harness.AuditKey
	everyPublicInterface := fx.Invoke(
		func(audit.Recorder, auth.Authenticator, patients.Directory, doctors.Directory, events.Publisher, tx.Runner) {
		})
	require.NoError(t, fx.ValidateApp(
		composition.Configuration(cfg, programVersion()), composition.Serving(), everyPublicInterface,
	))
}
