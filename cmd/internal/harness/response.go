package harness

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/httpserver"
)

// Response is a response of the service.
type Response struct {
	T      *testing.T
	Status int
	Header http.Header
	Body   []byte
}

// Expect asserts the status and returns the response.
func (a Response) Expect(status int) Response {
	a.T.Helper()
	require.Equal(a.T, status, a.Status, "%s", a.Body)
	return a
}

// ExpectProblem asserts an error by its status and code.
func (a Response) ExpectProblem(status int, code string) httpserver.Problem {
	a.T.Helper()
	a.Expect(status)
	var p httpserver.Problem
	a.Decode(&p)
	require.Equal(a.T, code, p.Code)
	return p
}

// WithoutRequestID returns the body without the request id, which differs between two requests.
func (a Response) WithoutRequestID() string {
	id := a.Header.Get("X-Request-Id")
	a.Header.Del("X-Request-Id")
	return strings.ReplaceAll(string(a.Body), id, "")
}

// Decode decodes the JSON body into v.
func (a Response) Decode(v any) {
	a.T.Helper()
	require.NoError(a.T, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// Object returns the JSON object of the body.
func (a Response) Object() (o map[string]any) {
	a.T.Helper()
	a.Decode(&o)
	return o
}

// List returns the JSON array of objects of the body.
func (a Response) List() (l []map[string]any) {
	a.T.Helper()
	require.Equal(a.T, byte('['), a.Body[0], "a list is a bare array: %s", a.Body)
	a.Decode(&l)
	return l
}

// ID returns the id in the JSON object.
func (a Response) ID() string {
	a.T.Helper()
	id, _ := a.Object()["id"].(string)
	require.Len(a.T, id, 36, "%s", a.Body)
	return id
}

// Object is a JSON object.
type Object = map[string]any

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// NextPage returns the URL of the next page, empty on the last page.
func (a Response) NextPage() string {
	a.T.Helper()
	header := a.Header.Get("Link")
	if header == "" {
		return ""
	}
	m := nextLink.FindStringSubmatch(header)
	require.NotNil(a.T, m, header)
	return m[1]
}
