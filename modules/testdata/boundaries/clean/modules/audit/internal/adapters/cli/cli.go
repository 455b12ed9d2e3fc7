package cli

import (
	"github.com/spf13/cobra"
	"healthcare/modules/audit/internal/app"
)
