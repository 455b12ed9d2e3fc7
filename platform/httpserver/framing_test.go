package httpserver

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/httpserver/transport"
)

// smuggled is a second request, which is run only if the framing of the first is misinterpreted.
const smuggled = "DELETE /things/1/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n"

// sized returns a request with the given framing headers, followed by smuggled.
func sized(headers string) string {
	return chunked(headers, `{"name":"a"}`)
}

func chunked(headers, body string) string {
	return "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body +
		smuggled
}

func plain(line, headers string) string { return line + "\r\n" + headers + "\r\n" + smuggled }

// ambiguousRequests returns requests that two implementations may interpret differently (RFC 9112).
func ambiguousRequests() map[string]string {
	const te, whole = "Transfer-Encoding: chunked\r\n", "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n"
	const get, host = "GET /things/ HTTP/1.1", "Host: a\r\n"
	frames := map[string]string{
		"a length, then an encoding":           chunked("Content-Length: 22\r\n"+te, whole),
		"an encoding, then a length":           chunked(te+"Content-Length: 22\r\n", whole),
		"an encoding and a length of nothing":  chunked(te+"Content-Length: 0\r\n", whole),
		"an encoding under HTTP/1.0":           strings.Replace(chunked(te, whole), "/1.1", "/1.0", 1),
		"an encoding twice":                    chunked(te+te, whole),
		"a folded encoding":                    chunked("Transfer-Encoding:\r\n chunked\r\n", whole),
		"a folded header":                      sized("X-A: a\r\n b\r\nContent-Length: 12\r\n"),
		"a folded first header":                plain(get, " X-A: a\r\n"+host),
		"a bare LF after a header":             sized("X-A: a\nContent-Length: 12\r\n"),
		"bare LFs throughout":                  strings.ReplaceAll(sized("Content-Length: 12\r\n"), "\r\n", "\n"),
		"a bare LF before the body":            sized("Content-Length: 12\r\n\n"),
		"a bare CR in a value":                 sized("X-A: a\rContent-Length: 12\r\n"),
		"a space before the colon":             sized("Content-Length : 12\r\n"),
		"a tab before the colon":               sized("Content-Length\t: 12\r\n"),
		"a space inside a name":                sized("Content Length: 12\r\n"),
		"no colon":                             sized("Content-Length 12\r\n"),
		"no name":                              plain(get, host+": a\r\n"),
		"a NUL in a name":                      plain(get, host+"X\x00: a\r\n"),
		"a NUL in a value":                     plain(get, host+"X-A: \x00\r\n"),
		"no Host":                              plain(get, "X-A: a\r\n"),
		"an empty Host":                        plain(get, "Host: \r\n"),
		"two Hosts":                            plain(get, host+"Host: b\r\n"),
		"the same Host twice":                  plain(get, host+host),
		"a Host with a user":                   plain(get, "Host: b@a\r\n"),
		"a Host with a path":                   plain(get, "Host: a/b\r\n"),
		"a Host with a space":                  plain(get, "Host: a b\r\n"),
		"an absolute address of another host":  plain("GET http://b/things/ HTTP/1.1", host),
		"an absolute address without a host":   plain("GET http:///things/ HTTP/1.1", host),
		"an absolute address and no Host":      plain("GET http://a/things/ HTTP/1.1", ""),
		"an address without a leading slash":   plain("GET things/ HTTP/1.1", host),
		"an address with a control character":  plain("GET /things/\x01 HTTP/1.1", host),
		"two spaces after the method":          plain("GET  /things/ HTTP/1.1", host),
		"a tab after the method":               plain("GET\t/things/ HTTP/1.1", host),
		"a space at the end of the first line": plain("GET /things/ HTTP/1.1 ", host),
		"no version":                           plain("GET /things/", host),
		"a version of two":                     plain("GET /things/ HTTP/2.0", host),
		"a version of nine":                    plain("GET /things/ HTTP/9.9", host),
		"a version in small letters":           plain("GET /things/ http/1.1", host),
		"two Content-Types":                    sized("Content-Type: text/plain\r\nContent-Length: 12\r\n"),
		"two Idempotency-Keys": sized(
			"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 12\r\n",
		),
		"two Authorizations": plain(
			get, host+"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
		),
	}
	for _, value := range []string{
		"+12", "-12", "1 2", "0xc", "12, 12", "12,12", "", "\"12\"", "12.0", "1e1", "12;", "\v12", "１２",
		"18446744073709551628", "12\r\nContent-Length: 12", "12\r\nContent-Length: 0"} {
		frames["a length of "+value] = sized("Content-Length: " + value + "\r\n")
	}
	for _, value := range []string{
		"identity", "gzip, chunked", "chunked, identity", "chunked, chunked", "chunked;q=1", "xchunked", "chunke",
		"\vchunked", "\"chunked\"", "chunked\x00", "", ","} {
		frames["an encoding of "+value] = chunked("Transfer-Encoding: "+value+"\r\n", whole)
	}
	for _, size := range []string{
		"", " c", "+c", "-c", "0xc", "g", "c\n", "c\r", "c\x00", "c g", "c;a\nb", "10000000000000000c", "c\t;a",
	} {
		frames["a chunk size of "+size] = chunked(te, strings.Replace(whole, "c", size, 1))
	}
	for _, end := range []string{
		"0\r\n\r\n", "\n0\r\n\r\n", "\r\n0\n\n", "\r\n0\r\nContent-Length: 1\r\n\r\n",
		"\r\n0\r\nAuthorization: a\r\n\r\n",
		"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n"} {
		frames["a last chunk of "+end] = chunked(te, "c\r\n{\"name\":\"a\"}"+end)
	}
	return frames
}

func TestR22_Framing(t *testing.T) {
	s := serve(t)
	for name, raw := range ambiguousRequests() {
		t.Run(strings.ToValidUTF8(name, "?")+" is rejected, and no handler runs", func(t *testing.T) {
			before := s.handled.Load()
			all := s.sendRaw(t, raw)
			require.Len(t, all, 1)
			require.Equal(t, http.StatusBadRequest, all[0].status)
			require.True(t, all[0].last, "the following bytes are not necessarily a request")
			require.Equal(t, before, s.handled.Load())
			requireProblem(t, all[0], http.StatusBadRequest)
		})
	}
	t.Run("a body without chunks is empty", func(t *testing.T) {
		all := s.sendRaw(t, plain("GET /things/ HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"))
		require.Len(t, all, 2)
		require.Equal(t, http.StatusOK, all[0].status)
	})
	t.Run("a body that looks like a request is a body", func(t *testing.T) {
		before := s.handled.Load()
		all := s.sendRaw(
			t, "GET /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: "+strconv.Itoa(len(smuggled))+"\r\n\r\n"+smuggled,
		)
		require.Len(t, all, 1)
		require.Equal(t, before+1, s.handled.Load())
	})
}

func TestR22_AcceptsWellFramedRequests(t *testing.T) {
	const te = "Transfer-Encoding: chunked\r\n"
	s := serve(t)
	for name, raw := range map[string]string{
		"a length":                    sized("Content-Length: 12\r\n"),
		"a length with leading zeros": sized("Content-Length: 00012\r\n"),
		"chunks":                      chunked(te, "6\r\n{\"name\r\n6\r\n\":\"a\"}\r\n0\r\n\r\n"),
		"an encoding in capitals": chunked(
			"TRANSFER-ENCODING: CHUNKED\r\n", "C\r\n{\"name\":\"a\"}\r\n0\r\n\r\n",
		),
		"space around the encoding": chunked(
			"Transfer-Encoding: \t chunked \r\n", "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n",
		),
		"a chunk extension":               chunked(te, "c;a=b\r\n{\"name\":\"a\"}\r\n0\r\n\r\n"),
		"a trailer":                       chunked(te, "c\r\n{\"name\":\"a\"}\r\n0\r\nX-A: a\r\n\r\n"),
		"an absolute address of the Host": strings.Replace(sized("Content-Length: 12\r\n"), "/things/", "http://A/things/", 1),
		"an empty line before it":         "\r\n" + sized("Content-Length: 12\r\n"),
	} {
		t.Run(name+" is accepted, and the next request is run", func(t *testing.T) {
			before := s.handled.Load()
			all := s.sendRaw(t, raw)
			require.Len(t, all, 2)
			require.Equal(t, http.StatusCreated, all[0].status, all[0].body)
			require.Equal(t, http.StatusNoContent, all[1].status)
			require.Equal(t, before+2, s.handled.Load())
		})
	}
}

// FuzzWellFramed checks that WellFramed, which runs outside of recoverPanics, does not panic, and that an accepted
// request has one host and one end.
func FuzzWellFramed(f *testing.F) {
	for _, raw := range ambiguousRequests() {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var r fasthttp.Request
		if r.Read(bufio.NewReader(strings.NewReader(raw))) != nil || !transport.WellFramed(&r) {
			return
		}
		require.LessOrEqual(t, len(r.Header.PeekAll("Host")), 1)
		header := strings.ToLower(string(r.Header.RawHeaders()))
		require.False(
			t,
			strings.Contains("\n"+header, "\ncontent-length:") && strings.Contains("\n"+header, "\ntransfer-encoding:"),
			"%q", raw,
		)
	})
}

func TestRejectsOtherExpectations(t *testing.T) {
	s := serve(t)
	for _, expected := range []string{"200-ok", "100-continue, more", "1"} {
		a := s.send(t, http.MethodGet, "/things/", "", "Expect: "+expected)
		requireProblem(t, a, http.StatusExpectationFailed)
	}
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/", "", "Expect: 100-CONTINUE").status)
}
