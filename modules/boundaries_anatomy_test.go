package modules_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// anatomy lists the files of a module; NAME stands for its name. Folders may have subfolders.
var anatomy = struct{ required, optional []string }{
	required: []string{
		"NAME.go", "NAMEfx/*.go",
		"internal/domain/*.go", "internal/ports/*.go", "internal/app/*.go", "internal/adapters/*/*.go",
	},
	optional: []string{
		"README.md", "*_test.go", "NAMEtest/*",
		"internal/domain/*", "internal/ports/*", "internal/app/*", "internal/adapters/*/*",
	},
}

// outsideModules lists the files of modules/ that belong to no module.
var outsideModules = []string{"*.md", "*_test.go"}

const compositionRoot = "cmd/internal/composition/app.go"

// checkAnatomy is rule 6.
func checkAnatomy(t tree) []violation {
	var found []violation
	inModules := map[string][]string{} // module -> its files, relative to its folder; "" is modules/ itself
	for _, p := range t.paths {
		if rest, inside := strings.CutPrefix(p, "modules/"); inside {
			module, rest, isFolder := strings.Cut(rest, "/")
			if !isFolder {
				module, rest = "", module
			}
			inModules[module] = append(inModules[module], rest)
			if !matchesAny(rest, allowedIn(module)) {
				found = append(found, violation{p, 0, "does not belong to the anatomy of a module"})
			}
		}
	}
	for _, module := range t.modules() {
		for _, required := range named(anatomy.required, module) {
			exists := func(p string) bool { return matchesAny(p, []string{required}) }
			if !slices.ContainsFunc(inModules[module], exists) {
				found = append(found, violation{"modules/" + module, 0, fmt.Sprintf("has no %s", required)})
			}
		}
		if fx := path.Join("modules", module, module+"fx"); !t.composes(modulePath + fx) {
			found = append(found, violation{compositionRoot, 0, fmt.Sprintf("does not name %s", fx)})
		}
	}
	return found
}

func allowedIn(module string) []string {
	if module == "" {
		return outsideModules
	}
	return named(slices.Concat(anatomy.required, anatomy.optional), module)
}

func named(patterns []string, module string) []string {
	var filled []string
	for _, pattern := range patterns {
		filled = append(filled, strings.ReplaceAll(pattern, "NAME", module))
	}
	return filled
}

// matchesAny reports whether p, or a folder above it, matches one of patterns.
func matchesAny(p string, patterns []string) bool {
	parts := strings.Split(p, "/")
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		depth := strings.Count(pattern, "/") + 1
		matches, _ := path.Match(pattern, strings.Join(parts[:min(depth, len(parts))], "/"))
		return matches
	})
}

// composes reports whether the composition root imports a package by a usable name.
func (t tree) composes(fxPackage string) bool {
	return slices.ContainsFunc(t.files, func(f file) bool {
		return f.path == compositionRoot && slices.ContainsFunc(f.imports, func(i imported) bool {
			return i.path == fxPackage && !i.blank
		})
	})
}
