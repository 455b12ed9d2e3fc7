package volume

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestCountsAreLimited(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		add := func(first, last int) {
			require.NoError(t, s.DB.Write(t.Context()).Exec(`WITH RECURSIVE s(i) AS (
					SELECT CAST(? AS integer) UNION ALL SELECT i + 1 FROM s WHERE i < ?)
				INSERT INTO doctors (id, name, specialization, experience, email, phone,
					version, created_at, updated_at)
				SELECT `+map[database.Engine]string{database.SQLite: "printf('00000000-0000-7000-8000-%012d', i)",
				database.Postgres: "('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid"}[s.DB.Engine()]+`,
					'D', 'S', 1, '', '', 1, ?, ? FROM s`,
				first, last, database.At(time.Now()), database.At(time.Now())).Error)
		}
		count := func() http.Header {
			return c.Do("GET", "/api/doctors/?limit=1", nil, "Prefer", "count=exact").Expect(200).Header
		}
		add(1, 10_000)
		exact := count()
		require.Equal(t, "10000", exact.Get("X-Total-Count"))
		require.Equal(t, "count=exact", exact.Get("Preference-Applied"))
		require.Empty(t, exact.Get("X-Total-Count-Relation"))
		add(10_001, 10_001)
		stopped := count()
		require.Equal(t, "10000", stopped.Get("X-Total-Count"))
		require.Equal(t, "gte", stopped.Get("X-Total-Count-Relation"))
		require.Empty(t, stopped.Get("Preference-Applied"))
	})
}
