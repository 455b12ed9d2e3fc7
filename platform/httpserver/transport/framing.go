package transport

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// WellFramed reports whether all implementations interpret the framing of the request equally (RFC 9112, sections 2.2,
// 3.2, 5 and 6.1). fasthttp rejects most other requests, but it accepts lines that end in a bare LF, folded lines,
// spaces inside a name, Transfer-Encoding beside Content-Length or other than chunked, versions other than HTTP/1, and
// an address that contradicts Host.
func WellFramed(r *fasthttp.Request) bool {
	var seen [len(singletonHeaders)]bool
	chunked := false
	for line := range bytes.Lines(r.Header.RawHeaders()) {
		line, ended := bytes.CutSuffix(line, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !ended || bytes.ContainsAny(name, " \t") {
			return false
		}
		for i, once := range singletonHeaders {
			if bytes.EqualFold(name, once) {
				if seen[i] {
					return false // implementations differ in whether the first or the last counts
				}
				seen[i] = true
				chunked = chunked || i == transferEncoding && bytes.EqualFold(
					bytes.Trim(value, " \t"), []byte("chunked"),
				)
			}
		}
	}
	if seen[transferEncoding] && (seen[contentLength] || !chunked) {
		return false
	}
	version := string(r.Header.Protocol())
	return (version == "HTTP/1.1" || version == "HTTP/1.0") && bytes.EqualFold(r.Header.Host(), r.URI().Host())
}

// singletonHeaders are the headers that must not be repeated.
var singletonHeaders = [...][]byte{
	transferEncoding: []byte("Transfer-Encoding"),
	contentLength:    []byte("Content-Length"),
	contentType:      []byte("Content-Type"),
	contentEncoding:  []byte("Content-Encoding"),
	authorization:    []byte("Authorization"),
	idempotencyKey:   []byte("Idempotency-Key"),
}

const (
	transferEncoding = iota
	contentLength
	contentType
	contentEncoding
	authorization
	idempotencyKey
)
