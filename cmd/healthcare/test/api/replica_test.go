//go:build unix

package api

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/databasetest/cluster"
)

// replicaSetup is a primary, and a streaming replica behind an address that stays the same when the replica is
// replaced.
type replicaSetup struct {
	t                *testing.T
	primary, replica *cluster.Server
	link             string // to the replica's folder
	cfg              database.Config
}

func newReplicaSetup(t *testing.T) *replicaSetup {
	primary, err := cluster.Own()
	if errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		t.Skip(databasetest.Missing)
	}
	require.NoError(t, err)
	t.Cleanup(primary.Close)
	p := &replicaSetup{t: t, primary: primary, link: filepath.Join(t.TempDir(), "r")}
	p.newReplica()
	t.Cleanup(func() { p.replica.Close() })
	p.cfg = database.Config{
		URL: primary.URL(), ReplicaURLs: []string{addressVia(primary.URL(), p.link)}, ReplicaMaxLag: time.Hour,
		PoolSize:       4,
		ConnectTimeout: harness.Timeout, StatementTimeout: harness.Timeout, LockTimeout: harness.Timeout,
		IdleInTxTimeout: harness.Timeout,
	}
	return p
}

// addressVia returns the address of a server whose socket is in another folder.
func addressVia(address, folder string) string {
	u, _ := url.Parse(address)
	u.RawQuery = url.Values{"host": {folder}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

func (p *replicaSetup) newReplica() {
	p.t.Helper()
	replica, err := p.primary.Replica()
	require.NoError(p.t, err)
	p.replica = replica
	_ = os.Remove(p.link)
	require.NoError(p.t, os.Symlink(replica.Folder(), p.link))
}

// queryValue runs a statement that returns one value.
func queryValue[T any](t *testing.T, s *cluster.Server, statement string, values ...any) (value T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	require.NoError(t, conn.QueryRow(t.Context(), statement, values...).Scan(&value), statement)
	return value
}

// pauseReplay waits until the replica has caught up, and pauses its replay until the returned function is called.
func (p *replicaSetup) pauseReplay(t *testing.T) (release func()) {
	t.Helper()
	position := queryValue[string](t, p.primary, `SELECT pg_logical_emit_message(true, 'test', '')::text`)
	require.Eventually(t, func() bool {
		return queryValue[bool](t, p.replica, `SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, position)
	}, harness.Timeout, 5*time.Millisecond)
	_ = queryValue[string](t, p.replica, `SELECT pg_wal_replay_pause()::text`)
	require.Eventually(t, func() bool {
		return queryValue[string](t, p.replica, `SELECT pg_get_wal_replay_pause_state()`) == "paused"
	}, harness.Timeout, 5*time.Millisecond)
	return func() { _ = queryValue[string](t, p.replica, `SELECT pg_wal_replay_resume()::text`) }
}

// waitForLog waits until the log of the service contains a text that many times.
func waitForLog(t *testing.T, s *harness.Service, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(s.Log.String(), text) >= times }, harness.Timeout,
		10*time.Millisecond, text)
}

// atInstance returns a client with the same session for another instance.
func atInstance(c *harness.Client, s *harness.Service) *harness.Client {
	other := *c
	other.Service = s
	return &other
}

func readNotes(c *harness.Client, patient string) string {
	c.T.Helper()
	notes, _ := c.Do("GET", "/api/patients/"+patient+"/", nil).Expect(200).Object()["notes"].(string)
	return notes
}

func setNotes(c *harness.Client, patient, text string, headers ...string) harness.Response {
	c.T.Helper()
	return c.Do("PATCH", "/api/patients/"+patient+"/", object{"notes": text}, headers...)
}

// newSession returns a client with a new session of the same user.
func newSession(c *harness.Client) *harness.Client {
	other := *c
	other.Token = c.SignIn()
	return &other
}

// waitUntilRead waits until the replica, whose replay is paused at this text, serves a session that does not write.
func waitUntilRead(c *harness.Client, patient, text string) {
	c.T.Helper()
	require.Eventually(c.T, func() bool { return readNotes(c, patient) == text }, harness.Timeout, 10*time.Millisecond)
}

func TestReplica(t *testing.T) {
	t.Parallel()
	p := newReplicaSetup(t)
	a, b := harness.Start(t, p.cfg), harness.Start(t, p.cfg)
	for _, s := range []*harness.Service{a, b} {
		waitForLog(t, s, harness.ReplicaInUse, 1)
	}
	writer := a.NewUser(t, "Asha")
	other := newSession(writer)
	patient := writer.AddPatient(object{"notes": "first"})
	_ = readNotes(other, patient)

	t.Run("requests to the replica are counted", func(t *testing.T) {
		counted := func() string {
			text := string(other.ForTest(t).Do("GET", "/metrics", nil).Expect(200).Body)
			require.Contains(t, text, `healthcare_replica_in_use{db_name="replica1"} 1`)
			return regexp.MustCompile(`(?m)^healthcare_replica_requests_total.*`).FindString(text)
		}
		require.Eventually(t, func() bool {
			before := counted()
			_ = readNotes(other.ForTest(t), patient)
			return counted() != before
		}, harness.Timeout, 10*time.Millisecond)
		before := counted()
		setNotes(writer.ForTest(t), patient, "first").Expect(200)
		require.Equal(t, before, counted(), "the primary runs every write")
	})
	t.Run("a writer reads the write at once at every instance, others after its replay",
		func(t *testing.T) { p.testReadYourWrites(t, writer.ForTest(t), other.ForTest(t), a, b, patient) })
	t.Run(
		"reads that need the primary",
		func(t *testing.T) { p.testFallbackToPrimary(t, writer.ForTest(t), a, b, patient) })
	t.Run("a write is observed although its record was lost in a crash", func(t *testing.T) {
		release := p.pauseReplay(t)
		defer release()
		setNotes(writer.ForTest(t), patient, "noted").Expect(200)
		require.NoError(t, a.DB.Write(t.Context()).Exec(`DELETE FROM last_writes`).Error)
		require.Equal(t, "noted", readNotes(atInstance(writer.ForTest(t), b), patient))
		require.Equal(t, "noted", readNotes(atInstance(writer.ForTest(t), a), patient))
	})
	t.Run("the beginning and the end of an access count at once, for every session of the user",
		func(t *testing.T) { p.testAccessEnds(t, writer.ForTest(t), a, b) })
	t.Run("so do restrictions, shares, practices, deputies and emergency accesses",
		func(t *testing.T) { p.testSharingEnds(t, writer.ForTest(t), a, b) })
	t.Run("a replica that is too far behind is not used",
		func(t *testing.T) { p.testLag(t, writer.ForTest(t), patient) })
	t.Run("a replica stops, and returns", func(t *testing.T) { p.testStoppedReplica(t, other.ForTest(t), a, patient) })
	t.Run("a replica hangs, and returns", func(t *testing.T) { p.testHangingReplica(t, other.ForTest(t), a, patient) })
}

func (p *replicaSetup) testReadYourWrites(t *testing.T, writer, other *harness.Client, a, b *harness.Service,
	patient string) {
	release := p.pauseReplay(t)
	defer func() { release() }() // it may be called twice
	path := "/api/patients/" + patient + "/"
	old := writer.Do("GET", path, nil).Expect(200).Header.Get("ETag")
	for i := range 20 {
		text := strings.Repeat("x", i+1)
		at := []*harness.Service{a, b}[i%2]
		tag := setNotes(atInstance(writer, at), patient, text).Expect(200).Header.Get("ETag")
		for _, s := range []*harness.Service{a, b} {
			require.Equal(t, text, readNotes(atInstance(writer, s), patient))
			atInstance(writer, s).Do("GET", path, nil, "If-None-Match", old).Expect(200)
			atInstance(writer, s).Do("GET", path, nil, "If-None-Match", tag).Expect(304)
			require.Equal(
				t, text, atInstance(writer, s).Do("GET", "/api/patients/", nil).Expect(200).List()[0]["notes"])
		}
		old = tag
	}
	for _, s := range []*harness.Service{a, b} {
		waitUntilRead(atInstance(other, s), patient, "first")
		atInstance(other, s).Do("GET", path, nil, "If-None-Match", old).Expect(200)
	}
	seen := other.Do("GET", path, nil).Expect(200).Header.Get("ETag")
	setNotes(atInstance(other, b), patient, "too late", "If-Match", seen).ExpectProblem(412, "stale_version")
	require.Equal(t, strings.Repeat("x", 20), readNotes(atInstance(other, a), patient),
		"a client that received a new version must read it")

	release()
	third := newSession(writer)
	_ = readNotes(third, patient)
	again := p.pauseReplay(t)
	defer again()
	setNotes(third, patient, "third").Expect(200)
	waitUntilRead(atInstance(writer, b), patient, strings.Repeat("x", 20)) // it reads from the replica again
	require.Equal(t, "third", readNotes(atInstance(third, b), patient))
}

func (p *replicaSetup) testFallbackToPrimary(t *testing.T, writer *harness.Client, a, b *harness.Service,
	patient string) {
	other := newSession(writer)
	_ = readNotes(other, patient)
	release := p.pauseReplay(t)
	defer release()
	setNotes(writer, patient, "unseen").Expect(200)
	require.Eventually(t, func() bool { return readNotes(other, patient) != "unseen" }, harness.Timeout,
		10*time.Millisecond)

	recorded := func() int { return len(a.FindAuditEntries(t, func(object) bool { return true })) }
	before := recorded()
	require.NotEqual(t, "unseen", readNotes(other, patient))
	require.Equal(t, before+1, recorded(), "a read from a replica is recorded")

	require.NoError(
		t, a.DB.Write(t.Context()).Exec(
			`INSERT INTO last_writes SELECT generate_series(0, 4095), 0 ON CONFLICT DO NOTHING`).Error)
	fresh := b.NewUser(t, "Ravi") // unknown to the replica, and their session has written nothing
	require.Empty(t, atInstance(fresh, a).Do("GET", "/api/patients/", nil).Expect(200).List())
	require.Equal(t, "Ravi", atInstance(fresh, a).Do("GET", "/api/auth/me/", nil).Expect(200).Object()["name"])

	ended := other.Do("POST", "/api/auth/logout/", nil)
	ended.Expect(204)
	atInstance(other, b).Do("GET", "/api/patients/"+patient+"/", nil).Expect(401)
}

// testAccessEnds gives and takes access while the replica, whose replay is paused, serves the user concerned.
func (p *replicaSetup) testAccessEnds(t *testing.T, owner *harness.Client, a, b *harness.Service) {
	const born = "1990-05-17"
	treating, doctor := a.NewUser(t, "Treating"), owner.AddDoctor()
	actsFor(t, treating, doctor)
	parent, admin := a.NewUser(t, "Parent"), a.NewUserWithRole(t, auth.Admin, "Admin")
	own := treating.AddPatient()
	patient := owner.AddPatient(object{"notes": "first", "age": harness.OmitField, "birth_date": born})
	unseen := owner.AddPatient()
	mapping := owner.Assign(patient, doctor).Expect(201).ID()
	granted := claim(parent, invite(owner, patient, "delegate"), born).Expect(201).Object()
	_ = treating.Do("GET", "/api/patients/", nil).Expect(200)
	release := p.pauseReplay(t)
	defer release()
	setNotes(owner, patient, "later").Expect(200)
	waitUntilRead(treating, patient, "first")

	sees := func(c *harness.Client, patient string, status int) {
		t.Helper()
		for _, s := range []*harness.Service{a, b} {
			atInstance(c, s).Do("GET", "/api/patients/"+patient+"/", nil).Expect(status)
		}
	}
	owner.Assign(unseen, doctor).Expect(201)
	sees(treating, unseen, 200)
	owner.Do("PATCH", "/api/mappings/"+mapping+"/", object{"access": "none"}).Expect(200)
	sees(treating, patient, 404)
	owner.Do("PATCH", "/api/mappings/"+mapping+"/", object{"access": "write"}).Expect(200)
	sees(treating, patient, 200)
	owner.Do("DELETE", "/api/mappings/"+mapping+"/", nil).Expect(204)
	sees(treating, patient, 404)

	sees(parent, patient, 200)
	owner.Do("DELETE", "/api/patients/"+patient+"/grants/"+granted["id"].(string)+"/", nil).Expect(204)
	sees(parent, patient, 404)

	other := newSession(treating)
	sees(other, own, 200)
	admin.Do("POST", "/api/users/"+treating.UserID()+"/transfer/", object{"to": owner.UserID()}).Expect(200)
	sees(other, own, 404)
	sees(newSession(owner), own, 200)
}

// testSharingEnds begins and ends what users see by other means, and hides it, while the replica, whose replay is
// paused, serves them.
func (p *replicaSetup) testSharingEnds(t *testing.T, owner *harness.Client, a, b *harness.Service) {
	a.NewUserWithRole(t, patients.PrivacyRole, "Officer")
	practice, doctor := owner.AddPractice(), owner.AddDoctor()
	patient := owner.AddPatient(object{"notes": "first", "practice": practice})
	hidden, treated := owner.AddPatient(), owner.AddPatient()
	member, share, deputy := a.NewUser(t, "Member"), a.NewUser(t, "Colleague"), a.NewUser(t, "Deputy")
	treating := a.NewUser(t, "Doctor")
	actsFor(t, treating, doctor)
	joined(owner, member, practice, "read")
	deputy.Do("POST", deputyClaims, object{"code": owner.InviteDeputy("read")["code"]}).Expect(201)
	shared := share.Do("POST", claims, object{"code": invite(owner, patient, "colleague")["code"]}).Expect(201).ID()
	owner.Assign(treated, doctor).Expect(201)
	readers := []*harness.Client{member, share, deputy, treating}
	for i, c := range readers {
		readers[i] = newSession(c)
		readers[i].Do("GET", "/api/patients/", nil).Expect(200)
	}
	release := p.pauseReplay(t)
	defer release()
	setNotes(owner, patient, "later").Expect(200)
	for _, c := range readers[:3] {
		waitUntilRead(c, patient, "first")
	}

	sees := func(c *harness.Client, patient string, status int) {
		t.Helper()
		for _, s := range []*harness.Service{a, b} {
			for _, c := range []*harness.Client{c, newSession(c)} {
				atInstance(c, s).Do("GET", patientAt(patient), nil).Expect(status)
			}
		}
	}
	restrictions := func(patient string) string { return patientAt(patient) + "restrictions/" }
	treating = readers[3]
	sees(treating, treated, 200)
	for member, party := range map[string]string{"doctor": doctor, "user": treating.UserID()} {
		owner.Do("POST", restrictions(treated), object{member: party}).Expect(201)
		sees(treating, treated, 404)
		owner.Do("DELETE", restrictions(treated)+party+"/", nil).Expect(204)
		sees(treating, treated, 200)
	}
	sees(treating, hidden, 404)
	opened := treating.OpenEmergency(hidden).Expect(201).ID()
	sees(treating, hidden, 200)
	treating.Do("DELETE", "/api/emergency-access/"+opened+"/", nil).Expect(204)
	sees(treating, hidden, 404)

	owner.Do("DELETE", practiceAt(practice)+"members/"+member.UserID()+"/", nil).Expect(204)
	sees(readers[0], patient, 404)
	owner.Do("DELETE", patientAt(patient)+"grants/"+shared+"/", nil).Expect(204)
	sees(readers[1], patient, 404)
	owner.Do("DELETE", deputies+deputy.UserID()+"/", nil).Expect(204)
	sees(readers[2], patient, 404)
}

func (p *replicaSetup) testLag(t *testing.T, writer *harness.Client, patient string) {
	cfg := p.cfg
	cfg.ReplicaMaxLag = time.Second
	s := harness.Start(t, cfg)
	waitForLog(t, s, harness.ReplicaInUse, 1)
	other := atInstance(newSession(writer), s)
	_ = readNotes(other, patient)
	release := p.pauseReplay(t)
	setNotes(writer, patient, "behind").Expect(200)
	waitForLog(t, s, harness.ReplicaOutOfUse+", plain reads go to the primary: it is too far behind", 1)
	require.Equal(t, "behind", readNotes(other, patient))
	release()
	waitForLog(t, s, harness.ReplicaInUse, 2)
}

func (p *replicaSetup) testStoppedReplica(t *testing.T, c *harness.Client, s *harness.Service, patient string) {
	before := strings.Count(s.Log.String(), harness.ReplicaInUse)
	polling := startPolling(c, patient)
	p.replica.Close()
	waitForLog(t, s, harness.ReplicaOutOfUse, 1)
	require.NotZero(t, polling.stop())
	require.Equal(
		t, 1,
		strings.Count(s.Log.String(), harness.ReplicaOutOfUse+", plain reads go to the primary: it does not respond"),
		"one line, not one a look")

	harness.Start(t, p.cfg).NewUser(t, "Mira").AddPatient() // the service starts without the replica
	p.newReplica()
	waitForLog(t, s, harness.ReplicaInUse, before+1)
	release := p.pauseReplay(t)
	defer release()
	text := readNotes(c, patient)
	setNotes(newSession(c), patient, "after the stop").Expect(200)
	waitUntilRead(c, patient, text)
}

// TestReplicaWithOtherRoleSettings gives the role default settings that would corrupt texts and times on the primary
// and on the replica if the service did not override them.
func TestReplicaWithOtherRoleSettings(t *testing.T) {
	t.Parallel()
	p := newReplicaSetup(t)
	conn, err := pgx.Connect(t.Context(), p.primary.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, setting := range []string{`client_encoding = 'LATIN1'`, `datestyle = 'SQL, DMY'`,
		`timezone = 'Asia/Kolkata'`, `standard_conforming_strings = off`} {
		_, err := conn.Exec(t.Context(), `ALTER ROLE app SET `+setting)
		require.NoError(t, err)
	}
	defer p.pauseReplay(t)() // the replica has the settings too
	s := harness.Start(
		t, database.Config{URL: p.cfg.URL, PoolSize: 4, ConnectTimeout: harness.Timeout,
			StatementTimeout: harness.Timeout, LockTimeout: harness.Timeout, IdleInTxTimeout: harness.Timeout})
	writer := s.NewUser(t, "Asha")
	const text = "é अनन्या 🩺"
	patient := writer.AddPatient(object{"notes": text})
	require.Equal(t, len(text), queryValue[int](t, p.primary, `SELECT octet_length(notes) FROM patients`))
	_ = queryValue[string](t, p.replica, `SELECT pg_wal_replay_resume()::text`)

	reader := harness.Start(t, p.cfg)
	waitForLog(t, reader, harness.ReplicaInUse, 1)
	other := atInstance(newSession(writer), reader)
	_ = readNotes(other, patient)
	release := p.pauseReplay(t)
	defer release()
	setNotes(writer, patient, "later").Expect(200)
	waitUntilRead(other, patient, text)
}
