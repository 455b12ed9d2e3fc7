package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"healthcare/platform/httpserver"
)

// checkContract fails the test if the contract does not describe the response.
func (c *Client) checkContract(request *http.Request, a Response) {
	c.T.Helper()
	for _, name := range []string{"X-Request-Id", "Content-Security-Policy", "X-Content-Type-Options"} {
		require.NotEmpty(c.T, a.Header.Get(name), "every response has the header %s", name)
	}
	kept := "no-store"
	if path := request.URL.Path; a.Status < 400 && request.Method != http.MethodOptions {
		switch {
		case path == "/openapi.json" || strings.HasPrefix(path, "/docs"):
			kept = "no-cache" // the same for everybody
		case strings.HasPrefix(path, "/calendar/"):
			kept = "private, max-age=300"
		}
	}
	require.Equal(c.T, kept, a.Header.Get("Cache-Control"))
	require.Empty(c.T, a.Header.Get("Server"))
	if a.Status >= 400 && request.Method != http.MethodHead {
		c.checkProblem(a)
	}
	if request.Method == http.MethodOptions && a.Status == http.StatusNoContent {
		return // no operation of the contract
	}
	described := httptest.NewRequest(request.Method, strings.TrimPrefix(request.URL.String(), c.Service.URL), nil)
	if described.Method == http.MethodHead {
		described.Method = http.MethodGet // Fiber serves HEAD where GET is described
	}
	route, parameters, err := c.Service.findRoute(described)
	if err != nil && !strings.HasSuffix(described.URL.Path, "/") { // both forms are served; the contract describes one
		described.URL.Path += "/"
		route, parameters, err = c.Service.findRoute(described)
	}
	if err != nil {
		if request.URL.Path == "/" && a.Status == http.StatusSeeOther {
			return // for browsers
		}
		// 401 and 403, because the path may be that of a record, such as /api/patients/claims/.
		require.Contains(c.T, []int{401, 403, 404, 405, 501, 400, 414, 421}, a.Status, "%s %s is not described",
			request.Method, request.URL.Path)
		return
	}
	if route.Operation.Responses.Status(a.Status) == nil { // the default response describes only these
		require.Contains(
			c.T, []int{405, 408, 413, 414, 415, 417, 421, 429, 431, 500, 503},
			a.Status, "%s %s: %s", request.Method, request.URL.Path, a.Body,
		)
	}
	c.Service.Answered.Store(fmt.Sprintf("%s %d", route.Operation.OperationID, a.Status), true)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: described, PathParams: parameters,
			Route: route},
		Status: a.Status, Header: a.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true,
			ExcludeResponseBody: request.Method == http.MethodHead ||
				!strings.Contains(a.Header.Get("Content-Type"), "json")},
	}
	if len(a.Body) > 0 {
		input.SetBodyBytes(a.Body)
	}
	require.NoError(c.T, openapi3filter.ValidateResponse(c.T.Context(), input), "%s %s: %s", request.Method,
		request.URL.Path, a.Body)
	if a.Status < 300 && !c.Undocumented { // the contract allows every accepted request
		described.Header = request.Header
		described.Body, _ = request.GetBody()
		input.RequestValidationInput.Options = &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		}
		require.NoError(c.T, openapi3filter.ValidateRequest(c.T.Context(), input.RequestValidationInput), "%s %s",
			request.Method, request.URL)
	}
}

// foundRoute is a result of findRoute.
type foundRoute struct {
	route      *routers.Route
	parameters map[string]string
	err        error
}

// findRoute returns the operation of the contract for the method and path, and the parameters of the path. It caches
// the results, because the router tries every path of the contract, and tests send most paths several times.
func (s *Service) findRoute(request *http.Request) (*routers.Route, map[string]string, error) {
	key := request.Method + " " + request.URL.EscapedPath()
	if known, ok := s.found.Load(key); ok {
		found := known.(foundRoute)
		return found.route, found.parameters, found.err
	}
	route, parameters, err := s.contract.FindRoute(request)
	s.found.Store(key, foundRoute{route, parameters, err})
	return route, parameters, err
}

func (c *Client) checkProblem(a Response) {
	c.T.Helper()
	require.Equal(c.T, "application/problem+json", a.Header.Get("Content-Type"))
	var p httpserver.Problem
	require.NoError(c.T, json.Unmarshal(a.Body, &p), "%s", a.Body)
	require.Equal(c.T, a.Status, p.Status)
	require.Equal(c.T, "/problems/"+p.Code, p.Type)
	require.Equal(c.T, a.Header.Get("X-Request-Id"), p.RequestID)
	require.Contains(c.T, c.Service.Document.Extensions["x-problems"], p.Code, "every code is explained")
}
