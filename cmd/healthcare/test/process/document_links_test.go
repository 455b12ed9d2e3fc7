package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?)[ #]*$`)
	markdownFence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineCode      = regexp.MustCompile("`[^`\n]*`")
	notInAnchors    = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
)

// documents returns the paths of all Markdown files of the repository, relative to its root. Hidden folders and
// testdata are left out.
func documents(t *testing.T) (all []string) {
	t.Helper()
	root := harness.Root(t)
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		hidden := path != "." && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() && (hidden || entry.Name() == "testdata" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			all = append(all, path)
		}
		return err
	}))
	require.Greater(t, len(all), 10)
	return all
}

// anchors returns the anchors of the headings of a document, as GitHub generates them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range markdownHeading.FindAllStringSubmatch(markdownFence.ReplaceAllString(text, ""), -1) {
		name := markdownLink.ReplaceAllString(strings.ReplaceAll(heading[1], "[", ""), "")
		name = strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(name), ""), " ", "-")
		if unique := name; all[unique] {
			name += "-1"
		}
		all[name] = true
	}
	return all
}

// brokenLinks returns the links of a document below root whose file or heading does not exist.
func brokenLinks(t *testing.T, root, document string) (broken []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document)) // #nosec G304 -- a file of the repository
	require.NoError(t, err)
	prose := inlineCode.ReplaceAllString(markdownFence.ReplaceAllString(string(text), ""), "")
	for _, link := range markdownLink.FindAllStringSubmatch(prose, -1) {
		if strings.Contains(link[1], "://") || strings.HasPrefix(link[1], "mailto:") {
			continue
		}
		path, anchor, hasAnchor := strings.Cut(link[1], "#")
		target := document
		if path != "" {
			target = filepath.Join(filepath.Dir(document), path)
		}
		if _, err := os.Stat(filepath.Join(root, target)); err != nil || strings.HasPrefix(target, "..") {
			broken = append(broken, document+": "+link[1]+": no such file")
			continue
		}
		if !hasAnchor {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, target)) // #nosec G304 -- a file of the repository
		if err != nil || !anchors(string(content))[anchor] {
			broken = append(broken, document+": "+link[1]+": no such heading")
		}
	}
	return broken
}

func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		require.Empty(t, brokenLinks(t, harness.Root(t), document))
	}
	t.Run("reports a missing file and a missing heading", func(t *testing.T) {
		root := t.TempDir()
		text := "# A `b`-c: d\n## E\n## E\n[ok](#a-b-c-d) [ok](x.md#e-1) [file](y.md) [heading](x.md#f)\n" +
			"```\n[no](z.md)\n```\n"
		require.NoError(t, os.WriteFile(filepath.Join(root, "x.md"), []byte(text), 0o600))
		missing := []string{"x.md: y.md: no such file", "x.md: x.md#f: no such heading"}
		require.Equal(t, missing, brokenLinks(t, root, "x.md"))
	})
}
