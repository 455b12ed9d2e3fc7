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

// demoEmail is the address of the demonstration's user.
const demoEmail = "demo@clinic.example"

// demoData holds invented people: 20 patients, each with the numbers of the doctors who are assigned, and 5 doctors.
//
//go:embed demo.json
var demoData []byte

// refuseDemo reports why a demonstration cannot be made here. Errors: one line.
func refuseDemo(ctx context.Context, cfg config.Config) error {
	switch {
	case cfg.AppEnv == config.Production:
		return errors.New("--demo is not for production: unset APP_ENV")
	case !cfg.Embedded():
		return errors.New("--demo is for the embedded database: unset DATABASE_URL")
	case cfg.Registration != "open":
		return errors.New("--demo registers a user: set REGISTRATION=open")
	}
	empty, err := transfer.Untouched(ctx, cfg.DatabasePath(), migrations.All())
	if err == nil && !empty {
		err = fmt.Errorf("--demo is for an empty store, and %s holds data, of a former demonstration perhaps: serve it without --demo, or set DATA_DIR to a new folder",
			cfg.DatabasePath())
	}
	return err
}

// makeDemo fills the store through the API of the server that listens on address and is called base, as a client would, so that every rule holds and the
// trail has each step. It writes the credentials to out. Errors: one line; what was made before stays, so that the next --demo is refused.
func makeDemo(ctx context.Context, address, base string, out io.Writer) error {
	transport := &http.Transport{ // without the environment's proxy; an allowed host may have no address on this machine
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	c := demoClient{base: base, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	defer c.http.CloseIdleConnections()
	if err := c.fill(ctx, out); err != nil {
		return fmt.Errorf("the demonstration is incomplete, and the store no longer empty: %w", err)
	}
	return nil
}

type demoClient struct {
	base, token string
	http        *http.Client
}

// demoAnswer is what the demonstration reads of an answer.
type demoAnswer struct{ ID, Access, Detail string }

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
	fmt.Fprintf(out, "demonstration: sign in as %s with the password %s, which is shown this once\n", demoEmail, account["password"])
	session, err := c.post(ctx, "/api/auth/login/", account, http.StatusOK)
	if err != nil {
		return err
	}
	c.token = session.Access
	var doctors []string
	for _, doctor := range data.Doctors {
		made, err := c.post(ctx, "/api/doctors/", doctor, http.StatusCreated)
		if err != nil {
			return err
		}
		doctors = append(doctors, made.ID)
	}
	assigned := 0
	for _, p := range data.Patients {
		made, err := c.post(ctx, "/api/patients/", p.Patient, http.StatusCreated)
		if err != nil {
			return err
		}
		for _, number := range p.Doctors {
			if _, err := c.post(ctx, "/api/mappings/", map[string]string{"patient": made.ID, "doctor": doctors[number]}, http.StatusCreated); err != nil {
				return err
			}
			assigned++
		}
	}
	fmt.Fprintf(out, "demonstration: %d patients, %d doctors and %d assignments, all invented\n", len(data.Patients), len(doctors), assigned)
	return nil
}

// post sends a body, again where the service asks for that, and returns the answer. Errors: another status than wanted.
func (c *demoClient) post(ctx context.Context, path string, body any, want int) (answer demoAnswer, err error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	for range 5 {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(payload))
		if err != nil {
			return answer, err
		}
		request.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		response, err := c.http.Do(request)
		if err != nil {
			return answer, err
		}
		err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer)
		_ = response.Body.Close()
		switch {
		case response.StatusCode == http.StatusServiceUnavailable: // a slow machine
			time.Sleep(time.Second)
			continue
		case response.StatusCode != want:
			return answer, fmt.Errorf("POST %s was answered with %s %s", path, response.Status, answer.Detail)
		}
		return answer, err
	}
	return answer, fmt.Errorf("POST %s: the service is too busy", path)
}
