package security

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

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestPostgresLogContainsNoPersonalData sends medical record numbers, license numbers and addresses that are in use,
// one by one and concurrently, and reads the log of a PostgreSQL with its default settings.
func TestPostgresLogContainsNoPersonalData(t *testing.T) {
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
	s := harness.Start(t, cfg)
	const canary = "canary-7d1f"
	c := s.NewUser(t, canary)
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
		c.Do("POST", one.list, one.body(canary)).Expect(201)
		c.Do("POST", one.list, one.body(canary)).ExpectProblem(409, one.code)
		other := one.list + c.Do("POST", one.list, one.body("another")).Expect(201).ID() + "/"
		c.Do("PATCH", other, object{one.field: canary}).ExpectProblem(409, one.code)
		c.Do("PUT", other, one.body(canary)).ExpectProblem(409, one.code)
		c.Do("PATCH", other, object{one.field: canary + " of its own"}).Expect(200)

		for round := range 5 { // half of the requests add, half change
			number, rivals := fmt.Sprintf("%s-%d", canary, round), make([]func() harness.Response, 8)
			for i := range rivals {
				path := one.list + c.Do("POST", one.list, one.body(fmt.Sprintf("%d %d", round, i))).Expect(201).ID() +
					"/"
				rivals[i] = func() harness.Response { return c.Do("PATCH", path, object{one.field: number}) }
				if i%2 == 0 {
					rivals[i] = func() harness.Response { return c.Do("POST", one.list, one.body(number)) }
				}
			}
			requireOneWinner(t, one.code, rivals)
		}
	}
	treated := c.Do("POST", "/api/patients/", patient("treated")).Expect(201).ID()
	for round := range 5 { // ids are in the log's details
		treating := c.Do("POST", "/api/doctors/", doctor(fmt.Sprintf("treating %d", round))).Expect(201).ID()
		rivals := make([]func() harness.Response, 4)
		for i := range rivals {
			rivals[i] = func() harness.Response {
				return c.Do("POST", "/api/mappings/", object{"patient": treated, "doctor": treating})
			}
		}
		requireOneWinner(t, "already_assigned", rivals)
	}
	for round := range 5 {
		account := object{"name": canary, "email": fmt.Sprintf("%s-%d@clinic.example", canary, round),
			"password": harness.Password}
		rivals := make([]func() harness.Response, 4)
		for i := range rivals {
			rivals[i] = func() harness.Response { return s.Anonymous(t).Do("POST", "/api/auth/register/", account) }
		}
		requireOneWinner(t, "email_taken", rivals)
	}
	// An older release adds users without recording their mailboxes.
	require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM user_mailboxes").Error)
	c.Do(
		"POST",
		"/api/auth/register/",
		object{"name": "B", "email": c.Email(), "password": harness.Password},
	).ExpectProblem(409, "email_taken")

	log := func() string {
		content, err := os.ReadFile(server.Folder() + "/log")
		require.NoError(t, err)
		return string(content)
	}
	require.NotContains(t, log(), canary)
	require.NotContains(t, log(), "duplicate key")
	require.Contains(t, s.Log.String(), "log_error_verbosity is default", "the log has a warning")
	require.Error(t, s.DB.Write(t.Context()).Exec("UPDATE doctors SET license_number = ?", canary).Error)
	require.Eventually(
		t,
		func() bool { return strings.Contains(log(), canary) },
		time.Minute,
		10*time.Millisecond,
		"the log contains the errors",
	)
}

// requireOneWinner sends the requests concurrently: one succeeds, and the others are rejected with the code.
func requireOneWinner(t *testing.T, code string, rivals []func() harness.Response) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	answers := make([]harness.Response, len(rivals))
	for i, rival := range rivals {
		all.Go(func() {
			if answers[i] = rival(); answers[i].Status < 300 {
				won.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(1), won.Load())
	for _, a := range answers {
		if a.Status >= 300 {
			a.ExpectProblem(409, code)
		}
	}
}
