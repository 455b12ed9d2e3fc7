// Command module writes a new module: migrations for both engines, contract, use cases, store and tests, wired into the
// program. It compiles and its tests pass; change it from there.
//
//	go run ./.tools/module -name visits -of patients
package main

import (
	"embed"
	"flag"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

//go:embed all:template
var templates embed.FS

func main() {
	name := flag.String("name", "", "the `plural` name of the module, a-z only, such as visits")
	of := flag.String("of", "patients", "the module whose records own the new ones: only patients so far")
	singular := flag.String("singular", "", "the singular, if it is not the plural without its s")
	flag.Parse()
	if err := write(".", *name, *of, *singular); err != nil {
		fmt.Fprintln(os.Stderr, "new:module:", err)
		os.Exit(1)
	}
}

func write(root, plural, of, singular string) error {
	if singular == "" {
		singular = singularOf(plural)
	}
	for _, name := range []string{plural, singular} {
		if !regexp.MustCompile(`^[a-z]{2,30}$`).MatchString(name) {
			return fmt.Errorf("a name has 2 to 30 letters a-z, and %q does not", name)
		}
	}
	if plural == singular {
		return fmt.Errorf("the singular of %s is needed: SINGULAR=…", plural)
	}
	if of != "patients" {
		return fmt.Errorf("records of %q cannot be generated, only those of patients", of)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return fmt.Errorf("run this in the top folder of the repository: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "modules", plural)); err == nil {
		return fmt.Errorf("modules/%s exists", plural)
	}
	order, err := nextOrder(root, tagOrders)
	if err != nil {
		return err
	}
	position, err := nextOrder(root, resourceOrders)
	if err != nil {
		return err
	}
	names := strings.NewReplacer("PLURAL", plural, "SINGULAR", singular, "TypePlural", title(plural),
		"TypeName", title(singular), "ORDER", strconv.Itoa(order), "POSITION", strconv.Itoa(position))
	if err := writeFiles(root, names); err != nil {
		return err
	}
	for file, edit := range edits(plural) {
		if err := edit.apply(filepath.Join(root, file)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := generate(root, plural); err != nil {
		return err
	}
	fmt.Printf("go test ./modules ./modules/%s/... tests the new module.\n", plural)
	fmt.Println("go test ./cmd/healthcare/test/... calls its operations in the whole service.")
	return nil
}

func singularOf(plural string) string {
	if stem, ok := strings.CutSuffix(plural, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(plural, "s")
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// The numbers in the modules' contracts after which a new module continues: those of tags, and of the resources of the
// audit trail.
var (
	tagOrders      = regexp.MustCompile(`(?m)^    x-order: (\d+)$`)
	resourceOrders = regexp.MustCompile(`(?m)^  [A-Z]\w*: \{x-order: (\d+)`)
)

// nextOrder returns the number after the greatest that the pattern finds in the contracts of all modules.
func nextOrder(root string, pattern *regexp.Regexp) (int, error) {
	documents, err := filepath.Glob(filepath.Join(root, "modules/*/internal/adapters/rest/openapi.yaml"))
	if err != nil {
		return 0, err
	}
	last := 0
	for _, document := range documents {
		content, err := os.ReadFile(document)
		if err != nil {
			return 0, err
		}
		for _, found := range pattern.FindAllStringSubmatch(string(content), -1) {
			if n, err := strconv.Atoi(found[1]); err == nil {
				last = max(last, n)
			}
		}
	}
	return last + 1, nil
}

func writeFiles(root string, names *strings.Replacer) error {
	return fs.WalkDir(templates, "template", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		target := names.Replace(strings.TrimSuffix(strings.TrimPrefix(name, "template/"), ".tmpl"))
		text := []byte(names.Replace(string(content)))
		if path.Ext(target) == ".go" {
			if text, err = format.Source(text); err != nil {
				return fmt.Errorf("%s: %w", target, err)
			}
		}
		file := filepath.Join(root, filepath.FromSlash(target))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		fmt.Println(target)
		return os.WriteFile(file, text, 0o644)
	})
}

// generate makes the code of the contract, and the committed contract with the new operations.
func generate(root, plural string) error {
	for _, command := range [][]string{
		{"go", "generate", "./modules/" + plural + "/..."},
		{"go", "run", "./.tools/task", "openapi"},
	} {
		fmt.Println(strings.Join(command, " "))
		run := exec.Command(command[0], command[1:]...)
		run.Dir, run.Stdout, run.Stderr = root, os.Stdout, os.Stderr
		if err := run.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
	}
	return nil
}
