package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestPostgresLogNamesNobody refuses medical record numbers, license numbers and addresses that are taken, one by one
// and in races, and reads the log of a PostgreSQL with its default settings.
func TestPostgresLogNamesNobody(t *testing.T) {
	t.Parallel()
	server := databasetest.OwnPostgres(t)
	cfg := database.Config{
		URL: server.URL(), PoolSize: 16, ConnectTimeout: 30 * time.Second,
		AcquireTimeout: 20 * time.Second, StatementTimeout: 20 * time.Second,
		LockTimeout: 20 * time.Second, IdleInTxTimeout: 30 * time.Second,
	}
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	// unlike those of test servers
	for _, setting := range []string{"log_min_messages = warning", "log_error_verbosity = 'default'"} {
		require.NoError(t, db.Write(t.Context()).Exec("ALTER DATABASE postgres SET "+setting).Error)
	}
	require.NoError(t, db.Close())
	s := startService(t, cfg)
	const canary = "canary-7d1f"
	c := s.user(t, canary)
	patient := func(number string) object {
		return object{"name": "A", "age": 1, "gender": "Other", "medical_record_number": number}
	}
	doctor := func(number string) object {
		return object{"name": "A", "specialization": "B", "experience": 1, "license_number": number}
	}
	for _, one := range []struct {
		list, field, code string
		body              func(number string) object
	}{
		{"/api/patients/", "medical_record_number", "medical_record_number_taken", patient},
		{"/api/doctors/", "license_number", "license_number_taken", doctor},
	} {
		c.do("POST", one.list, one.body(canary)).is(201)
		c.do("POST", one.list, one.body(canary)).problem(409, one.code)
		other := one.list + c.do("POST", one.list, one.body("another")).is(201).id() + "/"
		c.do("PATCH", other, object{one.field: canary}).problem(409, one.code)
		c.do("PUT", other, one.body(canary)).problem(409, one.code)
		c.do("PATCH", other, object{one.field: canary + " of its own"}).is(200)

		for round := range 5 { // half of the rivals add, half change
			number, rivals := fmt.Sprintf("%s-%d", canary, round), make([]func() answer, 8)
			for i := range rivals {
				path := one.list + c.do("POST", one.list, one.body(fmt.Sprintf("%d %d", round, i))).is(201).id() + "/"
				rivals[i] = func() answer { return c.do("PATCH", path, object{one.field: number}) }
				if i%2 == 0 {
					rivals[i] = func() answer { return c.do("POST", one.list, one.body(number)) }
				}
			}
			requireOneWinner(t, one.code, rivals)
		}
	}
	treated := c.do("POST", "/api/patients/", patient("treated")).is(201).id()
	for round := range 5 { // ids are in the log's details
		treating := c.do("POST", "/api/doctors/", doctor(fmt.Sprintf("treating %d", round))).is(201).id()
		rivals := make([]func() answer, 4)
		for i := range rivals {
			rivals[i] = func() answer { return c.do("POST", "/api/mappings/", object{"patient": treated, "doctor": treating}) }
		}
		requireOneWinner(t, "already_assigned", rivals)
	}
	for round := range 5 {
		account := object{"name": canary, "email": fmt.Sprintf("%s-%d@clinic.example", canary, round), "password": password}
		rivals := make([]func() answer, 4)
		for i := range rivals {
			rivals[i] = func() answer { return s.client(t).do("POST", "/api/auth/register/", account) }
		}
		requireOneWinner(t, "email_taken", rivals)
	}
	// An older release adds users without recording their mailboxes.
	require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM user_mailboxes").Error)
	c.do(
		"POST",
		"/api/auth/register/",
		object{"name": "B", "email": c.email(), "password": password},
	).problem(409, "email_taken")

	log := func() string {
		content, err := os.ReadFile(server.Folder() + "/log")
		require.NoError(t, err)
		return string(content)
	}
	require.NotContains(t, log(), canary)
	require.NotContains(t, log(), "duplicate key")
	require.Contains(t, s.log.String(), "log_error_verbosity is default", "an operator is warned")
	require.Error(t, s.db.Write(t.Context()).Exec("UPDATE doctors SET license_number = ?", canary).Error)
	require.Eventually(
		t,
		func() bool { return strings.Contains(log(), canary) },
		5*time.Second,
		10*time.Millisecond,
		"the log is the one that would tell",
	)
}

// requireOneWinner runs rivals at once: one succeeds, and the others are refused with the code.
func requireOneWinner(t *testing.T, code string, rivals []func() answer) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	answers := make([]answer, len(rivals))
	for i, rival := range rivals {
		all.Go(func() {
			if answers[i] = rival(); answers[i].status < 300 {
				won.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(1), won.Load())
	for _, a := range answers {
		if a.status >= 300 {
			a.problem(409, code)
		}
	}
}
