package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestR30_ConcurrentIdenticalAssignments(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient, doctor := c.AddPatient(), c.AddDoctor()
		counts := harness.Concurrently(200, func(int) harness.Response { return c.Assign(patient, doctor) })
		require.Equal(t, map[int]int{201: 1, 409: 199}, counts)
		require.Len(t, c.Do("GET", "/api/mappings/", nil).List(), 1)
	})
}

func TestR31_ConcurrentRegistrationsOfOneMailbox(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		counts := harness.Concurrently(200, func(i int) harness.Response {
			email := "asha@clinic.example"
			email = strings.ToUpper(email[:i%10]) + email[i%10:]
			return s.Anonymous(t).Do("POST", "/api/auth/register/",
				object{"name": "Asha", "email": email, "password": "correct horse"})
		})
		require.Equal(t, map[int]int{201: 1, 409: 199}, counts)
	})
}

func TestR32_ConcurrentDisjointPatches(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		for round := range 10 {
			path := "/api/patients/" + c.AddPatient()
			fields := []string{"name", "phone", "address", "notes", "email", "medical_record_number"}
			counts := harness.Concurrently(len(fields), func(i int) harness.Response {
				value := fmt.Sprintf("changed%d@clinic.example", round)
				return c.Do("PATCH", path, object{fields[i]: value})
			})
			require.Equal(t, map[int]int{200: len(fields)}, counts)
			patient := c.Do("GET", path, nil).Object()
			for _, field := range fields {
				require.Contains(t, patient[field], "changed", field)
			}
		}
	})
}

// In either order, no assignment of a removed patient or doctor remains, and no request fails with 5xx.
func TestR33_ConcurrentDeletionsAndAssignments(t *testing.T) {
	t.Parallel()
	const rounds = 250 // with two assignments and two deletions each: 500 interleavings per engine
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		var outcomes sync.Map
		slots := make(chan struct{}, 8)
		var wg sync.WaitGroup
		for range rounds {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				patient, doctor, spare, other := c.AddPatient(), c.AddDoctor(), c.AddDoctor(), c.AddPatient()
				steps := []func() harness.Response{
					func() harness.Response { return c.Assign(patient, spare) },
					func() harness.Response { return c.Do("DELETE", "/api/patients/"+patient, nil) },
					func() harness.Response { return c.Assign(other, doctor) },
					func() harness.Response { return c.Do("DELETE", "/api/doctors/"+doctor, nil) },
				}
				for status := range harness.Concurrently(len(steps),
					func(i int) harness.Response { return steps[i]() }) {
					outcomes.Store(status, true)
				}
			})
		}
		wg.Wait()
		outcomes.Range(func(status, _ any) bool {
			require.Contains(t, []int{201, 204, 404}, status)
			return true
		})
		var orphans int64
		require.NoError(t, s.DB.Read(t.Context()).Raw(`SELECT count(*) FROM assignments a
			WHERE NOT EXISTS (SELECT 1 FROM patients p WHERE p.id = a.patient_id)
			OR NOT EXISTS (SELECT 1 FROM doctors d WHERE d.id = a.doctor_id)`).Scan(&orphans).Error)
		require.Zero(t, orphans)
		require.Empty(t, c.Do("GET", "/api/mappings/", nil).List(), "no assignment remains")
	})
}
