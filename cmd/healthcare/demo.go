package main

import (
	"bytes"
	"cmp"
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
	"healthcare/modules/identity/identityfx"
	"healthcare/platform/config"
	"healthcare/platform/database/transfer"
)

// The addresses of the demo's accounts: an administrator, who keeps the patients, a doctor and a patient.
const (
	demoEmail        = "demo@clinic.example"
	demoDoctorEmail  = "doctor@clinic.example"
	demoPatientEmail = "patient@clinic.example"
)

// demoData has 5 doctors and 20 patients, all fictitious. Each patient has the indexes of the assigned doctors, and the
// access of these, if it is not read. "accounts" are the indexes of the doctor and the patient who have an account.
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
	if err := c.fill(ctx, out, strings.ToLower(rand.Text())); err != nil {
		return fmt.Errorf("the demo data is incomplete, and the store is no longer empty: %w", err)
	}
	return nil
}

type demoClient struct {
	base, token string
	http        *http.Client
}

// demoResponse has the members that the demo reads from a response.
type demoResponse struct{ ID, Access, Code, Detail string }

func (c demoClient) fill(ctx context.Context, out io.Writer, password string) error {
	var data struct {
		Accounts struct{ Doctor, Patient int }
		Doctors  []json.RawMessage
		Patients []struct {
			Doctors []int
			Access  string
			Patient json.RawMessage
		}
	}
	if err := json.Unmarshal(demoData, &data); err != nil {
		return err
	}
	c, err := c.signUp(ctx, "Demo User", demoEmail, password)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "demo: sign in as %s with the password %s, which is shown only once\n", demoEmail, password)
	if err := operate(ctx, "promote", demoEmail); err != nil {
		return err
	}
	var doctors []string
	for _, doctor := range data.Doctors {
		created, err := c.post(ctx, "/api/doctors/", doctor, http.StatusCreated)
		if err != nil {
			return err
		}
		doctors = append(doctors, created.ID)
	}
	var patients []string
	assigned := 0
	for _, p := range data.Patients {
		created, err := c.post(ctx, "/api/patients/", p.Patient, http.StatusCreated)
		if err != nil {
			return err
		}
		patients = append(patients, created.ID)
		for _, index := range p.Doctors {
			assignment := map[string]string{
				"patient": created.ID, "doctor": doctors[index], "access": cmp.Or(p.Access, "read"),
			}
			if _, err := c.post(ctx, "/api/mappings/", assignment, http.StatusCreated); err != nil {
				return err
			}
			assigned++
		}
	}
	fmt.Fprintf(
		out, "demo: %d patients, %d doctors and %d assignments, all fictitious\n", len(patients), len(doctors),
		assigned,
	)
	if err := c.link(
		ctx, data.Doctors[data.Accounts.Doctor], demoDoctorEmail, password,
		"/api/doctors/"+doctors[data.Accounts.Doctor]+"/invitations/", nil, "/api/doctors/claims/",
	); err != nil {
		return err
	}
	if err := c.link(
		ctx, data.Patients[data.Accounts.Patient].Patient, demoPatientEmail, password,
		"/api/patients/"+patients[data.Accounts.Patient]+"/invitations/", map[string]string{"as": "self"},
		"/api/patients/claims/",
	); err != nil {
		return err
	}
	fmt.Fprintf(
		out, "demo: with the same password sign in as a doctor, %s, or as a patient, %s\n", demoDoctorEmail,
		demoPatientEmail,
	)
	return nil
}

// operate changes an account by the operator's command: promote makes the user an administrator, verify marks the
// address as verified, which require_verified_email requires.
func operate(ctx context.Context, verb, email string) error {
	command := identityfx.Command(withGraph)
	command.SetArgs([]string{verb, "--yes", email})
	command.SetOut(io.Discard)
	return command.ExecuteContext(ctx)
}

// signUp registers a user and returns a client with their session.
func (c demoClient) signUp(ctx context.Context, name, email, password string) (demoClient, error) {
	account := map[string]string{"name": name, "email": email, "password": password}
	if _, err := c.post(ctx, "/api/auth/register/", account, http.StatusCreated); err != nil {
		return c, err
	}
	if err := operate(ctx, "verify", email); err != nil {
		return c, err
	}
	session, err := c.post(ctx, "/api/auth/login/", account, http.StatusOK)
	c.token = session.Access
	return c, err
}

// link signs up the person of a record, who accepts an invitation to it.
func (c demoClient) link(
	ctx context.Context, record json.RawMessage, email, password, invitations string, invitation any, claims string,
) error {
	var claim struct {
		Name      string `json:"name,omitempty"`
		BirthDate string `json:"birth_date,omitempty"`
		Code      string `json:"code"`
	}
	if err := json.Unmarshal(record, &claim); err != nil {
		return err
	}
	user, err := c.signUp(ctx, claim.Name, email, password)
	if err != nil {
		return err
	}
	invited, err := c.post(ctx, invitations, invitation, http.StatusCreated)
	if err != nil {
		return err
	}
	claim.Name, claim.Code = "", invited.Code
	_, err = user.post(ctx, claims, claim, http.StatusCreated)
	return err
}

// post sends a body, if it is not nil, retries while the service is busy, and returns the response. Errors: a status
// other than want.
func (c demoClient) post(ctx context.Context, path string, body any, want int) (result demoResponse, err error) {
	var payload []byte
	if body != nil {
		if payload, err = json.Marshal(body); err != nil {
			return result, err
		}
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
