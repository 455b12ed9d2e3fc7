package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"healthcare/cmd/bench/internal/rows"
)

// scenario is one kind of request, sent as fast as it is answered.
type scenario struct {
	name        string
	description string
	clients     int // at most; 0: --clients
	request     func(a *actor, n int) vegeta.Target
}

var scenarios = []scenario{
	{"read", "one patient", 0, readOne},
	{"list", "50 patients", 0, get("/api/patients/?limit=50")},
	{"assignments", "50 assignments with details", 0, get("/api/mappings/?limit=50")},
	{"create", "a patient", 0, create},
	{"patch", "a patient's notes, with If-Match", 0, (*actor).patch},
	{"login", "a sign-in, argon2id included", 4, login}, // the queue for hashing times out after one second
	{"mixed", "90 % read, 10 % create", 0, func(a *actor, n int) vegeta.Target {
		if n%10 == 9 {
			return create(a, n)
		}
		return readOne(a, n)
	}},
}

// actor creates the requests to one server. It patches its own patients, so that it knows their versions.
type actor struct {
	base           string
	plan           rows.Plan
	reader, writer http.Header
	doctor, both   http.Header // a user who acts for a doctor, and one who also owns patients
	mu             sync.Mutex
	sent           int
	patched        []int     // the number of patches of each of its patients
	first          int       // the index of its first patient
	booked         int       // the number of its bookings
	middle         [4]string // for growth: pages of patients, of assignments, and of patients of doctor and both
}

// targeter returns the scenario's requests in order.
func (a *actor) targeter(s scenario) vegeta.Targeter {
	return func(into *vegeta.Target) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.sent++
		*into = s.request(a, a.sent)
		return nil
	}
}

func (a *actor) target(method, path string, header http.Header, body any) vegeta.Target {
	t := vegeta.Target{Method: method, URL: a.base + path, Header: header}
	if body != nil {
		t.Body, _ = json.Marshal(body) // texts and numbers cannot fail
	}
	return t
}

func get(path string) func(*actor, int) vegeta.Target {
	return func(a *actor, _ int) vegeta.Target { return a.target(http.MethodGet, path, a.reader, nil) }
}

// readOne reads the reader's patients in an order without neighbours.
func readOne(a *actor, n int) vegeta.Target {
	patient := rows.Patient(n * 7919 % a.plan.Readers()) // a prime
	return a.target(http.MethodGet, "/api/patients/"+patient.String()+"/", a.reader, nil)
}

func create(a *actor, n int) vegeta.Target {
	return a.target(http.MethodPost, "/api/patients/", a.writer, map[string]any{
		"name":    fmt.Sprintf("Ravi Nair %d", n),
		"age":     20 + n%60,
		"gender":  "Male",
		"email":   "ravi@mail.example",
		"phone":   "+91 80 5550 0177",
		"address": "3 Hill Road, Bengaluru",
		"notes":   "Asked for a morning appointment.",
	})
}

// patch changes the patient whose last patch is the oldest, with its current version.
func (a *actor) patch(n int) vegeta.Target {
	i := n % len(a.patched)
	a.patched[i]++
	patient := rows.Patient(a.first + i)
	header := a.reader.Clone()
	header.Set("If-Match", fmt.Sprintf(`"v%d"`, a.patched[i]))
	return a.target(
		http.MethodPatch, "/api/patients/"+patient.String()+"/", header,
		map[string]any{"notes": fmt.Sprintf("Seen %d times.", a.patched[i])},
	)
}

func login(a *actor, n int) vegeta.Target {
	return a.target(
		http.MethodPost,
		"/api/auth/login/",
		http.Header{"Content-Type": {"application/json"}},
		map[string]any{
			"email": a.plan.Login(n), "password": password,
		},
	)
}

// password is the password of all users.
const password = "correct horse battery"

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
}
