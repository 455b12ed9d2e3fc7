package httpserver

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/contract"
)

// headerMentions returns the headers that are arguments of the given calls in the source of a folder, as literals or as
// Fiber's constants, with the files.
func headerMentions(t *testing.T, folder string, calls ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := os.DirFS(folder)
	require.NoError(t, fs.WalkDir(root, ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(at) != ".go" ||
			strings.HasSuffix(at, "_test.go") || strings.HasSuffix(at, ".gen.go") {
			return err
		}
		source, err := fs.ReadFile(root, at)
		require.NoError(t, err)
		file, err := parser.ParseFile(gotoken.NewFileSet(), at, source, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				called = f.Sel.Name
			case *ast.Ident:
				called = f.Name
			}
			if !slices.Contains(calls, called) {
				return true
			}
			named := call.Args[0]
			if called == "weights" {
				named = call.Args[1]
			}
			if name := headerNamed(named); name != "" {
				found[name] = append(found[name], at)
			}
			return true
		})
		return nil
	}))
	return found
}

// headerNamed returns the header that an expression names, such as "Prefer" or fiber.HeaderIfMatch, or "".
func headerNamed(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" {
			return text
		}
	case *ast.SelectorExpr:
		if name, constant := strings.CutPrefix(e.Sel.Name, "Header"); constant && name != "" {
			return name
		}
	}
	return ""
}

// plainName returns a name in lower case without hyphens, so that If-None-Match equals HeaderIfNoneMatch.
func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }

func requireNamed(t *testing.T, mentions map[string][]string, listed []string, others ...string) {
	t.Helper()
	var known []string
	for _, name := range slices.Concat(listed, others) {
		known = append(known, plainName(name))
	}
	for name, files := range mentions {
		require.Contains(t, known, plainName(name), "%v", files)
	}
}

func TestCORSNamesEveryHeader(t *testing.T) {
	t.Run("that the code reads", func(t *testing.T) {
		reads := map[string][]string{}
		for _, folder := range []string{".", "../rest", "../../modules"} {
			for name, files := range headerMentions(t, folder, "Get", "Peek", "PeekAll", "weights") {
				reads[name] = append(reads[name], files...)
			}
		}
		require.Greater(t, len(reads), 9, "the source was read")
		requireNamed(t, reads, requestHeaders,
			// headers of browsers and proxies, which a page may not or need not set
			"Accept-Encoding", "Expect", "X-Forwarded-For", "Forwarded",
			"Content-Disposition", // of a part of a form
			"json", "Instance")
	})
	t.Run("that the code sets and a page may need", func(t *testing.T) {
		sets := map[string][]string{}
		for _, folder := range []string{".", "../rest", "../../modules"} {
			for name, files := range headerMentions(t, folder, "Set", "Append") {
				sets[name] = append(sets[name], files...)
			}
		}
		require.Greater(t, len(sets), 9, "the source was read")
		requireNamed(
			t, sets, responseHeaders, "Cache-Control", "Content-Type", "Content-Security-Policy", "Content-Encoding",
			"cursor",
		)
	})
	t.Run("that the contract describes", func(t *testing.T) {
		doc, err := contract.Merge("test")
		require.NoError(t, err)
		for _, parameter := range doc.Components.Parameters {
			if parameter.Value.In == "header" {
				requireNamed(t, map[string][]string{parameter.Value.Name: nil}, requestHeaders)
			}
		}
		for name := range doc.Components.Headers {
			requireNamed(t, map[string][]string{name: nil}, responseHeaders)
		}
	})
	t.Run("in the response to a preflight", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.CORSOrigins = []string{"https://app.example"} })
		const origin = "Origin: https://app.example"
		a := s.send(t, http.MethodOptions, "/things/", "", origin, "Access-Control-Request-Method: POST")
		require.Equal(t, http.StatusNoContent, a.status)
		require.Equal(t, requestHeaders, strings.Split(a.header.Get("Access-Control-Allow-Headers"), ","))
		require.Contains(t, requestHeaders, "traceparent")
		require.Contains(t, requestHeaders, "tracestate")
		exposed := s.send(t, http.MethodGet, "/things/", "", origin).header.Get("Access-Control-Expose-Headers")
		require.Equal(t, responseHeaders, strings.Split(exposed, ","))
		plain := s.send(t, http.MethodOptions, "/things/", "", origin)
		require.Contains(t, plain.header.Get("Allow"), "POST", "without a requested method it is no preflight")
	})
}
