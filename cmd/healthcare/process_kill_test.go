package main

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// R-50 in the small: the process is killed while two clients write, right after an answer. What was answered is there after the next start, and
// what was not is there as a whole or not at all.
func TestR50_KilledUnderLoadItLosesNothing(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		rounds := 10
		if db.URL != "" {
			rounds = 3
		}
		var token string
		acknowledged := map[string]bool{}
		for round := range rounds {
			r := p.start()
			c := newCaller(t, r.ready())
			if c.token = token; round == 0 {
				c.signUp()
				token = c.token
			}
			c.holds(acknowledged, 2*round)
			for _, id := range c.untilKilled(r, 1+round) {
				acknowledged[id] = true
			}
		}
		r := p.start()
		c := newCaller(t, r.ready())
		c.token = token
		c.holds(acknowledged, 2*rounds)
		require.Equal(t, 0, r.terminate().code)
	})
}

// untilKilled has two clients add patients, kills the program after so many answers, and returns the answered ids.
func (c *caller) untilKilled(r *program, answers int) (ids []string) {
	c.t.Helper()
	added := make(chan string)
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for {
				status, patient, err := c.try("POST", "/api/patients/", verma)
				if err != nil || status != 201 {
					return
				}
				added <- patient["id"].(string)
			}
		})
	}
	go func() {
		writers.Wait()
		close(added)
	}()
	for id := range added {
		if ids = append(ids, id); len(ids) == answers {
			require.NoError(c.t, r.cmd.Process.Kill())
		}
	}
	require.GreaterOrEqual(c.t, len(ids), answers)
	<-r.ended
	return ids
}

// holds asserts that every acknowledged patient is there, whole, and at most so many that nobody heard of.
func (c *caller) holds(acknowledged map[string]bool, unheard int) {
	c.t.Helper()
	for id := range acknowledged {
		require.Equal(c.t, "Ananya Verma", c.call("GET", "/api/patients/"+id+"/", nil, 200)["name"])
	}
	all := c.list("/api/patients/?limit=500")
	require.LessOrEqual(c.t, len(all), len(acknowledged)+unheard)
	for _, patient := range all {
		at, err := time.Parse(time.RFC3339, patient["created_at"].(string))
		require.NoError(c.t, err)
		require.WithinDuration(c.t, time.Now(), at, time.Hour)
		require.EqualValues(c.t, 31, patient["age"])
	}
}
