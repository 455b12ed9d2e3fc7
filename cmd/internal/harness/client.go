package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// Client is a REST client that validates every response against the contract.
type Client struct {
	T            *testing.T
	Service      *Service
	Token        string
	Name         string
	RenewedToken *string // the token of one who signs in again after signing out
	Undocumented bool    // sends values that the contract does not allow, such as a date with a leading space
}

// ForTest returns the same client for a subtest.
func (c *Client) ForTest(t *testing.T) *Client {
	other := *c
	other.T = t
	return &other
}

// Do sends a request. A string body is sent unchanged, any other body as JSON, and nil sends none.
func (c *Client) Do(method, path string, body any, headers ...string) Response {
	c.T.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case string:
		payload = []byte(b)
	default:
		payload, _ = json.Marshal(b)
	}
	ctx, cancel := context.WithTimeout(c.T.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.Service.URL+path, bytes.NewReader(payload))
	require.NoError(c.T, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	token := c.Token
	if c.RenewedToken != nil {
		token = *c.RenewedToken
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.T, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c.T, err)
	a := Response{T: c.T, Status: response.StatusCode, Header: response.Header, Body: raw}
	c.checkContract(request, a)
	if c.RenewedToken != nil && a.Status == http.StatusNoContent && strings.HasPrefix(path, "/api/auth/logout") {
		*c.RenewedToken = c.SignIn()
	}
	return a
}

// Password is the password of every test user.
const Password = "correct horse"

// Email returns the address that the client signs in with.
func (c *Client) Email() string { return strings.ToLower(c.Name) + "@clinic.example" }

// SignIn starts a session and returns its access token.
func (c *Client) SignIn() string {
	c.T.Helper()
	return c.SignInTokens()["access"].(string)
}

// SignInTokens starts a session and returns the response, which has both tokens.
func (c *Client) SignInTokens() Object {
	c.T.Helper()
	anonymous := &Client{T: c.T, Service: c.Service}
	credentials := Object{"email": c.Email(), "password": Password}
	return anonymous.Do("POST", "/api/auth/login/", credentials).Expect(200).Object()
}

// UserID returns the id of the client's own account.
func (c *Client) UserID() string {
	c.T.Helper()
	return c.Do("GET", "/api/auth/me/", nil).Expect(200).ID()
}

// SetRole gives the user a role, which no route checks.
func (c *Client) SetRole(role auth.Role) {
	c.T.Helper()
	users := c.Service.DB.Write(c.T.Context()).Table("users").Where("mailbox = ?", c.Email())
	require.NoError(c.T, users.Update("role", role).Error)
}

// WithRole gives the user the role while do runs.
func (c *Client) WithRole(role auth.Role, do func()) {
	c.T.Helper()
	var before []auth.Role
	users := c.Service.DB.Write(c.T.Context()).Table("users").Where("mailbox = ?", c.Email())
	require.NoError(c.T, users.Pluck("role", &before).Error)
	c.SetRole(role)
	defer c.SetRole(before[0])
	do()
}

// AddPatient creates a patient, with fields instead of the defaults, and returns the id.
func (c *Client) AddPatient(fields ...Object) string {
	c.T.Helper()
	patient := Object{"name": "Ananya Verma", "age": 31, "gender": "Female"}
	for _, more := range fields {
		maps.Copy(patient, more)
		maps.DeleteFunc(patient, func(_ string, v any) bool { return v == OmitField })
	}
	return c.Do("POST", "/api/patients/", patient).Expect(201).ID()
}

// AddDoctor creates a doctor and returns the id.
func (c *Client) AddDoctor() string {
	c.T.Helper()
	return c.Do(
		"POST", "/api/doctors/", Object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology",
			"experience": 9}).Expect(201).ID()
}

// Assign requests the assignment of a doctor to a patient.
func (c *Client) Assign(patient, doctor string) Response {
	c.T.Helper()
	return c.Do("POST", "/api/mappings/", Object{"patient": patient, "doctor": doctor})
}

// Pages requests every page of a list and returns the items' values of a field, page by page.
func (c *Client) Pages(path, field string) (all [][]string) {
	c.T.Helper()
	for path != "" {
		a := c.Do("GET", path, nil).Expect(200)
		page := []string{}
		for _, item := range a.List() {
			page = append(page, fmt.Sprint(item[field]))
		}
		all = append(all, page)
		path = a.NextPage()
		require.Less(c.T, len(all), 1000, "a list ends")
	}
	return all
}

// OmitField as a value removes the field from the body.
const OmitField = "\x00remove"
