package auditfx

import (
	"go.uber.org/fx"
	"healthcare/modules/audit/internal/adapters/cli"
	"healthcare/modules/audit/internal/app"
	"healthcare/platform/keyring"
)
