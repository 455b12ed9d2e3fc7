package databasetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"healthcare/migrations"
)

// ownDatabase creates a database from the migrated template, and drops it when the test ends.
func ownDatabase(t testing.TB, server string) string {
	t.Helper()
	from, err := template(server)
	require.NoError(t, err)
	// FILE_COPY is faster for a small template: it copies files instead of writing every block to the WAL.
	return createDatabase(t, server, fmt.Sprintf(`TEMPLATE %q STRATEGY FILE_COPY`, from))
}

// createDatabase creates a database with the given options, and drops it when the test ends.
func createDatabase(t testing.TB, server, options string) string {
	t.Helper()
	name := "healthcare_test_" + random()
	require.NoError(t, execute(server, fmt.Sprintf(`CREATE DATABASE %q %s`, name, options)))
	t.Cleanup(func() {
		if err := execute(server, fmt.Sprintf(`DROP DATABASE IF EXISTS %q WITH (FORCE)`, name)); err != nil {
			t.Logf("drop the database %s: %v", name, err)
		}
	})
	return at(server, name)
}

var (
	templateOnce sync.Once
	templateName string
	errTemplate  error
)

// template returns the name of a migrated database on the server. The name depends on the migrations, so that all test
// binaries share the database. One of them creates it while the others wait.
func template(server string) (string, error) {
	templateOnce.Do(func() { templateName, errTemplate = makeTemplate(server) })
	return templateName, errTemplate
}

const templatePrefix = "healthcare_template_"

func makeTemplate(server string) (string, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // the advisory lock ends with the connection
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, templatePrefix); err != nil {
		return "", err
	}
	name, err := nameTemplate()
	if err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	if err := dropTemplates(ctx, conn); err != nil {
		return "", err
	}
	unfinished := templatePrefix + random()
	if _, err := conn.Exec(ctx, fmt.Sprintf(`CREATE DATABASE %q`, unfinished)); err != nil {
		return "", err
	}
	cfg := limits()
	cfg.URL = at(server, unfinished)
	if err := migrate(cfg); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`ALTER DATABASE %q RENAME TO %q`, unfinished, name))
	return name, err
}

// dropTemplates drops the templates of other migrations and of test runs that were killed.
func dropTemplates(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, templatePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, fmt.Sprintf(`DROP DATABASE IF EXISTS %q`, name)); err != nil {
			return err
		}
	}
	return nil
}

// nameTemplate returns the template's name, which contains a digest of all PostgreSQL migrations.
func nameTemplate() (string, error) {
	all := migrations.All()
	digest := sha256.New()
	for _, module := range all.Modules {
		files, err := fs.Glob(all.Files, module+"/postgres/*.sql")
		if err != nil {
			return "", err
		}
		for _, file := range files {
			content, err := fs.ReadFile(all.Files, file)
			if err != nil {
				return "", err
			}
			_, _ = fmt.Fprintf(digest, "%s %d\n%s", file, len(content), content)
		}
	}
	return templatePrefix + hex.EncodeToString(digest.Sum(nil)[:8]), nil
}

// at returns the server's address with the given database.
func at(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + database
	return u.String()
}

func execute(server, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func random() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}
