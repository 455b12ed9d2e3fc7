package faults

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// TestKillUnderBookings kills the process at random times while eight clients book and move appointments of a doctor.
// After the next start the store has every acknowledged booking once and none in part, no two overlap, and the trail
// verifies. A repeated request that was not acknowledged books once.
func TestKillUnderBookings(t *testing.T) {
	t.Parallel()
	kills := soakValue(t, 3, 50)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("DATABASE_SLOW_QUERY=0s")
		store := openDatabaseCheck(t, db)
		var traffic *bookings
		for kill := range kills {
			r := p.Start()
			base := r.WaitReady()
			if kill == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				traffic = newBookings(t, newLoad(c), store)
			} else {
				traffic.setURL(base)
				store.requireBooked(traffic)
				require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
			}
			enough := traffic.acknowledged() + 1 + rand.IntN(100)
			traffic.start()
			waitUntil(t, harness.Timeout, "nothing is acknowledged",
				func() bool { return traffic.acknowledged() >= enough })
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			require.NoError(t, r.Cmd.Process.Kill())
			traffic.clients.Wait()
			<-r.Done
		}
		r := p.Start()
		traffic.setURL(r.WaitReady())
		for n := len(traffic.unanswered); n > 0; n-- {
			require.NoError(t, traffic.book())
		}
		require.Empty(t, traffic.unanswered)
		store.requireBooked(traffic)
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
		require.Equal(t, 0, r.Terminate().ExitCode)
		t.Logf("%d kills, %d acknowledged, 0 lost;%s", kills, traffic.acknowledged(), statuses(traffic.recorded()))
	})
}

// bookings runs clients that book and move appointments of one doctor with opening hours day and night.
type bookings struct {
	*load
	doctor, of string
	patients   []string
	turn       atomic.Int64

	booked     map[string]string // Idempotency-Key, which is also the reason -> id of an acknowledged appointment
	unanswered []visit
	moved      map[string][2]int // appointment -> the last acknowledged and the last sent number of moves
}

// visit is a booking: its Idempotency-Key, and which half hour it takes.
type visit struct {
	key  string
	turn int64
}

func newBookings(t *testing.T, l *load, store databaseCheck) *bookings {
	b := &bookings{load: l, booked: map[string]string{}, moved: map[string][2]int{}, of: uuid.NewString()}
	for range 8 {
		b.patients = append(b.patients, l.AddPatient())
	}
	doctor := object{"name": "Vikram Khanna", "specialization": "Cardiology", "experience": 9}
	b.doctor = l.Call("POST", "/api/doctors/", doctor, 201)["id"].(string)
	var windows []object
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		windows = append(windows, object{"weekday": day, "from": "00:00", "to": "24:00"})
	}
	l.Call("PUT", "/api/doctors/"+b.doctor+"/availability/", object{"windows": windows}, 200)
	_, err := store.pool.Exec(`INSERT INTO appointment_types (id, name, minutes, buffer_before, buffer_after,
		capacity, needs_confirmation, for_patients, active, version, created_at, updated_at)
		SELECT '` + b.of + `', 'Consultation', 30, 0, 0, 1, FALSE, FALSE, TRUE, 1, created_at, updated_at FROM doctors`)
	require.NoError(t, err)
	return b
}

// start runs eight clients. Two and two of those that contend book the same time.
func (b *bookings) start() {
	for range 4 {
		b.client(b.book)
	}
	for range 2 {
		b.client(b.newMover())
		b.client(b.contend)
	}
}

// startOf returns a half hour, of which each turn has another.
func startOf(turn int64) string {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1).
		Add(time.Duration(turn) * 30 * time.Minute).Format(time.RFC3339)
}

func (b *bookings) body(turn int64, reason string) object {
	return object{
		"patient": b.patients[turn%int64(len(b.patients))], "doctor": b.doctor, "type": b.of,
		"starts_at": startOf(turn), "reason": reason,
	}
}

// book books another half hour with an Idempotency-Key. It first repeats requests that were not acknowledged.
func (b *bookings) book() error {
	one := visit{uuid.NewString(), b.turn.Add(1)}
	b.mu.Lock()
	if len(b.unanswered) > 0 {
		one, b.unanswered = b.unanswered[0], b.unanswered[1:]
	}
	b.mu.Unlock()
	response, err := b.sendRecorded("book", "POST", "/api/appointments/", b.body(one.turn, one.key),
		"Idempotency-Key", one.key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if response.Status == 201 {
		b.booked[one.key] = response.Body["id"].(string)
	} else {
		b.unanswered = append(b.unanswered, one)
	}
	return err
}

// contend books a half hour that other clients want as well.
func (b *bookings) contend() error {
	const farther = 300 * 48
	_, err := b.sendRecorded("contend", "POST", "/api/appointments/", b.body(farther+b.turn.Load()/4, "Contended."))
	return err
}

// newMover returns a step that moves its appointment to another half hour.
func (b *bookings) newMover() func() error {
	var id string
	return func() error {
		if id == "" {
			response, err := b.sendRecorded("move", "POST", "/api/appointments/", b.body(b.turn.Add(1), "Moved."))
			if response.Status == 201 {
				id = response.Body["id"].(string)
				b.recordMoves(id, 0, 0)
			}
			return err
		}
		b.mu.Lock()
		moves := b.moved[id]
		b.mu.Unlock()
		next := moves[1] + 1
		b.recordMoves(id, moves[0], next)
		response, err := b.sendRecorded("move", "POST", "/api/appointments/"+id+"/reschedule/",
			object{"starts_at": startOf(b.turn.Add(1))})
		if response.Status == 200 {
			b.recordMoves(id, moves[0]+1, next)
		}
		return err
	}
}

func (b *bookings) recordMoves(id string, acknowledged, sent int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moved[id] = [2]int{acknowledged, sent}
}

// partialBookings has queries that count partial bookings. All must return 0.
var partialBookings = map[string]string{
	"an unrecorded appointment": `SELECT count(*) FROM appointments a WHERE NOT EXISTS (
		SELECT 1 FROM trail_entries e WHERE e.resource_id = a.id AND e.resource_type = 'Appointment'
		AND e.action = 'create' AND e.outcome = 'success')`,
	"a recorded appointment that does not exist": `SELECT count(*) FROM trail_entries e
		WHERE e.resource_type = 'Appointment' AND e.action = 'create' AND e.outcome = 'success'
		AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.id = e.resource_id)`,
	"an appointment with more or fewer moves than recorded": `SELECT count(*) FROM appointments a
		WHERE a.sequence <> (SELECT count(*) FROM trail_entries e WHERE e.resource_id = a.id
		AND e.action = 'update' AND e.outcome = 'success')`,
	"a stored response without exactly one booking": `SELECT count(*) FROM idempotency_keys k
		WHERE 1 <> (SELECT count(*) FROM appointments a WHERE a.reason = k.key)`,
	"a booking without its stored response": `SELECT count(*) FROM appointments a WHERE length(a.reason) = 36
		AND NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.key = a.reason)`,
	"two appointments at once of the doctor or of a patient": `SELECT count(*) FROM appointments a JOIN appointments b
		ON a.id < b.id AND (a.doctor_id = b.doctor_id OR a.patient_id = b.patient_id)
		AND a.blocks_from < b.blocks_to AND b.blocks_from < a.blocks_to`,
}

// requireBooked asserts that the store has all acknowledged bookings and moves, and no partial ones.
func (l databaseCheck) requireBooked(b *bookings) {
	l.t.Helper()
	l.decodeTrail()
	for what, count := range partialBookings {
		var n int
		require.NoError(l.t, l.pool.QueryRow(count).Scan(&n), what)
		require.Zero(l.t, n, what)
	}
	stored := l.readAppointments()
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, id := range b.booked {
		require.Equal(l.t, key, stored[id].reason, "an acknowledged booking is lost")
		require.Equal(l.t, "booked", stored[id].status)
	}
	for id, moves := range b.moved {
		require.Contains(l.t, stored, id, "an acknowledged booking is lost")
		require.GreaterOrEqual(l.t, stored[id].moves, moves[0], "an acknowledged move is lost")
		require.LessOrEqual(l.t, stored[id].moves, moves[1])
		b.moved[id] = [2]int{stored[id].moves, moves[1]} // an unacknowledged move may have taken place
	}
}

type storedAppointment struct {
	reason, status string
	moves          int
}

func (l databaseCheck) readAppointments() map[string]storedAppointment {
	l.t.Helper()
	rows, err := l.pool.Query(`SELECT id, reason, status, sequence FROM appointments`)
	require.NoError(l.t, err)
	defer func() { _ = rows.Close() }()
	all := map[string]storedAppointment{}
	for rows.Next() {
		var id string
		var one storedAppointment
		require.NoError(l.t, rows.Scan(&id, &one.reason, &one.status, &one.moves))
		all[id] = one
	}
	require.NoError(l.t, rows.Err())
	return all
}
