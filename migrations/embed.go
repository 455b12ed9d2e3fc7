// Package migrations embeds the SQL of every module: <module>/<engine>/NNNN_<name>.sql. A module owns its folder and
// its numbering. The folders of both engines have the same versions and produce the same schema, which a test compares.
package migrations

import (
	"embed"

	"healthcare/platform/database"
)

//go:embed */postgres/*.sql */sqlite/*.sql
var files embed.FS

// All returns the migrations of the platform and of all modules. A module comes after the modules whose primary keys it
// references.
func All() database.Migrations {
	return database.Migrations{Files: files, Modules: []string{
		"platform",
		"identity",
		"doctors",
		"patients",
		"assignments",
		"appointments",
		"notifications",
		"audit",
	}}
}
