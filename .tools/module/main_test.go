package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A generated module builds, passes its tests, keeps the boundaries and has correct expectations, in a copy of the
// repository. Its own tests use both engines. The tests of the whole service, which do in the repository, use one.
func TestGeneratedModule(t *testing.T) {
	root := t.TempDir()
	copyRepository(t, root)
	if err := write(root, "visits", "patients", ""); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"go vet ./modules/visits/... ./cmd/internal/composition", // generating has built the program
		"go test -vet=off ./modules/visits/... ./modules",
		"go test -vet=off ./cmd/healthcare/test/volume ./cmd/healthcare/test/security -run " +
			"(TestStatementsOfEachRoute|TestEveryIDIsDeclared|TestEveryUseOfAPatientsIDIsRecorded)/sqlite",
	} {
		words := strings.Fields(command)
		run := exec.Command(words[0], words[1:]...)
		run.Dir = root
		if output, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
	}
}

func TestNames(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][3]string{
		{"", "patients", ""},
		{"Visits", "patients", ""},
		{"staff", "patients", "staff"},
		{"visits", "doctors", ""},
		{"a_b", "patients", ""},
	} {
		if err := write(root, names[0], names[1], names[2]); err == nil {
			t.Errorf("%q was accepted", names)
		}
	}
	if singular := singularOf("allergies"); singular != "allergy" {
		t.Error(singular)
	}
}

// copyRepository copies the files that git knows or would add.
func copyRepository(t *testing.T, target string) {
	t.Helper()
	source := filepath.Join("..", "..")
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = source
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(source, name))
		if os.IsNotExist(err) {
			continue // deleted in the worktree
		}
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
