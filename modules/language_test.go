package modules_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the longest line of code, comments and documents. A tab counts as four columns.
const columns = 120

// dialect lists phrasings that CONTRIBUTING.md replaces by plain English, each with the replacement.
var dialect = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{
		regexp.MustCompile(`(?:^|[.:;] )(?:What|Whatever|Who|Whoever|Whom|Whose|Those (?:that|who)|Nobody)\b[^?]*$`),
		"name the noun: a user, the request, the value",
	},
	{
		regexp.MustCompile(`(?i)\b(?:say|says|said|tell|tells|told|hear|hears|heard)\b`),
		"return, report, name, describe",
	},
	{
		regexp.MustCompile(`(?i)\b(?:house|farewell|lent|lends?|lender|let go of|lets go)\b`),
		"the standard term of the field",
	},
	{
		regexp.MustCompile(`(?i)\b(?:is no more|are no more|is none\b|for want of)`),
		"is missing, no longer, does not exist",
	},
}

// unrevised lists the folders whose language has not been revised yet. Remove a folder when it passes; add none.
var unrevised = []string{}

// TestLanguage checks the part of modules/CONTRIBUTING.md that a program can check.
func TestLanguage(t *testing.T) {
	t.Parallel()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := path != "." && strings.HasPrefix(entry.Name(), ".") && path != ".tools" && path != ".ci"
			if hidden || entry.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		switch extension := filepath.Ext(path); {
		case strings.HasSuffix(path, ".gen.go"):
			return nil
		case !slices.Contains([]string{".go", ".md", ".yaml", ".yml"}, extension):
			return nil
		}
		if slices.Contains(unrevised, filepath.ToSlash(filepath.Dir(path))) && !strings.HasSuffix(path, ".md") {
			return nil
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		for _, flaw := range languageFlaws(path, string(content)) {
			t.Error(flaw)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var shellComment = regexp.MustCompile(`(^|\s)#`)

// languageFlaws returns the flaws of one file, as path:line: flaw.
func languageFlaws(path, content string) (flaws []string) {
	add := func(line int, format string, args ...any) {
		flaws = append(flaws, fmt.Sprintf("%s:%d: %s", path, line, fmt.Sprintf(format, args...)))
	}
	prose := func(line int, text string) {
		for _, words := range dialect {
			if found := words.pattern.FindString(text); found != "" {
				add(line, "%.30q: rather %s", found, words.instead)
			}
		}
	}
	shell := false // whether the line is in a block of a document that is pasted into a shell
	for i, line := range strings.Split(content, "\n") {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "```") && strings.HasSuffix(path, ".md") {
			shell = text == "```sh"
		} else if shell && shellComment.MatchString(line) {
			add(i+1, "zsh runs a comment as a command")
		}
		table := strings.HasPrefix(line, "|")
		width := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
		if width > columns && !table && !strings.Contains(line, "://") && !strings.HasPrefix(line, "//go:") {
			add(i+1, "%d columns", width)
		}
		if !strings.HasSuffix(path, ".go") {
			prose(i+1, strings.TrimLeft(line, " -*#>"))
		}
	}
	if !strings.HasSuffix(path, ".go") {
		return flaws
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.ParseComments)
	if err != nil {
		return append(flaws, err.Error())
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			prose(files.Position(comment.Pos()).Line, strings.TrimLeft(comment.Text, "/* "))
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING || strings.HasPrefix(literal.Value, "`") {
			return true
		}
		if text, err := strconv.Unquote(literal.Value); err == nil && strings.Count(text, " ") > 1 {
			prose(files.Position(literal.Pos()).Line, text)
		}
		return true
	})
	return flaws
}
