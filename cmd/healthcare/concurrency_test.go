package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// atOnce runs do n times at once, at most 64 in flight, and counts the answers by status.
func atOnce(n int, do func(i int) answer) map[int]int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[int]int{}
	slots := make(chan struct{}, 64)
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a := do(i)
			mu.Lock()
			defer mu.Unlock()
			counts[a.status]++
		})
	}
	wg.Wait()
	return counts
}

func TestR30_IdenticalAssignmentsAtOnce(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient, doctor := c.addPatient(), c.addDoctor()
		counts := atOnce(200, func(int) answer { return c.assign(patient, doctor) })
		require.Equal(t, map[int]int{201: 1, 409: 199}, counts)
		require.Len(t, c.do("GET", "/api/mappings/", nil).list(), 1)
	})
}

func TestR31_OneMailboxRegisteredAtOnce(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		counts := atOnce(200, func(i int) answer {
			email := "asha@clinic.example"
			email = strings.ToUpper(email[:i%10]) + email[i%10:]
			return s.client(t).do("POST", "/api/auth/register/", object{"name": "Asha", "email": email, "password": "correct horse"})
		})
		require.Equal(t, map[int]int{201: 1, 409: 199}, counts)
	})
}

func TestR32_DisjointPatchesLoseNothing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		for round := range 10 {
			path := "/api/patients/" + c.addPatient()
			fields := []string{"name", "phone", "address", "notes", "email", "medical_record_number"}
			counts := atOnce(len(fields), func(i int) answer {
				value := fmt.Sprintf("changed%d@clinic.example", round)
				return c.do("PATCH", path, object{fields[i]: value})
			})
			require.Equal(t, map[int]int{200: len(fields)}, counts)
			patient := c.do("GET", path, nil).object()
			for _, field := range fields {
				require.Contains(t, patient[field], "changed", field)
			}
		}
	})
}

// Whoever comes first, a removed patient or doctor leaves no assignment behind, and nobody sees a server error.
func TestR33_DeleteAndAssignInterleaved(t *testing.T) {
	t.Parallel()
	const rounds = 250 // of two assignments against two deletions each: 500 interleavings an engine
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		var outcomes sync.Map
		slots := make(chan struct{}, 8)
		var wg sync.WaitGroup
		for range rounds {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				patient, doctor, spare, other := c.addPatient(), c.addDoctor(), c.addDoctor(), c.addPatient()
				steps := []func() answer{
					func() answer { return c.assign(patient, spare) },
					func() answer { return c.do("DELETE", "/api/patients/"+patient, nil) },
					func() answer { return c.assign(other, doctor) },
					func() answer { return c.do("DELETE", "/api/doctors/"+doctor, nil) },
				}
				for status := range atOnce(len(steps), func(i int) answer { return steps[i]() }) {
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
		require.NoError(t, s.db.Read(t.Context()).Raw(`SELECT count(*) FROM assignments a
			WHERE NOT EXISTS (SELECT 1 FROM patients p WHERE p.id = a.patient_id) OR NOT EXISTS (SELECT 1 FROM doctors d WHERE d.id = a.doctor_id)`).Scan(&orphans).Error)
		require.Zero(t, orphans)
		require.Empty(t, c.do("GET", "/api/mappings/", nil).list(), "every assignment lost its patient or its doctor")
	})
}
