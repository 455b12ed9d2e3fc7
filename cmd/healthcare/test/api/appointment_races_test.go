package api

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
	"healthcare/platform/database"
)

// deadlocksOf returns the number of deadlocks that PostgreSQL has found.
func deadlocksOf(t *testing.T, s *harness.Service) (count int64) {
	t.Helper()
	if s.DB.Engine() == database.Postgres {
		time.Sleep(1500 * time.Millisecond) // each connection writes its statistics once a second
		require.NoError(t, s.DB.Read(t.Context()).
			Raw("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&count).Error)
	}
	return count
}

// count returns the number that a query selects.
func count(t *testing.T, s *harness.Service, query string, values ...any) (found int64) {
	t.Helper()
	require.NoError(t, s.DB.Read(t.Context()).Raw(query, values...).Scan(&found).Error)
	return found
}

// beside sends n requests, five milliseconds after each other, and another one at a time that is later in each round.
// It returns the statuses and codes of the requests with their number, and the response of the other one.
func beside(
	round, n int, each func(i int) harness.Response, other func() harness.Response,
) (map[string]int, harness.Response) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for i := range n {
		wg.Go(func() {
			time.Sleep(time.Duration(5*i) * time.Millisecond)
			a := each(i)
			outcome := fmt.Sprint(a.Status)
			if a.Status >= 400 {
				outcome += fmt.Sprint(" ", a.Object()["code"])
			}
			mu.Lock()
			defer mu.Unlock()
			seen[outcome]++
		})
	}
	time.Sleep(time.Duration(12*round) * time.Millisecond)
	got := other()
	wg.Wait()
	return seen, got
}

// requireOutcomes requires that no request had another outcome.
func requireOutcomes(t *testing.T, seen map[string]int, allowed ...string) {
	t.Helper()
	t.Log(seen)
	for outcome := range seen {
		require.Contains(t, allowed, outcome)
	}
}

func noLimits(cfg *config.Config) { cfg.MaxAppointmentsPerPatient = 0 }

func TestBookingBesideTheRemovalOfThePatient(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		owner := s.NewUser(t, "Owner")
		doctor := w.doctor(w.admin)
		for round := range 6 {
			c, user := owner, ""
			if round%2 == 1 { // the account is removed with its patients
				c = s.NewUser(t, fmt.Sprint("Leaver", round))
				user = c.UserID()
			}
			patient := c.AddPatient()
			var starts []time.Time
			for range 20 {
				starts = append(starts, w.start())
			}
			first := c.Do("POST", booked, w.booking(patient, doctor, w.of, w.start())).Expect(201).ID()
			seen, removed := beside(round, 20, func(i int) harness.Response {
				if i%4 == 3 {
					move := object{"starts_at": starts[i].Format(time.RFC3339)}
					return c.Do("POST", appointmentAt(first)+"reschedule/", move)
				}
				return c.Do("POST", booked, w.booking(patient, doctor, w.of, starts[i]))
			}, func() harness.Response {
				if user != "" {
					return remove(c)()
				}
				return c.Do("DELETE", patientAt(patient), nil)
			})
			removed.Expect(204)
			requireOutcomes(t, seen, "200", "201", "404 not_found", "412 stale_version", "401 token_not_valid")
			require.Zero(t, count(t, s, "SELECT count(*) FROM appointments WHERE patient_id = ?", patient))
		}
		require.Zero(t, deadlocksOf(t, s))
	}, noLimits)
}

func TestBookingBesideTheRemovalOfTheDoctor(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		owner := s.NewUser(t, "Owner")
		patient, receiver := owner.AddPatient(), w.doctor(w.admin)
		elsewhere := owner.Do("POST", booked, w.booking(patient, receiver, w.of, w.start())).Expect(201).ID()
		gone, refused := 0, 0
		for round := range 12 {
			doctor, query := w.doctor(owner), ""
			c := owner
			if round%3 > 0 {
				c, query = w.admin, map[int]string{1: "?force=true", 2: "?reassign_to=" + receiver}[round%3]
				owner.Assign(owner.AddPatient(), doctor).Expect(201)
			}
			var starts []time.Time
			for range 5 {
				starts = append(starts, w.start())
			}
			seen, removed := beside(round/3, 5, func(i int) harness.Response {
				if i == 4 {
					move := object{"starts_at": starts[i].Format(time.RFC3339), "doctor": doctor}
					return owner.Do("POST", appointmentAt(elsewhere)+"reschedule/", move)
				}
				return owner.Do("POST", booked, w.booking(patient, doctor, w.of, starts[i]))
			}, func() harness.Response { return c.Do("DELETE", doctorAt(doctor)+query, nil) })
			requireOutcomes(t, seen, "200", "201", "404 not_found", "409 doctor_in_removal")
			made := count(t, s, "SELECT count(*) FROM appointments WHERE doctor_id = ?", doctor)
			require.EqualValues(t, seen["200"]+seen["201"], made)
			switch removed.Status {
			case 409:
				removed.ExpectProblem(409, "doctor_has_appointments")
				owner.Do("GET", doctorAt(doctor), nil).Expect(200)
				require.NotZero(t, made, "of the appointments, none of which was refused")
				require.Zero(t, seen["404 not_found"]+seen["409 doctor_in_removal"])
				refused++
			case 202:
				w.waitFor(removed)
				fallthrough
			case 204:
				owner.Do("GET", doctorAt(doctor), nil).Expect(404)
				require.Zero(t, made)
				gone++
			default:
				removed.Expect(204)
			}
			if seen["200"] > 0 { // for the next round
				elsewhere = owner.Do("POST", booked, w.booking(patient, receiver, w.of, w.start())).Expect(201).ID()
			}
		}
		t.Logf("%d doctors removed, %d not", gone, refused)
		require.Zero(t, deadlocksOf(t, s))
	}, noLimits)
}

// waitFor waits until the job of a response ends.
func (w *calendar) waitFor(accepted harness.Response) {
	for range 500 {
		if w.admin.Do("GET", accepted.Header.Get("Location"), nil).Expect(200).Object()["state"] == "done" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(accepted.T, "the job does not end")
}

func TestBookingBesideATransfer(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		doctor := w.doctor(w.admin)
		for round := range 4 {
			from, to := s.NewUser(t, fmt.Sprint("From", round)), s.NewUser(t, fmt.Sprint("To", round))
			var all, old []string
			var starts []time.Time
			for range 4 {
				patient := from.AddPatient()
				all = append(all, patient)
				made := from.Do("POST", booked, w.booking(patient, doctor, w.of, w.start())).Expect(201)
				old = append(old, made.ID())
			}
			for range 20 {
				starts = append(starts, w.start())
			}
			id, target := from.UserID(), to.UserID()
			seen, transferred := beside(round, 20, func(i int) harness.Response {
				switch at := starts[i].Format(time.RFC3339); i % 5 {
				case 0:
					return from.Do("POST", appointmentAt(old[i/5])+"reschedule/", object{"starts_at": at})
				case 1:
					return from.Do("POST", appointmentAt(old[i/5])+"cancel/", object{})
				case 2:
					in := w.booking(all[i/5], doctor, w.of, starts[i])
					in["frequency"], in["count"], in["on_conflict"] = "weekly", 3, "skip"
					return from.Do("POST", "/api/appointment-series/", in)
				}
				return from.Do("POST", booked, w.booking(all[i/5], doctor, w.of, starts[i]))
			}, func() harness.Response {
				return w.admin.Do("POST", "/api/users/"+id+"/transfer/", object{"to": target, "limit": 1000})
			})
			transferred.Expect(200)
			requireOutcomes(t, seen, "200", "201", "404 not_found", "409 status_conflict")
			require.Zero(t, count(t, s, "SELECT count(*) FROM appointments WHERE owner_id = ?", id))
			const owned = "SELECT count(*) FROM appointments WHERE owner_id = ?"
			require.GreaterOrEqual(t, count(t, s, owned, target), int64(4))
			require.Zero(t, count(t, s, `SELECT count(*) FROM appointments a JOIN patients p ON p.id = a.patient_id
				WHERE a.owner_id <> p.owner_id`))
		}
		require.Zero(t, deadlocksOf(t, s))
	}, noLimits)
}
