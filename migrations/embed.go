// Package migrations embeds every module's SQL: <module>/<engine>/NNNN_what.sql. A module owns its folder and its
// numbering; both engines' folders hold the same versions and come to the same schema (a test compares them).
package migrations

import (
	"embed"

	"healthcare/platform/database"
)

//go:embed */postgres/*.sql */sqlite/*.sql
var files embed.FS

// All are the migrations of the platform and of all modules, a module after those whose primary keys it references.
func All() database.Migrations {
	return database.Migrations{Files: files, Modules: []string{
		"platform",
		"identity",
		"doctors",
		"patients",
		"assignments",
		"audit",
	}}
}
