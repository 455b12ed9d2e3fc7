package httpserver

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/rest"
)

// publication is content that is equal for all clients until another release is started. Only publications may be
// cached and are compressed. Compressing a response that contains a secret and text of a client reveals the secret by
// its length (BREACH).
type publication struct {
	contentType string
	tag         string                 // digest of the content; the ETags of both forms contain it
	plain       func() ([]byte, error) // returns the content
	packed      []byte                 // the content compressed with gzip; nil if that is not shorter
}

// publish returns the publication of content. Errors: none in practice, because it writes to memory.
func publish(contentType string, content []byte) (*publication, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	p := &publication{
		contentType: contentType, tag: digest(content), plain: func() ([]byte, error) { return content, nil },
	}
	if packed.Len() < len(content) {
		p.packed = packed.Bytes()
	}
	return p, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// send responds with the form that the client prefers, or with 304 if the client already has it. Caches must revalidate
// it for each use, so that a new release is visible at once.
func (p *publication) send(c *fiber.Ctx) error {
	tag, packed := `"`+p.tag+`"`, false
	if p.packed != nil {
		c.Vary(fiber.HeaderAcceptEncoding)
		if packed = prefersGzip(c); packed {
			tag = `"` + p.tag + `-gzip"`
		}
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderETag, tag)
	if rest.HasVersion(c, tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, p.contentType)
	if packed {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(p.packed)
	}
	content, err := p.plain()
	if err != nil {
		return err
	}
	return c.Send(content)
}
