package harness

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// HTTPClient is a client of a running binary. Unlike Client, it does not validate responses against the contract.
type HTTPClient struct {
	T     testing.TB
	URL   string
	Token string
	HTTP  *http.Client
}

// NewHTTPClient returns a client of the server at base.
func NewHTTPClient(t testing.TB, base string) *HTTPClient {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &HTTPClient{T: t, URL: base, HTTP: &http.Client{Transport: transport, Timeout: Timeout}}
}

// HTTPResponse is a response of the binary.
type HTTPResponse struct {
	Status        int
	RetryAfter    string
	NewConnection bool // the request opened a new connection
	Body          Object
}

// Send sends a request that may fail, as one does to a program that is killed. It is safe in any goroutine.
func (c *HTTPClient) Send(method, path string, body Object, headers ...string) (HTTPResponse, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return HTTPResponse{}, err
	}
	request, err := http.NewRequest(method, c.URL+path, bytes.NewReader(payload))
	if err != nil {
		return HTTPResponse{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got := HTTPResponse{NewConnection: true}
	trace := &httptrace.ClientTrace{GotConn: func(conn httptrace.GotConnInfo) { got.NewConnection = !conn.Reused }}
	response, err := c.HTTP.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return got, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return got, err
	}
	got.Status, got.RetryAfter = response.StatusCode, response.Header.Get("Retry-After")
	_ = json.Unmarshal(raw, &got.Body) // a list, or nothing, has no fields
	return got, nil
}

// Try sends a request like Send, and returns only the status and the body.
func (c *HTTPClient) Try(method, path string, body Object) (int, Object, error) {
	got, err := c.Send(method, path, body)
	return got.Status, got.Body, err
}

// Call sends a request, asserts the status and returns the body.
func (c *HTTPClient) Call(method, path string, body Object, status int) Object {
	c.T.Helper()
	got, response, err := c.Try(method, path, body)
	require.NoError(c.T, err)
	require.Equal(c.T, status, got, "%s %s: %v", method, path, response)
	return response
}

// Bodies of requests: an account, a patient, and the sign-in of the account.
var (
	AshaAccount  = Object{"name": "Asha Rao", "email": "asha@clinic.example", "password": "correct horse"}
	VermaPatient = Object{"name": "Ananya Verma", "age": 31, "gender": "Female"}
	AshaLogin    = Object{"email": AshaAccount["email"], "password": AshaAccount["password"]}
)

// SignUp registers and signs in Asha. On a machine that is busy with other tests, a program with the default limits
// may respond with 503, and the request is repeated.
func (c *HTTPClient) SignUp() {
	c.T.Helper()
	insist := func(path string, body Object, status int) Object {
		for end := time.Now().Add(Timeout); ; time.Sleep(100 * time.Millisecond) {
			if got, err := c.Send("POST", path, body); err != nil || got.Status != 503 || time.Now().After(end) {
				require.NoError(c.T, err)
				require.Equal(c.T, status, got.Status, "%s: %v", path, got.Body)
				return got.Body
			}
		}
	}
	insist("/api/auth/register/", AshaAccount, 201)
	c.Token = insist("/api/auth/login/", AshaLogin, 200)["access"].(string)
}

// List returns the items of a page.
func (c *HTTPClient) List(path string) (all []Object) {
	c.T.Helper()
	request, err := http.NewRequest(http.MethodGet, c.URL+path, nil)
	require.NoError(c.T, err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := c.HTTP.Do(request)
	require.NoError(c.T, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(c.T, 200, response.StatusCode)
	require.NoError(c.T, json.NewDecoder(response.Body).Decode(&all))
	return all
}

// AddPatient creates a patient and returns the id.
func (c *HTTPClient) AddPatient() string {
	c.T.Helper()
	return c.Call("POST", "/api/patients/", VermaPatient, 201)["id"].(string)
}
