package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// setBack is the state of clients when a clock that was a year ahead is set back: Asha signed in before, Ravi while it
// was ahead.
type setBack struct {
	asha, ravi    string // names
	token         string // an access token of Asha
	live, spent   string // refresh tokens of two sessions of Ravi; the successor of spent was not used
	patient       string // of Asha
	ravisLocation string // of the patient whose Idempotency-Key is "ahead"
}

func (b setBack) check(t *testing.T, s *harness.Service) {
	anonymous := s.Anonymous(t)
	refresh := func(token string) harness.Response {
		return anonymous.Do("POST", "/api/auth/refresh/", object{"refresh": token})
	}
	asha, ravi := s.Anonymous(t), s.Anonymous(t)
	asha.Name, ravi.Name = b.asha, b.ravi
	asha.Token = b.token
	asha.Do("PATCH", "/api/patients/"+b.patient+"/", object{"notes": s.URL}).Expect(200)
	asha.Token = asha.SignIn()
	asha.Do("GET", "/api/patients/"+asha.AddPatient()+"/", nil).Expect(200)

	ravi.Token = refresh(b.live).Expect(200).Object()["access"].(string)
	repeated := ravi.Do("POST", "/api/patients/", object{"name": "P", "age": 1, "gender": "Other"},
		"Idempotency-Key", "ahead").Expect(201)
	require.Equal(t, b.ravisLocation, repeated.Header.Get("Location"))
	refresh(b.spent).Expect(401)
	ravi.Token = ravi.SignIn()
	ravi.Do("GET", "/api/patients/", nil).Expect(200)
}

// A clock that was a year ahead and is set back leaves users signed in, in the same process and after a restart.
func TestTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		manual := clock.At(time.Now())
		wrong := func(t *testing.T, s *harness.Service, asha, ravi string) setBack {
			before := s.NewUser(t, asha)
			b := setBack{asha: asha, ravi: ravi, token: before.Token, patient: before.AddPatient()}
			manual.Advance(year)
			while := s.NewUser(t, ravi)
			created := while.Do("POST", "/api/patients/", object{"name": "P", "age": 1, "gender": "Other"},
				"Idempotency-Key", "ahead").Expect(201)
			b.ravisLocation = created.Header.Get("Location")
			b.spent = while.SignInTokens()["refresh"].(string)
			while.Do("POST", "/api/auth/refresh/", object{"refresh": b.spent}).Expect(200)
			b.live = while.SignInTokens()["refresh"].(string)
			manual.Advance(-year)
			return b
		}
		var after setBack
		t.Run("in the same process", func(t *testing.T) {
			s := harness.StartWith(t, db, harness.WithClock(manual))
			wrong(t, s, "Asha", "Ravi").check(t, s)
			after = wrong(t, s, "Anil", "Meera")
		})
		t.Run("after a restart", func(t *testing.T) {
			after.check(t, harness.StartWith(t, db, harness.WithClock(manual)))
		})
	})
}
