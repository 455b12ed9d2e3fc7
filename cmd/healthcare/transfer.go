package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthcare/cmd/internal/composition"
	"healthcare/migrations"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database/transfer"
	"healthcare/platform/progress"
)

const copyHelp = `Copy the embedded database into an empty PostgreSQL database, which is migrated first. The copy is
one transaction. It commits after every table was read back and has the same number of rows and the
same checksum as in the source. After an error or an interrupt the target is empty: copy again.

Stop the server first. The copy represents one moment. It fails if the source is written to
meanwhile, because those writes would be lost. For a rehearsal, --snapshot copies one moment while
the server continues: later writes are not in the copy. Run it as the operating system user of the
server.

All users of the machine can read a password in --to from the list of processes while the command
runs. DATABASE_URL and DATABASE_URL_FILE hide it.

The keys and the checkpoints of the audit trail are not in the database. The command ends with
their locations: the new server needs them.`

func copyCommand() *cobra.Command {
	var from, to string
	var snapshot bool
	command := &cobra.Command{
		Use: "copy", Short: "Copy the embedded database to PostgreSQL in one verified transaction",
		Long: copyHelp, Args: cobra.NoArgs,
		Example: `  DATABASE_URL_FILE=/run/secrets/database_url healthcare copy
  healthcare copy --from sqlite:/data/healthcare.db --to postgres://healthcare@db.internal/healthcare`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig()
			if err != nil {
				return err
			}
			m, err := move(cfg, from, to)
			if err != nil {
				return err
			}
			line := progress.New(cmd.ErrOrStderr())
			m.Snapshot, m.Progress = snapshot, line.Show
			done, err := transfer.Copy(cmd.Context(), m)
			line.End()
			if err != nil {
				return err
			}
			printCopied(cmd.OutOrStdout(), m.From, done)
			printMissingParts(cmd.OutOrStdout(), filepath.Dir(m.From), cfg)
			return nil
		},
	}
	command.Flags().StringVar(&from, "from", "", "sqlite:PATH (default: the database in DATA_DIR)")
	command.Flags().StringVar(&to, "to", "", "postgres://… (default: DATABASE_URL)")
	command.Flags().BoolVar(&snapshot, "snapshot", false, "copy one moment while a server continues to write")
	return command
}

func move(cfg config.Config, from, to string) (transfer.CopyConfig, error) {
	if to == "" {
		to = cfg.DatabaseURL.Reveal()
	}
	path, embedded := strings.CutPrefix(from, "sqlite:")
	switch {
	case from == "":
		path = cfg.DatabasePath()
	case !embedded || path == "":
		return transfer.CopyConfig{}, errors.New(
			"--from must be sqlite: and the path of the file, such as sqlite:/data/healthcare.db",
		)
	}
	if !strings.HasPrefix(to, "postgres://") && !strings.HasPrefix(to, "postgresql://") {
		return transfer.CopyConfig{}, errors.New(
			"the target is missing: set DATABASE_URL or --to to an address such as postgres://user@host:5432/name",
		)
	}
	cfg.DatabaseURL = config.Secret(to)
	return transfer.CopyConfig{
		From:       strings.TrimPrefix(path, "//"),
		To:         composition.DatabaseConfig(cfg),
		Migrations: migrations.All(),
		Clock:      clock.New(),
	}, nil
}

func printCopied(out io.Writer, from string, done transfer.CopyResult) {
	var rows int64
	for _, table := range done.Tables {
		fmt.Fprintf(out, "verified  %s  %d rows  %s\n", table.Name, table.Rows, table.Checksum)
		rows += table.Rows
	}
	fmt.Fprintf(out, "copied: %d rows of %d tables from SQLite (%s) to %s, as of %s\n",
		rows, len(done.Tables), from, done.Where, done.At.Format(time.RFC3339Nano))
	if done.Behind {
		fmt.Fprintln(out, "The source was written to meanwhile: later writes are not in the copy.")
		return
	}
	fmt.Fprintln(out, "The source was not written to meanwhile. If a server still uses it, stop the server: "+
		"later writes are not in the copy.")
}

func backupCommand() *cobra.Command {
	var to string
	command := &cobra.Command{
		Use: "backup", Short: "Back up the embedded database to a new file, while the server runs", Args: cobra.NoArgs,
		Long: `Write a consistent copy of the embedded database to a new file that only its owner can read. A
running server continues to read and write. The file gets its final name after it was written to disk
and passed SQLite's integrity check. Run it as the operating system user of the server.

The backup holds patient data but no keys: store secret_key, audit_key and the checkpoints elsewhere.
To restore it, stop the server, replace DATA_DIR/healthcare.db by the file, and remove
healthcare.db-wal and healthcare.db-shm.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig()
			if err != nil {
				return err
			}
			if !cfg.Embedded() {
				return errors.New("the store is PostgreSQL: use pg_dump for a copy, or pgBackRest for backups with " +
					"point-in-time recovery")
			}
			if to == "" {
				if to, err = defaultBackup(cfg); err != nil {
					return err
				}
			}
			line := progress.New(cmd.ErrOrStderr())
			saved, err := transfer.Backup(cmd.Context(), cfg.DatabasePath(), to, line.Show)
			line.End()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "saved: %s, %d bytes, %d rows of %d tables, integrity checked\n",
				saved.Path, saved.Bytes, saved.Rows, saved.Tables)
			printMissingParts(cmd.OutOrStdout(), cfg.DataDir, cfg)
			return nil
		},
	}
	command.Flags().StringVar(&to, "to", "",
		"the new file, in an existing folder (default: DATA_DIR/backups/healthcare-<time>.db)")
	return command
}

// defaultBackup returns the path of a new backup in DATA_DIR and creates its folder. Errors: the database is missing;
// the disk's.
func defaultBackup(cfg config.Config) (string, error) {
	if err := composition.DatabaseConfig(cfg).CheckFile(); err != nil {
		return "", err
	}
	folder := filepath.Join(cfg.DataDir, "backups")
	name := "healthcare-" + clock.New().Now().Format("20060102T150405Z") + ".db"
	return filepath.Join(folder, name), os.MkdirAll(folder, 0o700)
}

// printMissingParts lists the keys and files that a store needs but does not hold. It shows no key.
func printMissingParts(out io.Writer, folder string, cfg config.Config) {
	fmt.Fprintln(out, "It does not include the following, which it needs. Store them separately:")
	for _, part := range []struct{ variable, file, reason string }{
		{
			"SECRET_KEY", filepath.Join(folder, config.SecretKeyFile),
			"else all users must sign in again (the first line; the others are SECRET_KEY_PREVIOUS)",
		},
		{
			"AUDIT_KEY", filepath.Join(folder, config.AuditKeyFile),
			"else the audit trail can be neither verified nor continued",
		},
		{"AUDIT_CHECKPOINTS", checkpointsBeside(folder, cfg), "else a truncated trail is not detected"},
	} {
		where := "as configured for the server"
		if _, err := os.Stat(part.file); err == nil {
			where = "stored in " + part.file
		}
		fmt.Fprintf(out, "  %s, %s, %s\n", part.variable, where, part.reason)
	}
	fmt.Fprintln(out, "Verify the trail with: healthcare audit verify")
}

func checkpointsBeside(folder string, cfg config.Config) string {
	if cfg.AuditCheckpoints != "" {
		return cfg.AuditCheckpoints
	}
	return filepath.Join(folder, config.CheckpointsFile)
}
