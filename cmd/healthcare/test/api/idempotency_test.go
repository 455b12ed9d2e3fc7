package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestR36_RepeatedRequestsHaveOneEffect(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other"}
		register := func(key string, body any) harness.Response {
			return c.Do("POST", "/api/patients/", body, "Idempotency-Key", key)
		}

		t.Run("a repetition receives the bytes of the first response", func(t *testing.T) {
			first := register("k1", patient).Expect(201)
			require.Empty(t, first.Header.Get("Idempotent-Replayed"))
			again := register("k1", patient).Expect(201)
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			require.Equal(t, first.Body, again.Body)
			for _, name := range []string{"Location", "ETag", "Content-Type"} {
				require.Equal(t, first.Header.Get(name), again.Header.Get(name), name)
			}
			require.NotEqual(t, first.Header.Get("X-Request-Id"), again.Header.Get("X-Request-Id"))
			require.Len(t, c.Do("GET", "/api/patients/", nil).List(), 1)
			register("k2", patient).Expect(201)
		})
		t.Run("another body with the same key is rejected", func(t *testing.T) {
			register("k1", object{"name": "B", "age": 1, "gender": "Other"}).ExpectProblem(422,
				"idempotency_key_reused")
		})
		t.Run("a key belongs to one user and one route", func(t *testing.T) {
			other := s.NewUser(t, "Bela")
			require.NotEqual(t, register("k1", patient).ID(),
				other.Do("POST", "/api/patients/", patient, "Idempotency-Key", "k1").Expect(201).ID())
			doctor := object{"name": "A", "specialization": "B", "experience": 1}
			id := c.Do("POST", "/api/doctors/", doctor, "Idempotency-Key", "k1").Expect(201).ID()
			require.Equal(t, id, c.Do("POST", "/api/doctors", doctor, "Idempotency-Key", "k1").Expect(201).ID(),
				"both slash forms are one route")
		})
		t.Run("a failed response is not stored", func(t *testing.T) {
			register("k3", object{"name": ""}).ExpectProblem(400, "validation_failed")
			register("k3", patient).Expect(201)
			numbered := object{"name": "A", "age": 1, "gender": "Other", "medical_record_number": "M"}
			taken := c.Do("POST", "/api/patients/", numbered).Expect(201).ID()
			register("k4", numbered).ExpectProblem(409, "medical_record_number_taken")
			c.Do("DELETE", "/api/patients/"+taken, nil).Expect(204)
			register("k4", numbered).Expect(201)
		})
		t.Run("a key has 1 to 255 visible characters", func(t *testing.T) {
			for _, key := range []string{strings.Repeat("k", 256), "a b", "clé"} {
				require.Contains(t, register(key, patient).ExpectProblem(400, "validation_failed").Errors,
					"Idempotency-Key")
			}
			register(strings.Repeat("k", 255), patient).Expect(201)
		})
		t.Run("many concurrent retries have one effect", func(t *testing.T) {
			before := len(c.Do("GET", "/api/patients/", nil).List())
			counts := harness.Concurrently(100, func(int) harness.Response { return register("storm", patient) })
			require.Equal(t, 100, counts[201]+counts[409])
			require.GreaterOrEqual(t, counts[201], 1)
			require.Len(t, c.Do("GET", "/api/patients/", nil).List(), before+1)
			require.Equal(t, "true", register("storm", patient).Expect(201).Header.Get("Idempotent-Replayed"))
		})
		t.Run("an expired key can be used again, and is deleted", func(t *testing.T) {
			first := register("old", patient).Expect(201)
			require.NoError(
				t, s.DB.Write(t.Context()).Exec("UPDATE idempotency_keys SET expires_at = ?",
					"2020-01-01T00:00:00.000000Z").Error)
			require.NotEqual(t, first.ID(), register("old", patient).Expect(201).ID())
			var kept int64
			require.NoError(t, s.DB.Read(t.Context()).Raw("SELECT count(*) FROM idempotency_keys").Scan(&kept).Error)
			require.EqualValues(t, 1, kept)
		})
	})
}
