package modules_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// anatomy is what a module consists of; NAME stands for its name. Folders may have folders of their own.
var anatomy = struct{ required, optional []string }{
	required: []string{"NAME.go", "NAMEfx/*.go", "internal/domain/*.go", "internal/ports/*.go", "internal/app/*.go", "internal/adapters/*/*.go"},
	optional: []string{"README.md", "*_test.go", "NAMEtest/*", "internal/domain/*", "internal/ports/*", "internal/app/*", "internal/adapters/*/*"},
}

// besideModules is what modules/ holds that is no module.
var besideModules = []string{"*.md", "*_test.go"}

const compositionRoot = "cmd/internal/composition/app.go"

// modulesHaveTheAnatomy is rule 6.
func modulesHaveTheAnatomy(t tree) []violation {
	var found []violation
	inModules := map[string][]string{} // module -> its files, from its own folder; "" is beside the modules
	for _, p := range t.paths {
		if rest, inside := strings.CutPrefix(p, "modules/"); inside {
			module, rest, isFolder := strings.Cut(rest, "/")
			if !isFolder {
				module, rest = "", module
			}
			inModules[module] = append(inModules[module], rest)
			if !fits(rest, allowedIn(module)) {
				found = append(found, violation{p, 0, "has no place in the anatomy of a module"})
			}
		}
	}
	for _, module := range t.modules() {
		for _, required := range named(anatomy.required, module) {
			if !slices.ContainsFunc(inModules[module], func(p string) bool { return fits(p, []string{required}) }) {
				found = append(found, violation{"modules/" + module, 0, fmt.Sprintf("has no %s", required)})
			}
		}
		if fx := path.Join("modules", module, module+"fx"); !t.isComposed(modulePath + fx) {
			found = append(found, violation{compositionRoot, 0, fmt.Sprintf("does not name %s", fx)})
		}
	}
	return found
}

func allowedIn(module string) []string {
	if module == "" {
		return besideModules
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

// fits is whether p, or a folder that p lies in, matches one of patterns.
func fits(p string, patterns []string) bool {
	parts := strings.Split(p, "/")
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		depth := strings.Count(pattern, "/") + 1
		matches, _ := path.Match(pattern, strings.Join(parts[:min(depth, len(parts))], "/"))
		return matches
	})
}

// isComposed is whether the composition root imports a package by a name that it can use.
func (t tree) isComposed(fxPackage string) bool {
	return slices.ContainsFunc(t.files, func(f file) bool {
		return f.path == compositionRoot && slices.ContainsFunc(f.imports, func(i imported) bool {
			return i.path == fxPackage && !i.blank
		})
	})
}
