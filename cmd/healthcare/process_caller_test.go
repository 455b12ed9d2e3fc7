package main

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

// caller is a client of a running binary. Unlike client it holds answers against no contract: the whole-graph tests do.
type caller struct {
	t     testing.TB
	base  string
	token string
	http  *http.Client
}

func newCaller(t testing.TB, base string) *caller {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t: t, base: base, http: &http.Client{Transport: transport, Timeout: patience}}
}

// reply is what came back.
type reply struct {
	status     int
	retryAfter string
	fresh      bool // came over a connection of its own
	answer     object
}

// send sends a request that may fail, as one does to a program that is killed. It is safe in any goroutine.
func (c *caller) send(method, path string, body object, headers ...string) (reply, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	request, err := http.NewRequest(method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	said := reply{fresh: true}
	trace := &httptrace.ClientTrace{GotConn: func(conn httptrace.GotConnInfo) { said.fresh = !conn.Reused }}
	response, err := c.http.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return said, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return said, err
	}
	said.status, said.retryAfter = response.StatusCode, response.Header.Get("Retry-After")
	_ = json.Unmarshal(raw, &said.answer) // a list, or nothing, has no fields to look at
	return said, nil
}

// try is send for those who ask for nothing but the answer.
func (c *caller) try(method, path string, body object) (int, object, error) {
	said, err := c.send(method, path, body)
	return said.status, said.answer, err
}

// call sends a request that is answered with this status.
func (c *caller) call(method, path string, body object, status int) object {
	c.t.Helper()
	got, answer, err := c.try(method, path, body)
	require.NoError(c.t, err)
	require.Equal(c.t, status, got, "%s %s: %v", method, path, answer)
	return answer
}

var (
	asha      = object{"name": "Asha Rao", "email": "asha@clinic.example", "password": "correct horse"}
	verma     = object{"name": "Ananya Verma", "age": 31, "gender": "Female"}
	ashaLogin = object{"email": asha["email"], "password": asha["password"]}
)

// signUp registers and signs in Asha. On a machine that is busy with other tests, a program with the limits that ship asks to come back later.
func (c *caller) signUp() {
	c.t.Helper()
	insist := func(path string, body object, status int) object {
		for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
			if said, err := c.send("POST", path, body); err != nil || said.status != 503 || time.Now().After(end) {
				require.NoError(c.t, err)
				require.Equal(c.t, status, said.status, "%s: %v", path, said.answer)
				return said.answer
			}
		}
	}
	insist("/api/auth/register/", asha, 201)
	c.token = insist("/api/auth/login/", ashaLogin, 200)["access"].(string)
}

// list is a page of everything there.
func (c *caller) list(path string) (all []object) {
	c.t.Helper()
	request, err := http.NewRequest(http.MethodGet, c.base+path, nil)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(c.t, 200, response.StatusCode)
	require.NoError(c.t, json.NewDecoder(response.Body).Decode(&all))
	return all
}

func (c *caller) addPatient() string {
	c.t.Helper()
	return c.call("POST", "/api/patients/", verma, 201)["id"].(string)
}
