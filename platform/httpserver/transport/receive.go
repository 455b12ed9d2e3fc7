package transport

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"healthcare/platform/admission"
)

// smallBody is the size up to which a body is not counted.
const smallBody = 8 << 10

// ErrExpectation is the error for an expectation other than 100-continue.
var ErrExpectation = errors.New("the expectation cannot be met")

// bodyRejected is a header that marks a request whose body is not read, because HeaderReceived can pass on only
// headers. A request that was sent with the header is rejected as well.
const bodyRejected = "X-Body-Rejected"

// Bodies reads the bodies of requests. Its fields must not change after the first call.
type Bodies struct {
	Limit     int // bytes
	Memory    *admission.Resource
	Addresses *Addresses
}

// HeaderReceived is called by fasthttp after the header is read. It leaves the body to Receive, except for the first
// byte. If the header is a reason to reject the request, the body is not read.
func (b *Bodies) HeaderReceived(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if header.ContentLength() > b.Limit || slices.ContainsFunc(header.PeekAll(fasthttp.HeaderExpect), unmet) {
		header.SetContentLength(0)
		header.Set(bodyRejected, "1")
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: 1}
}

// unmet reports whether the server does not support the value of an Expect header (RFC 9110, section 10.1.1).
func unmet(expected []byte) bool { return !strings.EqualFold(string(expected), "100-continue") }

// Rejected returns the reason why the body of a request is not read, or nil. Errors: ErrExpectation,
// fasthttp.ErrBodyTooLarge.
func Rejected(header *fasthttp.RequestHeader) error {
	switch {
	case len(header.Peek(bodyRejected)) == 0:
		return nil
	case slices.ContainsFunc(header.PeekAll(fasthttp.HeaderExpect), unmet):
		return ErrExpectation
	}
	return fasthttp.ErrBodyTooLarge
}

// Receive reads the rest of the request's body. A large body uses the shared memory of bodies and responses until
// release is called. While other callers wait for memory, the connection of a slow sender may be closed. Errors:
// ErrExpectation, fasthttp.ErrBodyTooLarge, admission.ErrTooMany, admission.ErrBusy, errors of the connection. After an
// error the caller must close the connection.
func (b *Bodies) Receive(ctx *fasthttp.RequestCtx) (release func(), err error) {
	if err := Rejected(&ctx.Request.Header); err != nil {
		return nil, err
	}
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return func() {}, nil
	}
	size := ctx.Request.Header.ContentLength()
	if size < 0 { // chunked
		size = b.Limit
	}
	conn, counted := ctx.Conn().(*Conn)
	var lease *admission.Lease
	if size > smallBody && counted {
		lease, err = b.Memory.Lease(context.Background(), admission.NewCaller(b.Addresses.Client(ctx), ""), int64(size))
		if err != nil {
			return nil, err
		}
		lease.AllowRecall(func() { _ = conn.Conn.Close() })
	}
	body := make([]byte, 0, max(ctx.Request.Header.ContentLength(), 0))
	for err == nil {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		var n int
		n, err = stream.Read(body[len(body):cap(body)])
		if body = body[:len(body)+n]; len(body) > b.Limit {
			err = fasthttp.ErrBodyTooLarge
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
		// A chunked body ends with a chunk of size 0 (RFC 9112, section 8). fasthttp also accepts the end of the
		// connection.
		if len(body) < ctx.Request.Header.ContentLength() || counted && conn.ended.Load() {
			err = io.ErrUnexpectedEOF
		}
	}
	if !lease.PreventRecall() {
		err = admission.ErrTooMany // the connection was closed, so its client would not receive the response
	}
	if err != nil {
		lease.Release()
		return nil, err
	}
	ctx.Request.SetBodyRaw(body)
	return lease.Release, nil
}
