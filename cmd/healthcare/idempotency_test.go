package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestR36_OneEffectHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other"}
		register := func(key string, body any) answer { return c.do("POST", "/api/patients/", body, "Idempotency-Key", key) }

		t.Run("a repetition is answered with the first answer, byte for byte", func(t *testing.T) {
			first := register("k1", patient).is(201)
			require.Empty(t, first.header.Get("Idempotent-Replayed"))
			again := register("k1", patient).is(201)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, first.raw, again.raw)
			for _, name := range []string{"Location", "ETag", "Content-Type"} {
				require.Equal(t, first.header.Get(name), again.header.Get(name), name)
			}
			require.NotEqual(t, first.header.Get("X-Request-Id"), again.header.Get("X-Request-Id"))
			require.Len(t, c.do("GET", "/api/patients/", nil).list(), 1)
			register("k2", patient).is(201)
		})
		t.Run("another body under the same key is refused", func(t *testing.T) {
			register("k1", object{"name": "B", "age": 1, "gender": "Other"}).problem(422, "idempotency_key_reused")
		})
		t.Run("a key is the user's and the route's own", func(t *testing.T) {
			other := s.user(t, "Bela")
			require.NotEqual(t, register("k1", patient).id(), other.do("POST", "/api/patients/", patient, "Idempotency-Key", "k1").is(201).id())
			doctor := object{"name": "A", "specialization": "B", "experience": 1}
			id := c.do("POST", "/api/doctors/", doctor, "Idempotency-Key", "k1").is(201).id()
			require.Equal(t, id, c.do("POST", "/api/doctors", doctor, "Idempotency-Key", "k1").is(201).id(), "both slash forms are one route")
		})
		t.Run("what failed is not kept", func(t *testing.T) {
			register("k3", object{"name": ""}).problem(400, "validation_failed")
			register("k3", patient).is(201)
			numbered := object{"name": "A", "age": 1, "gender": "Other", "medical_record_number": "M"}
			taken := c.do("POST", "/api/patients/", numbered).is(201).id()
			register("k4", numbered).problem(409, "medical_record_number_taken")
			c.do("DELETE", "/api/patients/"+taken, nil).is(204)
			register("k4", numbered).is(201)
		})
		t.Run("a key has 1 to 255 visible characters", func(t *testing.T) {
			for _, key := range []string{strings.Repeat("k", 256), "a b", "clé"} {
				require.Contains(t, register(key, patient).problem(400, "validation_failed").Errors, "Idempotency-Key")
			}
			register(strings.Repeat("k", 255), patient).is(201)
		})
		t.Run("a storm of retries has one effect", func(t *testing.T) {
			before := len(c.do("GET", "/api/patients/", nil).list())
			counts := atOnce(100, func(int) answer { return register("storm", patient) })
			require.Equal(t, 100, counts[201]+counts[409])
			require.GreaterOrEqual(t, counts[201], 1)
			require.Len(t, c.do("GET", "/api/patients/", nil).list(), before+1)
			require.Equal(t, "true", register("storm", patient).is(201).header.Get("Idempotent-Replayed"))
		})
		t.Run("an expired key is free, and is cleared away", func(t *testing.T) {
			first := register("old", patient).is(201)
			require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE idempotency_keys SET expires_at = ?", "2020-01-01T00:00:00.000000Z").Error)
			require.NotEqual(t, first.id(), register("old", patient).is(201).id())
			var kept int64
			require.NoError(t, s.db.Read(t.Context()).Raw("SELECT count(*) FROM idempotency_keys").Scan(&kept).Error)
			require.EqualValues(t, 1, kept)
		})
	})
}
