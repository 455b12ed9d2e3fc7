//go:build unix

package main

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

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/databasetest/cluster"
)

// replicated is a primary, and a streaming replica of it behind an address that stays when the replica is another.
type replicated struct {
	t                *testing.T
	primary, replica *cluster.Server
	link             string // to the replica's folder
	cfg              database.Config
}

func replicate(t *testing.T) *replicated {
	primary, err := cluster.Own()
	if errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		t.Skip(databasetest.Missing)
	}
	require.NoError(t, err)
	t.Cleanup(primary.Close)
	p := &replicated{t: t, primary: primary, link: filepath.Join(t.TempDir(), "r")}
	p.newReplica()
	t.Cleanup(func() { p.replica.Close() })
	p.cfg = database.Config{
		URL: primary.URL(), ReplicaURLs: []string{at(primary.URL(), p.link)}, ReplicaMaxLag: time.Hour, PoolSize: 4,
		ConnectTimeout: patience, StatementTimeout: patience, LockTimeout: patience, IdleInTxTimeout: patience,
	}
	return p
}

// at is the address of a server whose socket is in another folder.
func at(address, folder string) string {
	u, _ := url.Parse(address)
	u.RawQuery = url.Values{"host": {folder}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

func (p *replicated) newReplica() {
	p.t.Helper()
	replica, err := p.primary.Replica()
	require.NoError(p.t, err)
	p.replica = replica
	_ = os.Remove(p.link)
	require.NoError(p.t, os.Symlink(replica.Folder(), p.link))
}

// ask runs a statement and returns its one value.
func ask[T any](t *testing.T, s *cluster.Server, statement string, values ...any) (value T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	require.NoError(t, conn.QueryRow(t.Context(), statement, values...).Scan(&value), statement)
	return value
}

// hold lets the replica catch up and then replay no more, until the function it returns is called.
func (p *replicated) hold(t *testing.T) (release func()) {
	t.Helper()
	position := ask[string](t, p.primary, `SELECT pg_logical_emit_message(true, 'test', '')::text`)
	require.Eventually(t, func() bool {
		return ask[bool](t, p.replica, `SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, position)
	}, patience, 5*time.Millisecond)
	_ = ask[string](t, p.replica, `SELECT pg_wal_replay_pause()::text`)
	require.Eventually(t, func() bool {
		return ask[string](t, p.replica, `SELECT pg_get_wal_replay_pause_state()`) == "paused"
	}, patience, 5*time.Millisecond)
	return func() { _ = ask[string](t, p.replica, `SELECT pg_wal_replay_resume()::text`) }
}

const (
	replicaIn  = "a replica is in use"
	replicaOut = "a replica is out of use"
)

// says waits until the service has logged a text so often.
func (s *service) says(t *testing.T, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(s.log.String(), text) >= times }, patience, 10*time.Millisecond, text)
}

// to is the same session at another instance.
func (c *client) to(s *service) *client {
	other := *c
	other.s = s
	return &other
}

func (c *client) notes(patient string) string {
	c.t.Helper()
	notes, _ := c.do("GET", "/api/patients/"+patient+"/", nil).is(200).object()["notes"].(string)
	return notes
}

func (c *client) note(patient, text string, headers ...string) answer {
	c.t.Helper()
	return c.do("PATCH", "/api/patients/"+patient+"/", object{"notes": text}, headers...)
}

// again is another session of the same user.
func (c *client) again() *client {
	other := *c
	other.token = c.signIn()
	return &other
}

// reads waits until a session that does not write is served by the replica, which is held at this text.
func (c *client) reads(patient, text string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.notes(patient) == text }, patience, 10*time.Millisecond)
}

func TestReplica(t *testing.T) {
	t.Parallel()
	p := replicate(t)
	a, b := startService(t, p.cfg), startService(t, p.cfg)
	for _, s := range []*service{a, b} {
		s.says(t, replicaIn, 1)
	}
	writer := a.user(t, "Asha")
	other := writer.again()
	patient := writer.addPatient(object{"notes": "first"})
	_ = other.notes(patient)

	t.Run("its requests are counted", func(t *testing.T) {
		counted := func() string {
			text := string(other.in(t).do("GET", "/metrics", nil).is(200).raw)
			require.Contains(t, text, `healthcare_replica_in_use{db_name="replica1"} 1`)
			return regexp.MustCompile(`(?m)^healthcare_replica_requests_total.*`).FindString(text)
		}
		require.Eventually(t, func() bool {
			before := counted()
			_ = other.in(t).notes(patient)
			return counted() != before
		}, patience, 10*time.Millisecond)
		before := counted()
		writer.in(t).note(patient, "first").is(200)
		require.Equal(t, before, counted(), "a write is the primary's")
	})
	t.Run("who wrote sees it at once at every instance, others when it is replayed", func(t *testing.T) { p.readYourWrites(t, writer.in(t), other.in(t), a, b, patient) })
	t.Run("what no replica may answer", func(t *testing.T) { p.asksThePrimary(t, writer.in(t), a, b, patient) })
	t.Run("a write whose note was lost in a crash counts", func(t *testing.T) {
		release := p.hold(t)
		defer release()
		writer.in(t).note(patient, "noted").is(200)
		require.NoError(t, a.db.Write(t.Context()).Exec(`DELETE FROM last_writes`).Error)
		require.Equal(t, "noted", writer.in(t).to(b).notes(patient))
		require.Equal(t, "noted", writer.in(t).to(a).notes(patient))
	})
	t.Run("one that is too far behind is not asked", func(t *testing.T) { p.tooFarBehind(t, writer.in(t), patient) })
	t.Run("it stops, and comes back", func(t *testing.T) { p.stopped(t, other.in(t), a, patient) })
	t.Run("it hangs, and comes back", func(t *testing.T) { p.hangs(t, other.in(t), a, patient) })
}

func (p *replicated) readYourWrites(t *testing.T, writer, other *client, a, b *service, patient string) {
	release := p.hold(t)
	defer func() { release() }() // it may be called twice
	path := "/api/patients/" + patient + "/"
	old := writer.do("GET", path, nil).is(200).header.Get("ETag")
	for i := range 20 {
		text := strings.Repeat("x", i+1)
		at := []*service{a, b}[i%2]
		tag := writer.to(at).note(patient, text).is(200).header.Get("ETag")
		for _, s := range []*service{a, b} {
			require.Equal(t, text, writer.to(s).notes(patient))
			writer.to(s).do("GET", path, nil, "If-None-Match", old).is(200)
			writer.to(s).do("GET", path, nil, "If-None-Match", tag).is(304)
			require.Equal(t, text, writer.to(s).do("GET", "/api/patients/", nil).is(200).list()[0]["notes"])
		}
		old = tag
	}
	for _, s := range []*service{a, b} {
		other.to(s).reads(patient, "first")
		other.to(s).do("GET", path, nil, "If-None-Match", old).is(200)
	}
	seen := other.do("GET", path, nil).is(200).header.Get("ETag")
	other.to(b).note(patient, "too late", "If-Match", seen).problem(412, "stale_version")
	require.Equal(t, strings.Repeat("x", 20), other.to(a).notes(patient), "who was told that it is another now must see it")

	release()
	third := writer.again()
	_ = third.notes(patient)
	again := p.hold(t)
	defer again()
	third.note(patient, "third").is(200)
	writer.to(b).reads(patient, strings.Repeat("x", 20)) // it is back at the replica
	require.Equal(t, "third", third.to(b).notes(patient))
}

func (p *replicated) asksThePrimary(t *testing.T, writer *client, a, b *service, patient string) {
	other := writer.again()
	_ = other.notes(patient)
	release := p.hold(t)
	defer release()
	writer.note(patient, "unseen").is(200)
	require.Eventually(t, func() bool { return other.notes(patient) != "unseen" }, patience, 10*time.Millisecond)

	recorded := func() int64 { return ask[int64](t, p.primary, `SELECT count(*) FROM audit_entries`) }
	before := recorded()
	require.NotEqual(t, "unseen", other.notes(patient))
	require.Equal(t, before+1, recorded(), "a read that a replica answered is recorded")

	require.NoError(t, a.db.Write(t.Context()).Exec(`INSERT INTO last_writes SELECT generate_series(0, 4095), 0 ON CONFLICT DO NOTHING`).Error)
	fresh := b.user(t, "Ravi") // unknown to the replica, and their session has written nothing
	require.Empty(t, fresh.to(a).do("GET", "/api/patients/", nil).is(200).list())
	require.Equal(t, "Ravi", fresh.to(a).do("GET", "/api/auth/me/", nil).is(200).object()["name"])

	ended := other.do("POST", "/api/auth/logout/", nil)
	ended.is(204)
	other.to(b).do("GET", "/api/patients/"+patient+"/", nil).is(401)
}

func (p *replicated) tooFarBehind(t *testing.T, writer *client, patient string) {
	cfg := p.cfg
	cfg.ReplicaMaxLag = time.Second
	s := startService(t, cfg)
	s.says(t, replicaIn, 1)
	other := writer.again().to(s)
	_ = other.notes(patient)
	release := p.hold(t)
	writer.note(patient, "behind").is(200)
	s.says(t, replicaOut+", plain reads go to the primary: it is too far behind", 1)
	require.Equal(t, "behind", other.notes(patient))
	release()
	s.says(t, replicaIn, 2)
}

func (p *replicated) stopped(t *testing.T, c *client, s *service, patient string) {
	before := strings.Count(s.log.String(), replicaIn)
	asked := c.asking(patient)
	p.replica.Close()
	s.says(t, replicaOut, 1)
	require.NotZero(t, asked.stop())
	require.Equal(t, 1, strings.Count(s.log.String(), replicaOut+", plain reads go to the primary: it does not answer"), "one line, not one a look")

	startService(t, p.cfg).user(t, "Mira").addPatient() // a start does not need it
	p.newReplica()
	s.says(t, replicaIn, before+1)
	release := p.hold(t)
	defer release()
	text := c.notes(patient)
	c.again().note(patient, "after the stop").is(200)
	c.reads(patient, text)
}

// TestReplicaWhoseRoleHasOtherSettings has a role's defaults garble text and instants on the primary and on the replica, if they were left alone.
func TestReplicaWhoseRoleHasOtherSettings(t *testing.T) {
	t.Parallel()
	p := replicate(t)
	conn, err := pgx.Connect(t.Context(), p.primary.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, setting := range []string{`client_encoding = 'LATIN1'`, `datestyle = 'SQL, DMY'`, `timezone = 'Asia/Kolkata'`, `standard_conforming_strings = off`} {
		_, err := conn.Exec(t.Context(), `ALTER ROLE app SET `+setting)
		require.NoError(t, err)
	}
	defer p.hold(t)() // the replica has them too
	s := startService(t, database.Config{URL: p.cfg.URL, PoolSize: 4, ConnectTimeout: patience, StatementTimeout: patience, LockTimeout: patience, IdleInTxTimeout: patience})
	writer := s.user(t, "Asha")
	const text = "é अनन्या 🩺"
	patient := writer.addPatient(object{"notes": text})
	require.Equal(t, len(text), ask[int](t, p.primary, `SELECT octet_length(notes) FROM patients`))
	_ = ask[string](t, p.replica, `SELECT pg_wal_replay_resume()::text`)

	reader := startService(t, p.cfg)
	reader.says(t, replicaIn, 1)
	other := writer.again().to(reader)
	_ = other.notes(patient)
	release := p.hold(t)
	defer release()
	writer.note(patient, "later").is(200)
	other.reads(patient, text)
}
