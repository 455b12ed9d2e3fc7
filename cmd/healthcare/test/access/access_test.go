package access

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"pgregory.net/rapid"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

type object = harness.Object

// machine applies events to the service and to the model.
type machine struct {
	model
	t        *rapid.T
	clock    *clock.Manual
	service  client  // of a user who has not signed in
	root     *client // an administrator beside the users
	privacy  *client // a privacy officer beside the users
	signedIn time.Time
	verify   func() error
	turn     int // in this case

	rootSignsIn    func() string
	privacySignsIn func() string
}

func (m *machine) now() time.Time { return m.clock.Now() }

// TestAccessEqualsModel changes patients, assignments, links, grants and accounts at random. After each event, every
// user lists, counts, reads and may change exactly the patients that the model has for them, and `access verify` finds
// nothing. The sequences end after a few seconds; -rapid.checks sets their number instead.
func TestAccessEqualsModel(t *testing.T) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		manual := clock.At(time.Date(2026, time.December, 1, 12, 0, 0, 0, time.UTC))
		verified, verify := command(t, "verify")
		rebuilt, rebuild := command(t, "rebuild")
		parts := fx.Options(harness.WithClock(manual), verified, rebuilt, fx.Decorate(withoutTrail))
		s := harness.StartWith(t, db, parts, func(c *config.Config) { c.AccessTokenLifetime = 24 * time.Hour })
		m := &machine{clock: manual, service: newClient(t, s.URL), verify: verify}
		root := s.NewUserWithRole(t, auth.Admin, "Root")
		m.privacySignsIn = s.NewUserWithRole(t, patients.PrivacyRole, "Privacy").SignIn
		ends := time.Now().Add(duration())
		failed, cases, states := false, 0, 0
		// A failed case is repeated, also later, to make it smaller.
		late := func() bool { return !failed && time.Now().After(ends) }
		rapid.Check(t, func(rt *rapid.T) {
			if late() {
				return
			}
			if failed { // the failed case has left its rows
				require.NoError(t, rebuild())
			}
			cases++
			completed := false
			defer func() { failed = failed || !completed }()
			m.begin(rt, root)
			rt.Repeat(map[string]func(*rapid.T){"event": func(rt *rapid.T) {
				if late() {
					return
				}
				m.event(rt)
				states++
				m.turn++
				if err := m.check(rapid.SampledFrom(twoColumns).Draw(rt, "by two columns")); err != nil {
					rt.Fatal(err)
				}
				if m.turn%5 == 0 {
					m.mustVerify()
				}
			}})
			m.t = rt
			m.mustVerify()
			m.end()
			completed = true
		})
		t.Logf("%d cases, %d states", cases, states)
	})
}

// twoColumns are some orders by two columns.
var twoColumns = []string{"name,-created_at", "-name,updated_at", "updated_at,name", "-created_at,-name"}

// duration returns how long sequences are run.
func duration() time.Duration {
	explicit := false
	flag.Visit(func(f *flag.Flag) { explicit = explicit || f.Name == "rapid.checks" })
	switch {
	case explicit:
		return 24 * time.Hour
	case os.Getenv("CORPORA") == "all":
		return 25 * time.Second
	}
	return 10 * time.Second
}

// withoutTrail replaces the audit trail, which would need most of the time: every read is recorded.
func withoutTrail(audit.Recorder) audit.Recorder { return nothing{} }

type nothing struct{}

func (nothing) Record(context.Context, auth.Principal, ...audit.Entry) error { return nil }

// command returns a part of the program, and a function that runs the command `healthcare access NAME` in it.
func command(t *testing.T, name string) (fx.Option, func() error) {
	var target any
	var run func(context.Context) error
	access := patientsfx.Command(func(_ context.Context, into any, work func(context.Context) error) error {
		target, run = into, work
		return nil
	})
	var output bytes.Buffer
	access.SetArgs([]string{name})
	access.SetOut(&output)
	access.SetErr(io.Discard)
	require.NoError(t, access.Execute())
	return fx.Populate(target), func() error {
		defer output.Reset()
		if err := run(context.Background()); err != nil {
			return fmt.Errorf("%w\n%s", err, &output)
		}
		return nil
	}
}

func (m *machine) mustVerify() {
	if err := m.verify(); err != nil {
		m.t.Fatal(err)
	}
}

// begin starts a case with new users, of whom the first is an administrator, two doctors, some of whom are linked, and
// some patients, who are assigned to the doctors, and opened to other users.
func (m *machine) begin(t *rapid.T, root *harness.Client) {
	m.t, m.model, m.turn = t, model{}, 0
	m.root = m.newClient()
	m.rootSignsIn = root.SignIn
	m.root.token, m.signedIn = root.SignIn(), m.now()
	m.privacy = m.newClient()
	m.privacy.token = m.privacySignsIn()
	for range 4 {
		m.addUser()
	}
	m.addDoctor()
	m.addDoctor()
	for _, d := range m.doctors {
		m.invite(d)
		m.claimRecordOf(d)
	}
	m.beginSharing()
	for range 3 {
		m.addPatient()
		m.assign()
		m.invitePerson()
	}
}

// end removes all that the case has left, so that each case and each comparison is as fast as the first.
func (m *machine) end() {
	for _, d := range slices.Clone(m.doctors) {
		m.finish(m.send(m.root, "DELETE", "/api/doctors/"+d.id+"/?force=true", nil, 202))
		m.removeDoctor(d, nil, m.now())
	}
	m.endPractices()
	for _, u := range slices.Clone(m.users) {
		m.send(u.client, "DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password}, 204)
		m.removeUser(u)
	}
}

// send sends a request whose response must have the status, and returns it.
func (m *machine) send(c *client, method, path string, body any, status int, headers ...string) response {
	got, err := c.send(method, path, body, headers...)
	if err != nil {
		m.t.Fatal(err)
	}
	if got.status != status {
		m.t.Fatalf("%s %s %v: %d instead of %d: %s", method, path, body, got.status, status, got.body)
	}
	return got
}

// finish waits for the job that continues a request.
func (m *machine) finish(accepted response) {
	location := accepted.header.Get("Location")
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if job := m.send(m.root, "GET", location, nil, 200).object(m.t); job["state"] == "done" {
			return
		}
	}
	m.t.Fatal("the job does not end")
}

func (m *machine) newClient() *client {
	c := m.service
	return &c
}

// addUser adds an account, that of an administrator if the users have no administrator.
func (m *machine) addUser() {
	u := &user{email: uuid.NewString() + "@clinic.example", role: "staff", client: m.newClient()}
	account := object{"name": "U", "email": u.email, "password": harness.Password}
	m.send(u.client, "POST", "/api/auth/register/", account, 201)
	m.signIn(u)
	u.id = m.send(u.client, "GET", "/api/auth/me/", nil, 200).object(m.t)["id"].(string)
	if !slices.ContainsFunc(m.users, func(other *user) bool { return other.role == "admin" }) {
		m.setRole(u, "admin")
	}
	m.users = append(m.users, u)
}

func (m *machine) signIn(u *user) {
	credentials := object{"email": u.email, "password": harness.Password}
	u.client.token = m.send(u.client, "POST", "/api/auth/login/", credentials, 200).object(m.t)["access"].(string)
}

func (m *machine) setRole(u *user, role string) {
	m.send(m.root, "PATCH", "/api/users/"+u.id+"/", object{"role": role}, 200)
	u.role = role
}

func (m *machine) addDoctor() {
	details := object{"name": "D", "specialization": "S", "experience": 9}
	added := m.send(m.root, "POST", "/api/doctors/", details, 201)
	m.doctors = append(m.doctors, &doctor{id: added.object(m.t)["id"].(string)})
}
