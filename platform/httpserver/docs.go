package httpserver

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/swaggest/swgui/v5/static" // Swagger UI's files, so that the page works without internet
)

//go:embed docs
var docsPage embed.FS

// docsPolicy allows the page to run only its own files, and to send requests only to this server. Swagger UI needs
// inline styles.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFiles returns the files of the page by name: those in docs and those of Swagger UI.
var docsFiles = sync.OnceValues(func() (map[string]*publication, error) {
	files := map[string]*publication{}
	err := eachFile(static.FS, func(name string, content []byte) error {
		plain, packed := strings.CutSuffix(name, ".gz")
		if !packed {
			return addFile(files, name, content)
		}
		files[plain] = &publication{
			contentType: mediaTypeOf(plain), tag: digest(content), packed: content,
			plain: sync.OnceValues(func() ([]byte, error) { return unpack(content) }),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, eachFile(docsPage, func(name string, content []byte) error { return addFile(files, name, content) })
})

func addFile(files map[string]*publication, name string, content []byte) (err error) {
	files[name], err = publish(mediaTypeOf(name), content)
	return err
}

// eachFile calls visit with the base name and the content of each file of a file system.
func eachFile(files fs.FS, visit func(name string, content []byte) error) error {
	return fs.WalkDir(files, ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, at)
		if err != nil {
			return err
		}
		return visit(path.Base(at), content)
	})
}

func mediaTypeOf(name string) string { return mime.TypeByExtension(path.Ext(name)) }

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r) // #nosec G110 -- our own embedded file
}

func docsIndex(c *fiber.Ctx) error { return sendDocs(c, "index.html") }

func docsAsset(c *fiber.Ctx) error { return sendDocs(c, path.Base(c.Params("asset"))) }

// sendDocs responds with a file of the page. Errors: errNotFound.
func sendDocs(c *fiber.Ctx, name string) error {
	files, err := docsFiles()
	if err != nil {
		return err
	}
	file, found := files[name]
	if !found {
		return errNotFound
	}
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	return file.send(c)
}
