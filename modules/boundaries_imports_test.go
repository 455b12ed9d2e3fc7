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
	anyLibrary = "any library" // adapters are where technology lives; rule 4 says which technology where
	othersRoot = "another module's root"
)

// mayImport is what each layer may import beside std and itself. "own x" is a layer of the same module; a name covers what lies below it.
var mayImport = map[string][]string{
	"root": {uuid, "platform/auth", "platform/errs", "platform/recordid"},
	// others' roots are for ids; rule 1 says whose
	"domain": {uuid, "platform/errs", "platform/fields", "platform/recordid", "platform/text", ozzo, "golang.org/x/net/idna", "golang.org/x/text",
		"own root", othersRoot},
	"ports": append([]string{"own root", "own domain"}, technologyFree...),
	"app":   append([]string{"own root", "own domain", "own ports"}, technologyFree...),

	"adapters/rest": {anyLibrary, othersRoot, "own root", "own domain", "own app",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/fields", "platform/rest",
		"platform/revision"},
	"adapters/store": {anyLibrary, othersRoot, "own root", "own domain", "own ports",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/database", "platform/paging", "platform/recordid",
		"platform/telemetry"},
	"adapters/cli": {anyLibrary, othersRoot, "own root", "own domain", "own app",
		"platform/audit", "platform/auth", "platform/clock", "platform/errs", "platform/paging", "platform/progress", "platform/revision"},
	"adapters/*": {anyLibrary, othersRoot, "own root", "own domain", "own ports",
		"platform/admission", "platform/audit", "platform/auth", "platform/clock", "platform/errs",
		"platform/config", "platform/keyring", "platform/logging", "platform/telemetry"},
}

var technologyFree = []string{uuid, ozzo, "golang.org/x/sync", "golang.org/x/text", othersRoot,
	"platform/admission", "platform/audit", "platform/auth",
	"platform/clock", "platform/errs", "platform/events", "platform/jobs",
	"platform/paging", "platform/quota", "platform/recordid", "platform/revision", "platform/text", "platform/tx"}

// references is what the service is measured against: the libraries without the house. It is never shipped.
const references = "cmd/bench/internal/reference"

// homes says where a library lives, for people and for the test.
var homes = []struct {
	library, where string
	livesIn        func(file) bool
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

// stdOnly is what everything else stands on.
var stdOnly = []string{"platform/errs", "platform/keyring", "platform/tx"}

// rootsImportLittle is rule 2.
func rootsImportLittle(t tree) []violation {
	return t.importsBeyond(func(layer string) bool { return layer == "root" })
}

// importsPointInwards is rule 3.
func importsPointInwards(t tree) []violation {
	return t.importsBeyond(func(layer string) bool { return layer != "root" })
}

// importsBeyond is every import that mayImport does not allow, in the chosen layers.
func (t tree) importsBeyond(chosen func(layer string) bool) []violation {
	var found []violation
	for _, f := range t.files {
		allowed, ruled := mayImport[f.layer]
		if !ruled && below(f.layer, "adapters") {
			allowed, ruled = mayImport["adapters/*"], true
		}
		if f.test || f.module == "" || !ruled || !chosen(f.layer) {
			continue
		}
		found = append(found, f.refuse(func(i imported) string {
			switch {
			case i.std(), i.place == f.place, allows(allowed, i.seenFrom(f.module)), !i.house && slices.Contains(allowed, anyLibrary):
				return ""
			}
			return fmt.Sprintf("%s imports %s", f.layer, i.path)
		})...)
	}
	return found
}

// seenFrom is the import in mayImport's words.
func (i imported) seenFrom(module string) string {
	switch {
	case !i.house:
		return i.path
	case i.module == "":
		return i.layer
	case i.module == module:
		return "own " + i.layer
	case i.layer == "root":
		return othersRoot // whose, is rule 1
	}
	return "another module's inside"
}

func allows(list []string, name string) bool {
	return slices.ContainsFunc(list, func(allowed string) bool { return below(name, allowed) })
}

// below is whether name is top or lies inside it.
func below(name, top string) bool { return name == top || strings.HasPrefix(name, top+"/") }

// librariesStayHome is rule 4. A *_test.go may use a library wherever it needs it; a *test package may not, for others import it.
func librariesStayHome(t tree) []violation {
	var found []violation
	for _, f := range t.files {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		found = append(found, f.refuse(func(i imported) string {
			for _, home := range homes {
				if below(i.path, home.library) && !home.livesIn(f) {
					return fmt.Sprintf("imports %s, which lives only in %s", i.path, home.where)
				}
			}
			return ""
		})...)
	}
	return found
}

// platformAndHelpersKeepTheirPlace is rule 5.
func platformAndHelpersKeepTheirPlace(t tree) []violation {
	var found []violation
	for _, f := range t.files {
		found = append(found, f.refuse(func(i imported) string {
			switch {
			case below(f.path, "platform") && i.module != "":
				return fmt.Sprintf("platform imports %s", i.path)
			case slices.Contains(stdOnly, f.layer) && !f.test && !i.std():
				return fmt.Sprintf("%s imports %s: it depends on nothing", f.layer, i.path)
			case i.module != "" && i.layer == "fx" && !below(f.path, "cmd") && f.place != i.place:
				return fmt.Sprintf("imports %s, which is for cmd only", i.path)
			case below(f.path, "cmd/bench") && i.path == modulePath+"platform/databasetest/cluster": // measures on a throwaway server
				return ""
			case i.isTestPackage() && i.house && !f.test:
				return fmt.Sprintf("imports %s, which is for tests only", i.path)
			}
			return ""
		})...)
	}
	return found
}
