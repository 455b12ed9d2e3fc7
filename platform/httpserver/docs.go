package httpserver

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"mime"
	"path"

	"github.com/gofiber/fiber/v2"
	"github.com/swaggest/swgui/v5/static" // Swagger UI's files, so that the page works without internet
)

//go:embed docs
var docsPage embed.FS

// docsPolicy lets the page run its own files and ask this server, and nothing else. Swagger UI writes style attributes.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func docsIndex(c *fiber.Ctx) error { return sendDocs(c, docsPage, "docs/index.html") }

// docsAsset answers a file of the page: ours, or one of Swagger UI's, which are stored compressed.
func docsAsset(c *fiber.Ctx) error {
	name := path.Base(c.Params("asset"))
	if err := sendDocs(c, docsPage, "docs/"+name); err == nil {
		return nil
	}
	if err := sendDocs(c, static.FS, name); err == nil {
		return nil
	}
	packed, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return errNotFound
	}
	if c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		c.Vary(fiber.HeaderAcceptEncoding)
		return send(c, name, packed)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(unpacked) // #nosec G110 -- our own embedded file
	if err != nil {
		return err
	}
	return send(c, name, plain)
}

func sendDocs(c *fiber.Ctx, files fs.ReadFileFS, name string) error {
	content, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	return send(c, name, content)
}

func send(c *fiber.Ctx, name string, content []byte) error {
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	c.Set(fiber.HeaderContentType, mime.TypeByExtension(path.Ext(name)))
	return c.Send(content)
}
