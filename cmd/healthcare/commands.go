package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/cmd/internal/composition"
	"healthcare/migrations"
	"healthcare/modules/appointments/appointmentsfx"
	"healthcare/modules/audit"
	"healthcare/modules/audit/auditfx"
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/notifications/notificationsfx"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/config"
	"healthcare/platform/database"
)

// version is set by the build (-ldflags "-X main.version=1.2.3").
var version string

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "healthcare",
		Short: "A secure REST backend for clinics",
		Long: `healthcare is a REST backend for clinics: users register and sign in, keep their own
patients, share one directory of doctors, and assign doctors to patients.

Without configuration it listens on 127.0.0.1:8000 and stores its data in ./data (embedded
SQLite). With DATABASE_URL, SECRET_KEY and AUDIT_KEY it runs on PostgreSQL.`,
		Example: `  healthcare                       serve with the embedded database
  HTTP_ADDRESS=:9000 healthcare    serve on another port
  healthcare user promote EMAIL    make a user an administrator
  healthcare migrate status        list applied and pending migrations
  healthcare keys rotate           generate a new signing key, without signing users out
  healthcare mail test ADDRESS     send a test message
  healthcare backup                back up the embedded database of a running server
  healthcare copy --to postgres:…  move the embedded database to PostgreSQL
  curl http://127.0.0.1:8000/openapi.json`,
		Version:       programVersion(),
		SilenceErrors: true, // main prints them in one line
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), false) },
	}
	root.SetVersionTemplate("healthcare {{.Version}}\n")
	root.SetHelpTemplate(
		root.HelpTemplate() + "{{if .HasParent}}" + subcommandHelp + "{{else}}" + environmentHelp() + "{{end}}",
	)
	root.AddCommand(
		serveCommand(),
		migrateCommand(),
		identityfx.Command(withGraph),
		patientsfx.Command(withGraph),
		appointmentsfx.Command(withGraph),
		notificationsfx.Command(withGraph),
		auditfx.Command(withGraph, auditConfig),
		keysCommand(),
		mailCommand(),
		copyCommand(),
		backupCommand(),
		doctorCommand(),
		openapiCommand(),
		&cobra.Command{
			Use:   "health",
			Short: "Check that a running server is ready; exit 1 if it is not",
			Args:  cobra.NoArgs,
			Long: "Request /readyz from the server at HTTP_ADDRESS, with a timeout of 3 seconds. " +
				"For container health checks.",
			RunE: func(cmd *cobra.Command, _ []string) error { return health(cmd.Context()) },
		},
		&cobra.Command{
			Use:   "version",
			Short: "Print the version",
			Args:  cobra.NoArgs,
			Run: func(cmd *cobra.Command, _ []string) {
				fmt.Fprintln(cmd.OutOrStdout(), "healthcare", programVersion())
			},
		},
	)
	addSuggestions(root)
	return root
}

func serveCommand() *cobra.Command {
	var demo bool
	command := &cobra.Command{
		Use: "serve", Short: "Serve the API (the default)", Args: cobra.NoArgs,
		Long: `Serve the API until SIGINT, SIGTERM or SIGHUP, then finish the requests in flight and exit 0. A second
signal exits at once.

--demo first fills an empty embedded database with 20 fictitious patients, 5 doctors and their
assignments, and the accounts of an administrator, who keeps the patients, a doctor and a patient. It
prints how to sign in.`,
		Example: `  healthcare serve
  DATA_DIR=./demo healthcare serve --demo`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), demo) },
	}
	command.Flags().BoolVar(
		&demo, "demo", false, "fill an empty embedded database with fictitious people, and serve it",
	)
	return command
}

const subcommandHelp = `
"healthcare --help" lists the environment variables and the exit codes.
`

// helpKeys are the most used configuration keys.
var helpKeys = []string{
	"database_url",
	"secret_key",
	"secret_key_previous",
	"audit_key",
	"http_address",
	"allowed_hosts",
	"data_dir",
	"app_env",
	"time_zone",
	"mail_url",
	"mail_from",
	"public_url",
	"registration",
	"care_team_access",
	"patient_sees_notes",
	"emergency_access",
	"trusted_proxies",
	"forwarded_header",
	"compat",
	"log_level",
	"debug",
}

// environmentHelp describes the most used variables, in the words of configs/default.yaml, and the exit codes.
func environmentHelp() string {
	var b strings.Builder
	b.WriteString("\nEnvironment (the most used variables; NAME_FILE reads the variable NAME from a file):\n")
	known := map[string]config.Key{}
	for _, key := range config.Keys() {
		known[key.Name] = key
	}
	for _, name := range helpKeys {
		key := known[name]
		text := key.Summary()
		if key.Default != "" {
			text += " (default " + key.Default + ")"
		}
		fmt.Fprintf(&b, "  %-20s %s\n", key.Variable(), text)
	}
	b.WriteString(`  PORT                 Port to listen on, on all interfaces, if HTTP_ADDRESS is not set
  NO_COLOR             No colours on a terminal
  CONFIG_FILE          A YAML file in the format of configs/default.yaml, which lists every key

Exit status: 0 after a clean stop, 1 on a failure, 70 if it did not stop in time, 78 if the configuration
or the store cannot be used.
`)
	return b.String()
}

func migrateCommand() *cobra.Command {
	migrate := &cobra.Command{
		Use: "migrate", Short: "Apply or list the migrations of the database's schema",
		Args: cobra.NoArgs, // without RunE, cobra would print help for a misspelt subcommand and exit with 0
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	migrate.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply every pending migration", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withDatabase(cmd.Context(), creating, func(ctx context.Context, db *database.DB) error {
					applied, err := db.Migrate(ctx, migrations.All())
					for _, m := range applied {
						fmt.Fprintf(cmd.OutOrStdout(), "applied  %s/%s\n", m.Module, m.Name)
					}
					if err == nil && len(applied) == 0 {
						fmt.Fprintln(cmd.OutOrStdout(), "nothing to do: the schema is up to date")
					}
					return err
				})
			},
		},
		&cobra.Command{
			Use: "status", Short: "List every migration and whether it is applied", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withDatabase(cmd.Context(), existing, func(ctx context.Context, db *database.DB) error {
					all, err := db.MigrationStatus(ctx, migrations.All())
					for _, m := range all {
						state := "pending"
						switch {
						case m.Newer:
							state = "applied by a newer release:"
						case m.Applied:
							state = "applied"
						}
						fmt.Fprintf(cmd.OutOrStdout(), "%s  %s/%s\n", state, m.Module, m.Name)
					}
					return err
				})
			},
		},
	)
	return migrate
}

// creation selects whether a command may create a store and its keys.
type creation bool

const (
	existing creation = false // a missing store is an error that names its path
	creating creation = true
)

// withDatabase runs do with a connection to the configured store.
func withDatabase(ctx context.Context, mode creation, do func(context.Context, *database.DB) error) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	if mode == creating {
		if err := ensureGenerated(&cfg); err != nil {
			return err
		}
	}
	store := composition.DatabaseConfig(cfg)
	store.Existing = mode == existing
	db, err := database.Open(store, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Connect(ctx); err != nil {
		return err
	}
	return do(ctx, db)
}

// ensureGenerated generates the keys in data_dir, so that every command works once the store exists. Configured keys
// are not required, because migrations do not use them.
func ensureGenerated(cfg *config.Config) error {
	if cfg.GeneratesSecret() {
		if err := cfg.EnsureSecret(); err != nil {
			return err
		}
	}
	if cfg.GeneratesAuditKey() {
		return cfg.EnsureAuditKey()
	}
	return nil
}

// loadConfig returns config.Load and warns of misspelt variables on standard error: a misspelt DATABASE_URL would
// select the wrong store.
func loadConfig() (config.Config, error) {
	cfg, err := config.Load()
	if err != nil {
		return cfg, err
	}
	misspelt, err := config.Misspelt()
	for _, name := range slices.Sorted(maps.Keys(misspelt)) {
		fmt.Fprintf(os.Stderr, "healthcare: warning: %s is unknown: did you mean %s?\n", name, misspelt[name])
	}
	return cfg, err
}

// auditConfig returns the configuration for verifying an export. Errors: those of the configuration; a missing audit
// key.
func auditConfig() (audit.Config, error) {
	cfg, err := loadConfig()
	if err != nil {
		return audit.Config{}, err
	}
	if err := cfg.RequireAuditKey(); err != nil {
		return audit.Config{}, err
	}
	return composition.AuditConfig(cfg), nil
}

// withGraph fills target from the program's graph and runs work. The store is open, but requests are not served. The
// store must exist and be up to date: a command of a newer release must not migrate it under a running server.
func withGraph(ctx context.Context, target any, work func(context.Context) error) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	store := composition.DatabaseConfig(cfg)
	store.Existing = true
	if err := store.CheckFile(); err != nil {
		return err
	}
	if err := cfg.RequireKeys(); err != nil {
		return err
	}
	cfg.DatabaseMigrateOnStart = false
	if cfg.LogLevel == "info" {
		cfg.LogLevel = "warn" // a command prints its own results
	}
	app := fx.New(
		composition.Configuration(cfg, programVersion()), fx.Replace(store), composition.Parts(), fx.Populate(target),
		fx.StartTimeout(startTimeout(cfg)), fx.StopTimeout(stopTimeout(cfg)),
	)
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	if err := start(ctx, app); err != nil {
		return dig.RootCause(err)
	}
	return errors.Join(work(ctx), stop(app))
}

// health requests /readyz from the configured address, by loopback if that is all interfaces.
func health(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(cfg.HTTPAddress)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(
		ctx,
		http.MethodGet,
		"http://"+net.JoinHostPort(host, port)+"/readyz",
		nil,
	)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{}} // not the default one, which uses HTTP_PROXY
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}

// programVersion returns the version of the build, or the revision that Go recorded.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "development, " + s.Value[:min(12, len(s.Value))]
		}
	}
	return "development"
}
