package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

const waitingList = "/api/waiting-list/"

// addOpenDoctor adds a doctor with opening hours day and night.
func addOpenDoctor(c *harness.Client) string {
	c.T.Helper()
	doctor := c.AddDoctor()
	var windows []object
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		windows = append(windows, object{"weekday": day, "from": "00:00", "to": "24:00"})
	}
	c.Do("PUT", "/api/doctors/"+doctor+"/availability/", object{"windows": windows}).Expect(200)
	return doctor
}

// TestWaitingList is the way of a patient from the waiting list to an appointment.
func TestWaitingList(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, keeper := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Keeper")
		person, stranger := s.NewUser(t, "Person"), s.NewUser(t, "Stranger")
		patient, doctor := keeper.AddPatient(), addOpenDoctor(keeper)
		claim(person, keeper.Invite(patient), nil).Expect(201)
		kind := admin.Do("POST", "/api/appointment-types/",
			object{"name": "Consultation", "minutes": 30, "for_patients": true}).Expect(201).ID()
		start := time.Now().UTC().Add(24 * time.Hour).Truncate(time.Hour)
		day := start.Format(time.DateOnly)
		input := object{"patient": patient, "type": kind, "from_on": day, "to_on": day}
		offer := object{"doctor": doctor, "starts_at": start.Format(time.RFC3339)}
		add := func(t *testing.T) string {
			t.Helper()
			return person.ForTest(t).Do("POST", waitingList, input).Expect(201).Header.Get("Location")
		}
		read := func(t *testing.T, at string) object {
			t.Helper()
			return keeper.ForTest(t).Do("GET", at, nil).Expect(200).Object()
		}
		appointment := func(entry object) string { return "/api/appointments/" + entry["appointment"].(string) + "/" }

		t.Run("shows the entry to the patient and to the keeper", func(t *testing.T) {
			at := add(t)
			shown := read(t, at)
			require.Equal(t, object{
				"id": shown["id"], "patient": patient, "patient_name": shown["patient_name"], "doctor": nil,
				"doctor_name": nil, "type": kind, "type_name": "Consultation", "from_on": day, "to_on": day,
				"part_of_day": "any", "state": "waiting", "appointment": nil, "offered_until": nil,
				"created_by": person.UserID(), "created_at": shown["created_at"], "updated_at": shown["updated_at"],
			}, shown)
			for _, c := range []*harness.Client{keeper.ForTest(t), person.ForTest(t)} {
				require.Equal(t, []object{shown}, c.Do("GET", waitingList, nil).Expect(200).List())
				require.Equal(t, []object{shown}, c.Do("GET", waitingList+"?state=waiting", nil).Expect(200).List())
			}
			require.Empty(t, stranger.ForTest(t).Do("GET", waitingList+"?patient="+patient, nil).Expect(200).List())
			stranger.ForTest(t).Do("GET", at, nil).Expect(404)
			stranger.ForTest(t).Do("POST", at+"offer/", offer).Expect(404)
			person.ForTest(t).Do("DELETE", at, nil, "If-Match", `"v2"`).Expect(412)
			person.ForTest(t).Do("DELETE", at, nil, "If-Match", `"v1"`).Expect(204)
			require.Equal(t, "left", read(t, at)["state"])
			person.ForTest(t).Do("DELETE", at, nil).ExpectProblem(409, "not_waiting")
		})
		t.Run("rejects all invalid fields at once", func(t *testing.T) {
			invalid := object{"patient": "x", "type": "x", "doctor": "x", "from_on": day, "to_on": "2000-01-01",
				"part_of_day": "night"}
			a := keeper.ForTest(t).Do("POST", waitingList, invalid).Expect(400)
			for _, field := range []string{"patient", "type", "doctor", "to_on", "part_of_day"} {
				require.Contains(t, a.Object()["errors"], field)
			}
			past := object{"patient": patient, "type": kind, "from_on": "2000-01-01", "to_on": "2000-01-02"}
			keeper.ForTest(t).Do("POST", waitingList, past).Expect(400)
			keeper.ForTest(t).Do("GET", waitingList+"?fits="+harness.MissingID, nil).Expect(404)
			keeper.ForTest(t).Do("POST", waitingList,
				object{"patient": harness.MissingID, "type": kind, "from_on": day, "to_on": day}).Expect(404)
		})
		t.Run("an offer is a reservation that the patient confirms", func(t *testing.T) {
			at := add(t)
			person.ForTest(t).Do("POST", at+"offer/", offer).Expect(403)
			offered := keeper.ForTest(t).Do("POST", at+"offer/", offer).Expect(200).Object()
			require.Equal(t, "offered", offered["state"])
			require.Equal(t, offered, read(t, at))
			keeper.ForTest(t).Do("POST", at+"offer/", offer).ExpectProblem(409, "not_waiting")
			hold := person.ForTest(t).Do("GET", appointment(offered), nil).Expect(200).Object()
			require.Equal(t, "held", hold["status"])
			require.Equal(t, offered["offered_until"], hold["expires_at"])
			person.ForTest(t).Do("POST", appointment(offered)+"confirm/", nil).Expect(200)
			booked := read(t, at)
			require.Equal(t, "booked", booked["state"])
			require.Equal(t, offered["appointment"], booked["appointment"])
			person.ForTest(t).Do("DELETE", at, nil).ExpectProblem(409, "not_waiting")

			other := add(t)
			taken := keeper.ForTest(t).Do("POST", other+"offer/", offer).Expect(409).Object()
			require.Equal(t, "slot_taken", taken["code"])
			require.Len(t, taken["conflicts"], 2, "of the doctor and of the patient")
			require.Len(t, taken["next_free"], 3)
			fits := waitingList + "?fits=" + booked["appointment"].(string)
			require.Len(t, keeper.ForTest(t).Do("GET", fits, nil).Expect(200).List(), 1)
			person.ForTest(t).Do("POST", appointment(booked)+"cancel/", object{}).Expect(200)
			again := keeper.ForTest(t).Do("POST", other+"offer/", offer).Expect(200).Object()
			person.ForTest(t).Do("DELETE", other, nil).Expect(204)
			require.Equal(t, "cancelled", read(t, appointment(again))["status"])
		})
	})
}
