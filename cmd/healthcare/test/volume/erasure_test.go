package volume

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// cells returns the text of every value of every table, read from the catalog, with the name of its table and column.
func cells(t *testing.T, s *harness.Service) (all []string) {
	t.Helper()
	for _, name := range s.TableNames(t) {
		all = append(all, cellsOf(t, s, name)...)
	}
	return all
}

func cellsOf(t *testing.T, s *harness.Service, name string) (all []string) {
	t.Helper()
	rows, err := s.DB.Read(t.Context()).Raw("SELECT * FROM " + name).Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		for i, value := range values {
			text := fmt.Sprint(value)
			if raw, is := value.([]byte); is {
				text = string(raw)
			}
			all = append(all, name+"."+columns[i]+": "+text)
		}
	}
	require.NoError(t, rows.Err())
	return all
}

// cellsContaining returns the tables and columns that contain the text, in any letter case.
func cellsContaining(t *testing.T, s *harness.Service, text string) (found []string) {
	t.Helper()
	for _, cell := range cells(t, s) {
		if strings.Contains(strings.ToLower(cell), strings.ToLower(text)) {
			found = append(found, cell)
		}
	}
	return found
}

// No table contains the data of a patient or an account after its deletion.
func TestNoTableKeepsDeletedData(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha-canary")
		patient := object{
			"name": "canary name", "age": 31, "gender": "Female",
			"email": "canary@mail.example", "phone": "+91 31337 00001", "address": "canary road",
			"medical_record_number": "canary-mrn", "notes": "canary notes",
		}
		id := c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "p").Expect(201).ID()
		doctor := c.AddDoctor()
		mapping := object{"patient": id, "doctor": doctor}
		assigned := c.Do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").Expect(201).ID()
		kind := s.NewUserWithRole(t, "admin", "Boss").Do("POST", "/api/appointment-types/", object{
			"name": "Check-up", "minutes": 30,
		}).Expect(201).ID()
		book := func(c *harness.Client, patient string) {
			c.Do("POST", "/api/appointments/", object{
				"patient": patient, "doctor": doctor, "type": kind, "starts_at": "2099-12-01T09:30:00Z",
				"reason": "canary reason", "overbook_reason": "canary overbooking",
			}, "Idempotency-Key", "a"+patient).Expect(201)
			require.NoError(t, s.DB.Write(t.Context()).Exec(`INSERT INTO waiting_entries
				(id, owner_id, patient_id, type_id,
				from_on, to_on, part_of_day, state, version, created_by, created_at, updated_at)
				SELECT id, owner_id, id, ?, ?, ?, 'any', 'waiting', 1, owner_id, created_at, created_at
				FROM patients WHERE id = ?`, kind, "2099-12-01", "2099-12-02", patient).Error)
		}
		book(c, id)
		require.NotEmpty(t, cellsContaining(t, s, "canary name"), "the search finds what is there")

		t.Run("a changed value", func(t *testing.T) {
			c := c.ForTest(t)
			c.Do("PATCH", "/api/patients/"+id+"/", object{"phone": "+91 2"}).Expect(200)
			require.Empty(t, cellsContaining(t, s, "31337"))
			again := c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "p").Expect(201)
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			require.Equal(t, "+91 2", again.Object()["phone"])
			require.Equal(t, "/api/patients/"+id+"/", again.Header.Get("Location"))
			require.Equal(t, `"v2"`, again.Header.Get("ETag")[:3]+`"`)
		})
		t.Run("a removed assignment", func(t *testing.T) {
			c := c.ForTest(t)
			require.Equal(t, assigned, c.Do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").Expect(201).ID())
			c.Do("DELETE", "/api/mappings/"+assigned+"/", nil).Expect(204)
			c.Do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").ExpectProblem(410, "gone")
		})
		t.Run("a patient", func(t *testing.T) {
			c := c.ForTest(t)
			c.Do("DELETE", "/api/patients/"+id+"/", nil).Expect(204)
			for _, text := range []string{
				"canary name", "canary@mail", "canary road", "canary-mrn", "canary notes", "canary reason",
				"canary overbooking",
			} {
				require.Empty(t, cellsContaining(t, s, text))
			}
			for _, cell := range cellsContaining(t, s, id) {
				require.Regexp(t, "^audit_|^idempotency_keys", cell)
			}
			c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "p").ExpectProblem(410, "gone")
			require.Empty(t, c.Do("GET", "/api/patients/", nil).List(), "the repetition had no effect")
		})
		t.Run("an account", func(t *testing.T) {
			c := c.ForTest(t)
			user := c.UserID()
			book(c, c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "p2").Expect(201).ID())
			c.InviteMember(c.AddPractice(), "read")
			c.InviteDeputy("read")
			c.Do("DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password}).Expect(204)
			require.Empty(t, cellsContaining(t, s, "canary"))
			for _, cell := range cellsContaining(t, s, user) {
				require.Regexp(t, "^audit_|^jobs", cell)
			}
		})
	})
}

// addResponses stores responses to requests of the user.
func addResponses(t *testing.T, s *harness.Service, user string, n int) {
	t.Helper()
	rows, expires := make([]map[string]any, n), database.At(time.Now().Add(time.Hour))
	for i := range rows {
		rows[i] = map[string]any{
			"user_id": user, "route": "POST /api/patients/", "key": fmt.Sprint(i), "fingerprint": "f",
			"status": 201, "header": "{}", "body": []byte{}, "expires_at": expires,
		}
	}
	require.NoError(t, s.DB.Write(t.Context()).Table("idempotency_keys").CreateInBatches(rows, 500).Error)
}

// waitForJob returns the last status of a job, as a client without a token reads it.
func waitForJob(t *testing.T, s *harness.Service, location string) (status object) {
	t.Helper()
	anonymous := s.Anonymous(t)
	require.Eventually(t, func() bool {
		status = anonymous.Do("GET", location, nil).Expect(200).Object()
		return status["state"] == "done"
	}, 5*time.Minute, 20*time.Millisecond)
	return status
}

// An account with many patients is closed immediately, and its data is deleted in the background.
func TestAccountDeletionWithManyPatients(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, c := s.NewUserWithRole(t, "admin", "Boss"), s.NewUser(t, "Canary")
		t.Run("many stored responses without a patient are also removed in the background", func(t *testing.T) {
			c := s.NewUser(t, "Repeating")
			user := c.UserID()
			addResponses(t, s, user, 250) // more than the request and one batch of the job remove
			accepted := c.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(202)
			require.Zero(t, accepted.Object()["total"])
			waitForJob(t, s, accepted.Header.Get("Location"))
			for _, cell := range cellsContaining(t, s, user) {
				require.Regexp(t, "^audit_|^jobs.parameters", cell)
			}
		})

		user := c.UserID()
		s.AddPatients(t, user, harness.LargeCount())
		addResponses(t, s, user, 1_200)
		body := object{"password": harness.Password}
		start := time.Now()
		var accepted harness.Response
		var mu sync.Mutex
		// some wait for the lock of the first one
		counts := harness.Concurrently(3, func(int) harness.Response {
			a := c.Do("DELETE", "/api/auth/me/?patients=delete", body)
			if mu.Lock(); a.Status == 202 {
				accepted = a
			}
			mu.Unlock()
			return a
		})
		require.Equal(t, map[int]int{202: 1, 401: 2}, counts)
		t.Logf("closed in %v", time.Since(start))
		require.Equal(t, "1", accepted.Header.Get("Retry-After"))
		require.EqualValues(t, harness.LargeCount(), accepted.Object()["total"])

		c.Do("GET", "/api/patients/", nil).ExpectProblem(401, "token_not_valid")
		c.Do("DELETE", "/api/auth/me/?patients=delete", body).ExpectProblem(401, "token_not_valid")
		s.Anonymous(t).Do(
			"POST", "/api/auth/login/", object{"email": c.Email(), "password": harness.Password},
		).ExpectProblem(401, "invalid_credentials")
		for _, query := range []string{"", "?search=canary", "?active=false", "?search=closed.invalid", "?role=staff"} {
			require.NotContains(t, string(admin.Do("GET", "/api/users/"+query, nil).Expect(200).Body), user, query)
		}
		admin.Do("GET", "/api/users/"+user+"/", nil).Expect(404)
		admin.Do("PATCH", "/api/users/"+user+"/", object{"active": true}).Expect(404)
		s.NewUser(t, "Canary") // the address is available

		status := waitForJob(t, s, accepted.Header.Get("Location"))
		t.Logf("removed in %v", time.Since(start))
		require.EqualValues(t, harness.LargeCount(), status["done"])
		require.Len(t, status, 3)
		require.Empty(t, cellsContaining(t, s, "canary of many"))
		for _, cell := range cellsContaining(t, s, user) {
			require.Regexp(t, "^audit_|^jobs.parameters", cell)
		}
		entries := s.FindAuditEntries(t, func(e object) bool {
			return e["action"] == "delete" && e["resource_type"] == "Patient" && e["actor_id"] == user
		})
		require.Len(t, entries, harness.LargeCount(), "each patient has an entry")
		s.Anonymous(t).Do("GET", "/api/jobs/"+uuid.NewString()+"/", nil).ExpectProblem(404, "not_found")
	})
}

// Bodies that an earlier release stores while both run are never sent, and are removed.
func TestBodiesOfEarlierReleases(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other"}
		id := c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "k").Expect(201).ID()
		require.NoError(
			t,
			s.DB.Write(t.Context()).Exec(`UPDATE idempotency_keys SET body = ?`, []byte("canary of old")).Error,
		)
		require.Equal(t, id, c.Do("POST", "/api/patients/", patient, "Idempotency-Key", "k").Expect(201).ID())
	})
}
