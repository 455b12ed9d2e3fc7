package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// cells returns the text of every value of every table, read from the catalog, with the name of its table and column.
func (s *service) cells(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range s.tables(t) {
		all = append(all, s.cellsOf(t, name)...)
	}
	return all
}

func (s *service) cellsOf(t *testing.T, name string) (all []string) {
	t.Helper()
	rows, err := s.db.Read(t.Context()).Raw("SELECT * FROM " + name).Rows()
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

// holding returns where the text is stored, in any letter case.
func (s *service) holding(t *testing.T, text string) (found []string) {
	t.Helper()
	for _, cell := range s.cells(t) {
		if strings.Contains(strings.ToLower(cell), strings.ToLower(text)) {
			found = append(found, cell)
		}
	}
	return found
}

// Nothing keeps the data of a patient or an account longer than its owner asked for.
func TestNoTableKeepsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha-canary")
		patient := object{
			"name": "canary name", "age": 31, "gender": "Female",
			"email": "canary@mail.example", "phone": "+91 31337 00001", "address": "canary road",
			"medical_record_number": "canary-mrn", "notes": "canary notes",
		}
		id := c.do("POST", "/api/patients/", patient, "Idempotency-Key", "p").is(201).id()
		doctor := c.addDoctor()
		mapping := object{"patient": id, "doctor": doctor}
		assigned := c.do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").is(201).id()
		require.NotEmpty(t, s.holding(t, "canary name"), "the search finds what is there")

		t.Run("a value that was changed", func(t *testing.T) {
			c := c.in(t)
			c.do("PATCH", "/api/patients/"+id+"/", object{"phone": "+91 2"}).is(200)
			require.Empty(t, s.holding(t, "31337"))
			again := c.do("POST", "/api/patients/", patient, "Idempotency-Key", "p").is(201)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, "+91 2", again.object()["phone"])
			require.Equal(t, "/api/patients/"+id+"/", again.header.Get("Location"))
			require.Equal(t, `"v2"`, again.header.Get("ETag")[:3]+`"`)
		})
		t.Run("an assignment that ended", func(t *testing.T) {
			c := c.in(t)
			require.Equal(t, assigned, c.do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").is(201).id())
			c.do("DELETE", "/api/mappings/"+assigned+"/", nil).is(204)
			c.do("POST", "/api/mappings/", mapping, "Idempotency-Key", "m").problem(410, "gone")
		})
		t.Run("a patient", func(t *testing.T) {
			c := c.in(t)
			c.do("DELETE", "/api/patients/"+id+"/", nil).is(204)
			for _, text := range []string{"canary name", "canary@mail", "canary road", "canary-mrn", "canary notes"} {
				require.Empty(t, s.holding(t, text))
			}
			c.do("POST", "/api/patients/", patient, "Idempotency-Key", "p").problem(410, "gone")
			require.Empty(t, c.do("GET", "/api/patients/", nil).list(), "the repetition had no effect")
		})
		t.Run("an account", func(t *testing.T) {
			c := c.in(t)
			user := c.id()
			c.do("POST", "/api/patients/", patient, "Idempotency-Key", "p2").is(201)
			c.do("DELETE", "/api/auth/me/?patients=delete", object{"password": password}).is(204)
			require.Empty(t, s.holding(t, "canary"))
			for _, cell := range s.holding(t, user) {
				require.Regexp(t, "^audit_|^jobs", cell)
			}
		})
	})
}

// many is the number of patients of whoever leaves: more than one request removes.
func many() int {
	if os.Getenv("SOAK") == "1" {
		return 50_000
	}
	return 1_500
}

func (s *service) addMany(t *testing.T, owner string, n int) {
	t.Helper()
	rows, now := make([]map[string]any, n), database.At(time.Now())
	for i := range rows {
		rows[i] = map[string]any{
			"id": uuid.Must(uuid.NewV7()), "owner_id": owner, "name": "canary of many",
			"gender": "Other", "age": 1, "email": "", "phone": "",
			"address": "", "notes": "", "version": 1, "created_at": now, "updated_at": now,
		}
	}
	require.NoError(t, s.db.Write(t.Context()).Table("patients").CreateInBatches(rows, 500).Error)
}

// addAnswers adds kept answers to requests of the user.
func (s *service) addAnswers(t *testing.T, user string, n int) {
	t.Helper()
	rows, expires := make([]map[string]any, n), database.At(time.Now().Add(time.Hour))
	for i := range rows {
		rows[i] = map[string]any{
			"user_id": user, "route": "POST /api/patients/", "key": fmt.Sprint(i), "fingerprint": "f",
			"status": 201, "header": "{}", "body": []byte{}, "expires_at": expires,
		}
	}
	require.NoError(t, s.db.Write(t.Context()).Table("idempotency_keys").CreateInBatches(rows, 500).Error)
}

// untilDone returns the last status of a job, as a client without a token reads it.
func (s *service) untilDone(t *testing.T, location string) (status object) {
	t.Helper()
	nobody := s.client(t)
	require.Eventually(t, func() bool {
		status = nobody.do("GET", location, nil).is(200).object()
		return status["state"] == "done"
	}, 5*time.Minute, 20*time.Millisecond)
	return status
}

// An account with many patients is closed at once, and its data goes in the background.
func TestLeavingWithManyPatients(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		admin, c := s.as(t, "admin", "Boss"), s.user(t, "Canary")
		t.Run("many kept answers, without a patient, are removed in the background too", func(t *testing.T) {
			c := s.user(t, "Repeating")
			user := c.id()
			s.addAnswers(t, user, 250) // more than one batch of the job removes, after the request's own
			accepted := c.do("DELETE", "/api/auth/me/", object{"password": password}).is(202)
			require.Zero(t, accepted.object()["total"])
			s.untilDone(t, accepted.header.Get("Location"))
			for _, cell := range s.holding(t, user) {
				require.Regexp(t, "^audit_|^jobs.parameters", cell)
			}
		})

		user := c.id()
		s.addMany(t, user, many())
		s.addAnswers(t, user, 1_200)
		body := object{"password": password}
		began := time.Now()
		var accepted answer
		var mu sync.Mutex
		counts := atOnce(3, func(int) answer { // some wait for the row that the first one closes
			a := c.do("DELETE", "/api/auth/me/?patients=delete", body)
			if mu.Lock(); a.status == 202 {
				accepted = a
			}
			mu.Unlock()
			return a
		})
		require.Equal(t, map[int]int{202: 1, 401: 2}, counts)
		t.Logf("closed in %v", time.Since(began))
		require.Equal(t, "1", accepted.header.Get("Retry-After"))
		require.EqualValues(t, many(), accepted.object()["total"])

		c.do("GET", "/api/patients/", nil).problem(401, "token_not_valid")
		c.do("DELETE", "/api/auth/me/?patients=delete", body).problem(401, "token_not_valid")
		s.client(t).do(
			"POST", "/api/auth/login/", object{"email": c.email(), "password": password},
		).problem(401, "invalid_credentials")
		for _, query := range []string{"", "?search=canary", "?active=false", "?search=closed.invalid", "?role=staff"} {
			require.NotContains(t, string(admin.do("GET", "/api/users/"+query, nil).is(200).raw), user, query)
		}
		admin.do("GET", "/api/users/"+user+"/", nil).is(404)
		admin.do("PATCH", "/api/users/"+user+"/", object{"active": true}).is(404)
		s.user(t, "Canary") // the address is free

		status := s.untilDone(t, accepted.header.Get("Location"))
		t.Logf("removed in %v", time.Since(began))
		require.EqualValues(t, many(), status["done"])
		require.Len(t, status, 3)
		require.Empty(t, s.holding(t, "canary of many"))
		for _, cell := range s.holding(t, user) {
			require.Regexp(t, "^audit_|^jobs.parameters", cell)
		}
		var entries int
		require.NoError(t, s.db.Read(t.Context()).Raw(
			`SELECT count(*) FROM audit_entries WHERE action = 'delete' AND resource_type = 'Patient' AND actor_id = ?`,
			user,
		).Scan(&entries).Error)
		require.Equal(t, many(), entries, "each patient has an entry")
		s.client(t).do("GET", "/api/jobs/"+uuid.NewString()+"/", nil).problem(404, "not_found")
	})
}

// Bodies that the previous release keeps beside this one are never shown, and are removed.
func TestBodiesOfThePreviousRelease(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other"}
		id := c.do("POST", "/api/patients/", patient, "Idempotency-Key", "k").is(201).id()
		require.NoError(
			t,
			s.db.Write(t.Context()).Exec(`UPDATE idempotency_keys SET body = ?`, []byte("canary of old")).Error,
		)
		require.Equal(t, id, c.do("POST", "/api/patients/", patient, "Idempotency-Key", "k").is(201).id())
	})
}

// addJob adds a job that no handler knows, and returns its id.
func (s *service) addJob(t *testing.T) string {
	t.Helper()
	id, now := uuid.NewString(), database.At(time.Now())
	require.NoError(t, s.db.Write(t.Context()).Exec(`INSERT INTO jobs
		(id, kind, parameters, state, done, total, failures, due_at, created_at)
		VALUES (?, 'of the test', '{}', 'pending', 0, 1, 0, ?, ?)`, id, now, now).Error)
	return id
}
