package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"healthcare/cmd/bench/internal/child"
	"healthcare/cmd/bench/internal/rows"
)

// runningServer is a server and the actor that sends its requests.
type runningServer struct {
	name    string
	process *child.Process // nil if this command did not start it
	stats   func(context.Context) (child.Stats, error)
	actor   *actor
}

// patientsPerActor returns the number of patients that an actor patches in turn. It is large enough that each patch is
// answered before the next one of the same patient, although waiters for SQLite's writer are admitted at random
// (database/sql). It is a multiple of twelve, so that the patients of all actors have the same form.
func patientsPerActor(plan rows.Plan, actors int) int { return plan.Readers() / actors / 12 * 12 }

// startServers starts one server of each kind on the same rows. Each patches its own patients. The caller stops them.
func (s *store) startServers(ctx context.Context, kinds ...string) (all []*runningServer, err error) {
	signedIn, err := s.signIn(ctx)
	if err != nil {
		return nil, err
	}
	for i, kind := range kinds {
		process, err := s.start(ctx, kind, len(kinds) == 1)
		if err != nil {
			return all, err
		}
		all = append(all, &runningServer{name: kind, process: process, stats: process.Stats, actor: &actor{
			base: process.Base, plan: s.plan, reader: signedIn[0], writer: signedIn[1], doctor: signedIn[2],
			both:    signedIn[3],
			patched: make([]int, patientsPerActor(s.plan, len(kinds))), first: i * patientsPerActor(s.plan, len(kinds)),
		}})
	}
	return all, nil
}

// start runs a server of this kind on the store's rows. On SQLite, where a file serves one process, it runs on a copy
// unless it is alone.
func (s *store) start(ctx context.Context, kind string, alone bool) (*child.Process, error) {
	folder := s.folder
	if !alone {
		var err error
		if folder, err = os.MkdirTemp(s.folder, kind+"-"); err != nil {
			return nil, err
		}
	}
	env := []string{
		"HTTP_ADDRESS=127.0.0.1:0", "DATA_DIR=" + folder, "SECRET_KEY=" + secret, "AUDIT_KEY=" + auditSecret,
	}
	if s.url != "" {
		env = append(env, "DATABASE_URL="+s.url)
	} else if !alone {
		if err := copyFile(s.path, filepath.Join(folder, filepath.Base(s.path))); err != nil {
			return nil, err
		}
	}
	switch kind {
	case before:
		return child.StartProgram(ctx, s.before, folder, env, "serve", service)
	case again:
		kind = service
	}
	return child.Start(ctx, folder, env, "serve", kind)
}

// Secrets of temporary databases.
const (
	secret      = "the secret key of temporary bench databases" // #nosec G101 -- guards generated patients
	auditSecret = "the audit key of temporary bench databases"  // #nosec G101 -- likewise
)

func copyFile(from, to string) error {
	source, err := os.Open(from) // #nosec G304 -- our own
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600) // #nosec G304 -- our own
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// signIn starts the sessions of the actor's users, which are valid on every server of this store.
func (s *store) signIn(ctx context.Context) (headers [4]http.Header, err error) {
	if s.signedIn[0] != nil {
		return s.signedIn, nil
	}
	process, err := s.start(ctx, service, true)
	if err != nil {
		return headers, err
	}
	for i, user := range []int{rows.Reader, rows.Writer, rows.Treating, rows.Both} {
		var tokens struct{ Access string }
		_, raw, err := call(
			ctx, http.MethodPost, process.Base+"/api/auth/login/", bearer(""),
			map[string]any{"email": rows.Email(user), "password": password},
		)
		if err == nil {
			err = json.Unmarshal(raw, &tokens)
		}
		if err != nil {
			return headers, errors.Join(err, process.Stop())
		}
		headers[i] = bearer(tokens.Access)
	}
	s.signedIn = headers
	return headers, process.Stop()
}

// call sends one request. Errors: a response that is not a success.
func call(ctx context.Context, method, url string, header http.Header, body any) (http.Header, []byte, error) {
	var payload []byte
	if raw, ok := body.([]byte); ok {
		payload = raw
	} else if body != nil {
		payload, _ = json.Marshal(body) // texts cannot fail
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(payload))
	if err != nil {
		return nil, nil, err
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, raw)
	}
	return response.Header, raw, err
}

// stop stops the servers, the last one first.
func stop(all []*runningServer) error {
	var failed []error
	for _, c := range slices.Backward(all) {
		failed = append(failed, c.process.Stop())
	}
	return errors.Join(failed...)
}
