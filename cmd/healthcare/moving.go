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

const copyHelp = `Copy everything that the embedded database holds into an empty PostgreSQL database, which is
migrated first. All of it arrives in one transaction, which commits when every table, read back,
has the count and the checksum that it has in the source. Whatever goes wrong, an interrupt too,
leaves nothing behind: copy again.

Stop the server first. The copy is of one moment; when the source is written to while it is made,
it is given up, because those writes would be lost. --snapshot copies one moment beside a server
that goes on writing, for a rehearsal: what is written after that moment is not in the copy. Run
it as the user whom the server runs as.

--to may hold a password, which everybody on the machine can read from the list of processes while
the command runs. DATABASE_URL, or DATABASE_URL_FILE, says the same and cannot be read.

The keys and the checkpoints of the audit trail are not in the database. The last words of the
command say where they are: the new server needs them.`

func copyCommand() *cobra.Command {
	var from, to string
	var snapshot bool
	command := &cobra.Command{
		Use: "copy", Short: "Move the embedded database to PostgreSQL, verified, all or nothing", Long: copyHelp, Args: cobra.NoArgs,
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
			sayCopied(cmd.OutOrStdout(), m.From, done)
			sayWhatElse(cmd.OutOrStdout(), filepath.Dir(m.From), cfg)
			return nil
		},
	}
	command.Flags().StringVar(&from, "from", "", "sqlite:PATH (default: the database in DATA_DIR)")
	command.Flags().StringVar(&to, "to", "", "postgres://… (default: DATABASE_URL)")
	command.Flags().BoolVar(&snapshot, "snapshot", false, "copy one moment although a server goes on writing")
	return command
}

func move(cfg config.Config, from, to string) (transfer.Move, error) {
	if to == "" {
		to = cfg.DatabaseURL.Reveal()
	}
	path, embedded := strings.CutPrefix(from, "sqlite:")
	switch {
	case from == "":
		path = cfg.DatabasePath()
	case !embedded || path == "":
		return transfer.Move{}, errors.New("--from is sqlite: and the path of the file, such as sqlite:/data/healthcare.db")
	}
	if !strings.HasPrefix(to, "postgres://") && !strings.HasPrefix(to, "postgresql://") {
		return transfer.Move{}, errors.New("where to? Give DATABASE_URL or --to an address such as postgres://user@host:5432/name")
	}
	cfg.DatabaseURL = config.Secret(to)
	return transfer.Move{
		From: strings.TrimPrefix(path, "//"), To: composition.DatabaseConfig(cfg), Migrations: migrations.All(), Clock: clock.New(),
	}, nil
}

func sayCopied(out io.Writer, from string, done transfer.Copied) {
	var rows int64
	for _, table := range done.Tables {
		fmt.Fprintf(out, "verified  %s  %d rows  %s\n", table.Name, table.Rows, table.Checksum)
		rows += table.Rows
	}
	fmt.Fprintf(out, "copied: %d rows of %d tables from SQLite (%s) to %s, as they were at %s\n", rows, len(done.Tables), from, done.Where, done.At.Format(time.RFC3339Nano))
	if done.Behind {
		fmt.Fprintln(out, "The source has been written to since: what was written after that moment is not in the copy.")
		return
	}
	fmt.Fprintln(out, "Nothing was written to the source meanwhile. If a server still runs on it, stop it: what it writes from now on is not in the copy.")
}

func backupCommand() *cobra.Command {
	var to string
	command := &cobra.Command{
		Use: "backup", Short: "Write a consistent copy of the embedded database to a new file, beside a running server", Args: cobra.NoArgs,
		Long: `Write a copy of the embedded database, as it is at one moment, to a file that is not there yet,
readable by its owner alone. A running server goes on reading and writing. The file gets its name
once it is on the disk and SQLite has found it sound. Run it as the user whom the server runs as.

It holds patient data, and no key: keep secret_key, audit_key and the checkpoints elsewhere.
To restore it, stop the server and put the file in the place of DATA_DIR/healthcare.db, without
healthcare.db-wal and healthcare.db-shm.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig()
			if err != nil {
				return err
			}
			if !cfg.Embedded() {
				return errors.New("the store is PostgreSQL, which has better tools for this: pg_dump for a copy, pgBackRest for backups with recovery to any moment")
			}
			if to == "" {
				to = filepath.Join(cfg.DataDir, "backups", "healthcare-"+clock.New().Now().Format("20060102T150405Z")+".db")
			}
			line := progress.New(cmd.ErrOrStderr())
			saved, err := transfer.Backup(cmd.Context(), cfg.DatabasePath(), to, line.Show)
			line.End()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "saved: %s, %d bytes, %d rows of %d tables, found sound\n", saved.Path, saved.Bytes, saved.Rows, saved.Tables)
			sayWhatElse(cmd.OutOrStdout(), cfg.DataDir, cfg)
			return nil
		},
	}
	command.Flags().StringVar(&to, "to", "", "the new file (default: DATA_DIR/backups/healthcare-<time>.db)")
	return command
}

// sayWhatElse names what a store does not hold and is of little use without. It shows no key.
func sayWhatElse(out io.Writer, folder string, cfg config.Config) {
	fmt.Fprintln(out, "It holds none of these, which go with it, and are best kept apart from it:")
	for _, part := range []struct{ variable, file, what string }{
		{"SECRET_KEY", filepath.Join(folder, config.SecretKeyFile), "or everybody signs in again (its first line; SECRET_KEY_PREVIOUS are the others)"},
		{"AUDIT_KEY", filepath.Join(folder, config.AuditKeyFile), "or the audit trail can be verified no more, nor continued"},
		{"AUDIT_CHECKPOINTS", checkpointsBeside(folder, cfg), "or a tail that was cut off the trail is not found out"},
	} {
		where := "as the server is given it"
		if _, err := os.Stat(part.file); err == nil {
			where = "kept in " + part.file
		}
		fmt.Fprintf(out, "  %s, %s, %s\n", part.variable, where, part.what)
	}
	fmt.Fprintln(out, "Prove the trail with: healthcare audit verify")
}

func checkpointsBeside(folder string, cfg config.Config) string {
	if cfg.AuditCheckpoints != "" {
		return cfg.AuditCheckpoints
	}
	return filepath.Join(folder, config.CheckpointsFile)
}
