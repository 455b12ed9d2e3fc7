package modules_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	uuid       = "github.com/google/uuid"
	ozzo       = "github.com/go-ozzo"
	anyLibrary = "any library" // adapters may use libraries; rule 4 restricts some
	othersRoot = "another module's root"
)

// mayImport lists the packages that each layer may import besides std and itself. "own x" is a layer of the same
// module; a name includes the packages below it.
var mayImport = map[string][]string{
	"root": {uuid, "platform/auth", "platform/errs", "platform/recordid"},
	// others' roots are for ids; rule 1 restricts them
	"domain": {uuid, ozzo, "golang.org/x/net/idna", "golang.org/x/text", othersRoot, "own root",
		"platform/errs", "platform/fields", "platform/recordid", "platform/text", "platform/timezone"},
	"ports": append([]string{"own root", "own domain"}, technologyFree...),
	"app":   append([]string{"own root", "own domain", "own ports"}, technologyFree...),

	"adapters/rest": {anyLibrary, othersRoot, "own root", "own domain", "own app",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/fields", "platform/rest",
		"platform/revision", "platform/timezone"},
	"adapters/store": {anyLibrary, othersRoot, "own root", "own domain", "own ports",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/database", "platform/paging",
		"platform/recordid", "platform/telemetry", "platform/timezone"},
	"adapters/cli": {anyLibrary, othersRoot, "own root", "own domain", "own app",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/paging", "platform/progress",
		"platform/revision"},
	"adapters/*": {anyLibrary, othersRoot, "own root", "own domain", "own ports",
		"platform/admission", "platform/audit", "platform/auth", "platform/clock", "platform/errs",
		"platform/config", "platform/keyring", "platform/logging", "platform/mail", "platform/telemetry",
		"platform/webhook"},
}

var technologyFree = []string{uuid, ozzo, "golang.org/x/sync", "golang.org/x/text", othersRoot,
	"platform/admission", "platform/audit", "platform/auth",
	"platform/clock", "platform/errs", "platform/events", "platform/jobs", "platform/onetime",
	"platform/paging", "platform/quota", "platform/recordid", "platform/revision", "platform/text",
	"platform/timezone", "platform/tx"}

// references holds the bare libraries that the service is measured against. It is never released.
const references = "cmd/bench/internal/reference"

// containedLibraries lists the libraries that only some packages may import.
var containedLibraries = []struct {
	path, where string
	allows      func(file) bool
}{
	{"gorm.io", "adapters/store, platform/database* and platform/idempotency", func(f file) bool {
		return f.layer == "adapters/store" || strings.HasPrefix(f.path, "platform/database") ||
			below(f.path, "platform/idempotency") || below(f.path, references) || below(f.path, harnessFolder)
	}},
	{"github.com/gofiber", "adapters/rest, platform/rest and platform/httpserver", func(f file) bool {
		return f.layer == "adapters/rest" || below(f.path, "platform/rest") || below(f.path, "platform/httpserver") ||
			below(f.path, references)
	}},
	{"go.uber.org/fx", "*fx, platform/*/fx.go and cmd", func(f file) bool {
		ofPlatform, _ := path.Match("platform/*/fx.go", f.path)
		return f.layer == "fx" || ofPlatform || below(f.path, "cmd")
	}},
}

// stdOnly lists packages that import the standard library only.
var stdOnly = []string{"platform/errs", "platform/keyring", "platform/tx"}

// serving lists the packages of platform that serve HTTP, from the lowest to the highest. Each may import those before
// it; the other packages of platform import none of them.
var serving = []string{
	"platform/httpserver/transport",
	"platform/contract",
	"platform/httpserver/query",
	"platform/rest",
	"platform/httpserver",
}

// height returns a package's position in serving, 0 for all others.
func height(layer string) int {
	for i, p := range serving { // subfolders come before their parent
		if below(layer, p) {
			return i + 1
		}
	}
	return 0
}

// checkRootImports is rule 2.
func checkRootImports(t tree) []violation {
	return t.refusedImports(func(layer string) bool { return layer == "root" })
}

// checkLayerImports is rule 3.
func checkLayerImports(t tree) []violation {
	return t.refusedImports(func(layer string) bool { return layer != "root" })
}

// refusedImports returns the imports in the chosen layers that mayImport does not allow.
func (t tree) refusedImports(chosen func(layer string) bool) []violation {
	var found []violation
	for _, f := range t.files {
		allowed, ruled := mayImport[f.layer]
		if !ruled && below(f.layer, "adapters") {
			allowed, ruled = mayImport["adapters/*"], true
		}
		if f.test || f.module == "" || !ruled || !chosen(f.layer) {
			continue
		}
		found = append(found, f.reject(func(i imported) string {
			switch {
			case i.std(), i.place == f.place, allows(allowed, i.nameFor(f.module)),
				!i.ours && slices.Contains(allowed, anyLibrary):
				return ""
			}
			return fmt.Sprintf("%s imports %s", f.layer, i.path)
		})...)
	}
	return found
}

// nameFor returns the import as mayImport names it.
func (i imported) nameFor(module string) string {
	switch {
	case !i.ours:
		return i.path
	case i.module == "":
		return i.layer
	case i.module == module:
		return "own " + i.layer
	case i.layer == "root":
		return othersRoot // rule 1 restricts them
	}
	return "another module's inside"
}

func allows(list []string, name string) bool {
	return slices.ContainsFunc(list, func(allowed string) bool { return below(name, allowed) })
}

// below reports whether name is top or inside it.
func below(name, top string) bool { return name == top || strings.HasPrefix(name, top+"/") }

// checkLibraries is rule 4. A *_test.go may use any library; a *test package may not, because others import it.
func checkLibraries(t tree) []violation {
	var found []violation
	for _, f := range t.files {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		found = append(found, f.reject(func(i imported) string {
			for _, library := range containedLibraries {
				if below(i.path, library.path) && !library.allows(f) {
					return fmt.Sprintf("imports %s, which only %s may import", i.path, library.where)
				}
			}
			return ""
		})...)
	}
	return found
}

// checkPlatformImports is rule 5.
func checkPlatformImports(t tree) []violation {
	var found []violation
	for _, f := range t.files {
		found = append(found, f.reject(func(i imported) string {
			switch {
			case below(f.path, "platform") && i.module != "":
				return fmt.Sprintf("platform imports %s", i.path)
			case slices.Contains(stdOnly, f.layer) && !f.test && !i.std():
				return fmt.Sprintf("%s imports %s: it may import the standard library only", f.layer, i.path)
			case i.module != "" && i.layer == "fx" && !below(f.path, "cmd") && f.place != i.place:
				return fmt.Sprintf("imports %s, which is for cmd only", i.path)
			case below(f.path, "cmd/bench") && i.path == modulePath+"platform/databasetest/cluster":
				return "" // measures on a temporary server
			case below(f.path, "platform") && !f.test && height(i.layer) > height(f.layer):
				return fmt.Sprintf("%s imports %s, which is above it", f.layer, i.path)
			case i.isTestPackage() && i.ours && !f.test:
				return fmt.Sprintf("imports %s, which is for tests only", i.path)
			}
			return ""
		})...)
	}
	return found
}
