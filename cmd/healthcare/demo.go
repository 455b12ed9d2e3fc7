package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"healthcare/migrations"
	"healthcare/platform/config"
	"healthcare/platform/database/transfer"
)

// demoEmail is the email address of the demo user.
const demoEmail = "demo@clinic.example"

// demoData has 5 doctors and 20 patients, all fictitious, each with the indexes of the assigned doctors.
//
//go:embed demo.json
var demoData []byte

// checkDemo returns an error if the demo data cannot be created in this configuration.
func checkDemo(ctx context.Context, cfg config.Config) error {
	switch {
	case cfg.AppEnv == config.Production:
		return errors.New("--demo is not available in production: unset APP_ENV")
	case !cfg.Embedded():
		return errors.New("--demo requires the embedded database: unset DATABASE_URL")
	case cfg.Registration != "open":
		return errors.New("--demo registers a user: set REGISTRATION=open")
	}
	empty, err := transfer.Untouched(ctx, cfg.DatabasePath(), migrations.All())
	if err == nil && !empty {
		err = fmt.Errorf("--demo requires an empty store, but %s holds data: serve it without --demo, or set DATA_DIR "+
			"to a new folder", cfg.DatabasePath())
	}
	return err
}

// createDemo fills the store through the API at base, over a connection to address, so that all rules apply and the
// audit trail records every step. It writes the credentials to out. After an error the store is not empty, so another
// --demo fails.
func createDemo(ctx context.Context, address, base string, out io.Writer) error {
	transport := &http.Transport{ // without a proxy; the host in base may not resolve on this machine
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	c := demoClient{base: base, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	defer c.http.CloseIdleConnections()
	if err := c.fill(ctx, out); err != nil {
		return fmt.Errorf("the demo data is incomplete, and the store is no longer empty: %w", err)
	}
	return nil
}

type demoClient struct {
	base, token string
	http        *http.Client
}

// demoResponse has the members that the demo reads from a response.
type demoResponse struct{ ID, Access, Detail string }

func (c *demoClient) fill(ctx context.Context, out io.Writer) error {
	var data struct {
		Doctors  []json.RawMessage
		Patients []struct {
			Doctors []int
			Patient json.RawMessage
		}
	}
	if err := json.Unmarshal(demoData, &data); err != nil {
		return err
	}
	account := map[string]string{"name": "Demo User", "email": demoEmail, "password": strings.ToLower(rand.Text())}
	if _, err := c.post(ctx, "/api/auth/register/", account, http.StatusCreated); err != nil {
		return err
	}
	fmt.Fprintf(
		out, "demo: sign in as %s with the password %s, which is shown only once\n", demoEmail, account["password"],
	)
	session, err := c.post(ctx, "/api/auth/login/", account, http.StatusOK)
	if err != nil {
		return err
	}
	c.token = session.Access
	var doctors []string
	for _, doctor := range data.Doctors {
		created, err := c.post(ctx, "/api/doctors/", doctor, http.StatusCreated)
		if err != nil {
			return err
		}
		doctors = append(doctors, created.ID)
	}
	assigned := 0
	for _, p := range data.Patients {
		created, err := c.post(ctx, "/api/patients/", p.Patient, http.StatusCreated)
		if err != nil {
			return err
		}
		for _, index := range p.Doctors {
			if _, err := c.post(
				ctx, "/api/mappings/", map[string]string{"patient": created.ID, "doctor": doctors[index]},
				http.StatusCreated,
			); err != nil {
				return err
			}
			assigned++
		}
	}
	fmt.Fprintf(
		out, "demo: %d patients, %d doctors and %d assignments, all fictitious\n", len(data.Patients), len(doctors),
		assigned,
	)
	return nil
}

// post sends a body, retries while the service is busy, and returns the response. Errors: a status other than want.
func (c *demoClient) post(ctx context.Context, path string, body any, want int) (result demoResponse, err error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return result, err
	}
	for range 5 {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(payload))
		if err != nil {
			return result, err
		}
		request.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		response, err := c.http.Do(request)
		if err != nil {
			return result, err
		}
		err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&result)
		_ = response.Body.Close()
		switch {
		case response.StatusCode == http.StatusServiceUnavailable: // a slow machine
			time.Sleep(time.Second)
			continue
		case response.StatusCode != want:
			return result, fmt.Errorf("POST %s: %s %s", path, response.Status, result.Detail)
		}
		return result, err
	}
	return result, fmt.Errorf("POST %s: the service is too busy", path)
}
