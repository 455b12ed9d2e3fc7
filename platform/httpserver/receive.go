package httpserver

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
)

// smallBody is how much of a body is not accounted for.
const smallBody = 8 << 10

// bodyRefused marks a request whose body is not read. It is a header because HeaderReceived has no other means; who
// sends it is refused as well.
const bodyRefused = "X-Body-Refused"

// announced is told by fasthttp when a header has been read. It leaves the body to receive, but for its first byte, and
// has receive reached at once where the header is reason enough to refuse the request.
func (s *Server) announced(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if header.ContentLength() > s.cfg.BodyLimit || slices.ContainsFunc(header.PeekAll(fiber.HeaderExpect), unmet) {
		header.SetContentLength(0)
		header.Set(bodyRefused, "1")
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: 1}
}

// refusedBody is why the body of a request is not read; nil: it is.
func refusedBody(header *fasthttp.RequestHeader) error {
	switch {
	case len(header.Peek(bodyRefused)) == 0:
		return nil
	case slices.ContainsFunc(header.PeekAll(fiber.HeaderExpect), unmet):
		return refusalExpectation
	}
	return refusalTooLarge
}

// receive reads the rest of the request's body. A larger one has its part of the memory of answers and bodies until
// release is called; while others wait for memory, the connection of who sends slowly may be closed. Errors: those of
// refuseUnread, admission.ErrShare and admission.ErrBusy; the connection is to be closed then.
func (s *Server) receive(ctx *fasthttp.RequestCtx) (release func(), err error) {
	if err := refusedBody(&ctx.Request.Header); err != nil {
		return nil, err
	}
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return func() {}, nil
	}
	size := ctx.Request.Header.ContentLength()
	if size < 0 { // in chunks
		size = s.cfg.BodyLimit
	}
	conn, counted := ctx.Conn().(*countedConn)
	var lease *admission.Lease
	if size > smallBody && counted {
		lease, err = s.shares.memory.Lease(context.Background(), admission.By(s.clientAddress(ctx), ""), int64(size))
		if err != nil {
			return nil, err
		}
		lease.Recallable(func() { _ = conn.Conn.Close() })
	}
	body := make([]byte, 0, max(ctx.Request.Header.ContentLength(), 0))
	for err == nil {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		var n int
		n, err = stream.Read(body[len(body):cap(body)])
		if body = body[:len(body)+n]; len(body) > s.cfg.BodyLimit {
			err = fasthttp.ErrBodyTooLarge
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
		// Chunks end with one of no size (RFC 9112, section 8), for which fasthttp also takes the connection's end.
		if len(body) < ctx.Request.Header.ContentLength() || counted && conn.ended.Load() {
			err = io.ErrUnexpectedEOF
		}
	}
	if !lease.Keep() {
		err = admission.ErrShare // it was closed: nothing is done for a client that would not learn of it
	}
	if err != nil {
		lease.Release()
		return nil, err
	}
	ctx.Request.SetBodyRaw(body)
	return lease.Release, nil
}
