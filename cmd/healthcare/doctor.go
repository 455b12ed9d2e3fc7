package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"healthcare/cmd/internal/composition"
	"healthcare/migrations"
	"healthcare/modules/audit/auditfx"
	"healthcare/platform/checkup"
	"healthcare/platform/config"
	"healthcare/platform/database"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, the store and the machine; exit 1 if a check fails",
		Args:  cobra.NoArgs,
		Long: `Check the configuration, keys, store, schema, migrations, extensions, encoding, checkpoints of the
audit trail, clock and disk space, whether a server is running or not. Each check prints one line that
begins with ok, warn or fail and has the remedy. It changes nothing, creates nothing and shows no
secret. Run it where the service runs, as the same operating system user.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return report(cmd.OutOrStdout(), examine(cmd.Context()))
		},
	}
}

func report(out io.Writer, findings []checkup.Finding) error {
	failed := 0
	for _, f := range findings {
		fmt.Fprintf(out, "%-4s  %-11s  %s\n", f.State, f.Subject, f.Text)
		if f.State == checkup.Fail {
			failed++
		}
	}
	switch failed {
	case 0:
		return nil
	case 1:
		return errors.New("1 check failed")
	}
	return fmt.Errorf("%d checks failed", failed)
}

func examine(ctx context.Context) []checkup.Finding {
	cfg, err := config.Load()
	if err != nil {
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "config", "%v", err)}
	}
	findings := cfg.Examine()
	db, store := database.Examine(ctx, composition.DatabaseConfig(cfg), migrations.All())
	findings = append(findings, store...)
	if db != nil {
		defer func() { _ = db.Close() }()
		if cfg.RequireAuditKey() == nil { // otherwise Examine has reported it
			findings = append(findings, auditfx.Examine(ctx, composition.AuditConfig(cfg), db)...)
		}
	}
	folders := []string{filepath.Dir(cfg.AuditCheckpointsPath())}
	if cfg.Embedded() && filepath.Clean(cfg.DataDir) != folders[0] {
		folders = append(folders, cfg.DataDir)
	}
	for _, folder := range folders {
		findings = append(findings, checkup.Disk(folder))
	}
	return findings
}
