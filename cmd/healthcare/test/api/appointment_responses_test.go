package api

import (
	"fmt"
	"testing"
	"time"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// reachAppointments requests the responses about appointments, series, the waiting list and free times.
func reachAppointments(t *testing.T, s *harness.Service) {
	t.Helper()
	w := newCalendar(t, s)
	c := s.NewUserWithRole(t, auth.Admin, "Booking")
	patient, doctor, turn := c.AddPatient(), w.doctor(c), 0
	next := func() string { turn++; return harness.Tomorrow(4*time.Hour + time.Duration(turn)*30*time.Minute) }
	booking := func(patient string) object {
		return object{"patient": patient, "doctor": doctor, "type": w.of, "starts_at": next()}
	}
	waiting := func(patient string) object {
		return object{"patient": patient, "type": w.of, "from_on": "2099-12-01", "to_on": "2099-12-31"}
	}
	series := func(patient string) object {
		body := booking(patient)
		body["frequency"], body["count"] = "weekly", 2
		return body
	}
	for path, input := range map[string]func(string) object{
		booked: booking, booked + "conflicts/": booking, "/api/appointment-series/": series,
		"/api/waiting-list/": waiting,
	} {
		removed := c.AddPatient()
		body := input(removed)
		c.Do("POST", path, body, "Idempotency-Key", "k")
		if path != booked+"conflicts/" { // stores nothing
			c.Do("POST", path, object{}, "Idempotency-Key", "k").Expect(422)
		}
		c.Do("POST", path, object{}).Expect(400)
		c.Do("POST", path, input(harness.MissingID)).Expect(404)
		c.Do("DELETE", "/api/patients/"+removed+"/", nil)
		c.Do("POST", path, body, "Idempotency-Key", "k")
		late := input(patient)
		late["starts_at"], late["doctor"] = "2099-12-01T09:30:00Z", c.AddDoctor()
		delete(late, "from_on")
		c.Do("POST", path, late)
		reachReads(c, path)
	}
	for _, action := range []string{"confirm", "reschedule", "cancel", "arrive", "complete", "no-show", "void"} {
		path := func(id string) string { return appointmentAt(id) + action + "/" }
		change := func() object {
			if action == "reschedule" {
				return object{"starts_at": next()}
			}
			return object{}
		}
		reach := func(patient string, key string) string {
			body := booking(patient)
			if action == "confirm" {
				body["hold"] = true
			}
			id := c.Do("POST", booked, body).Expect(201).ID()
			if action == "arrive" || action == "complete" || action == "no-show" {
				body["starts_at"], body["overbook_reason"] = pastTime(turn), "Urgent"
				id = c.Do("POST", booked, body).Expect(201).ID()
			}
			if action == "complete" {
				c.Do("POST", appointmentAt(id)+"arrive/", nil).Expect(200)
			}
			c.Do("POST", path(id), change(), "If-Match", `"v9"`)
			first := change()
			c.Do("POST", path(id), first, "Idempotency-Key", key).Expect(200)
			c.Do("POST", path(id), "{") // 400 where a body is read
			c.Do("POST", path(id), object{"x": 1}, "Idempotency-Key", key)
			c.Do("POST", path(id), change(), "Idempotency-Key", key)
			c.Do("POST", appointmentAt(id)+"cancel/", object{})
			c.Do("POST", path(id), change())
			c.Do("DELETE", "/api/patients/"+patient+"/", nil)
			c.Do("POST", path(id), first, "Idempotency-Key", key)
			return id
		}
		reach(c.AddPatient(), "of-"+action)
		c.Do("POST", path(harness.MissingID), change()).Expect(404)
	}
	one := c.Do("POST", booked, booking(patient)).Expect(201).ID()
	for _, id := range []string{one, harness.MissingID} {
		c.Do("GET", appointmentAt(id), nil)
		c.Do("GET", appointmentAt(id), nil, "If-None-Match", "*")
		c.Do("GET", appointmentAt(id)+"invitation.ics", nil)
		c.Do("PATCH", appointmentAt(id), object{"reason": "Changed"})
		c.Do("PATCH", appointmentAt(id), object{"reason": "Changed"}, "If-Match", `"v99"`)
		c.Do("PATCH", appointmentAt(id), "{")
	}
	repeated := c.Do("POST", "/api/appointment-series/", series(patient)).Expect(201).ID()
	c.Do("GET", "/api/appointment-series/"+repeated+"/", nil).Expect(200)
	c.Do("GET", "/api/appointment-series/"+harness.MissingID+"/", nil).Expect(404)
	slots := "/api/slots/?type=" + w.of
	for _, doctor := range []string{doctor, harness.MissingID} {
		c.Do("GET", slots+"&doctor="+doctor, nil)
	}
	c.Do("GET", "/api/slots/?type="+harness.MissingID+"&doctor="+doctor, nil)
	c.Do("PATCH", "/api/appointment-types/"+w.confirms+"/", object{"active": false}).Expect(200)
	c.Do("GET", "/api/slots/?type="+w.confirms+"&doctor="+doctor, nil)
	reachWaitingList(c, waiting, func() object { return object{"doctor": doctor, "starts_at": next()} })
	reachFeeds(t, s, w)
}

// pastTime returns a time of today that has passed, other than those of other turns.
func pastTime(turn int) string {
	return time.Now().UTC().Truncate(time.Minute).Add(-time.Duration(turn) * time.Minute).Format(time.RFC3339)
}

func reachReads(c *harness.Client, collection string) {
	if collection == booked || collection == "/api/waiting-list/" {
		c.Do("GET", collection, nil).Expect(200)
		c.Do("GET", collection+"?fits="+harness.MissingID, nil)
	}
}

func reachWaitingList(c *harness.Client, waiting func(string) object, offer func() object) {
	patient, path := c.AddPatient(), "/api/waiting-list/"
	id := c.Do("POST", path, waiting(patient)).Expect(201).ID()
	for _, id := range []string{id, harness.MissingID} {
		c.Do("GET", path+id+"/", nil)
		c.Do("GET", path+id+"/", nil, "If-None-Match", "*")
		c.Do("POST", path+id+"/offer/", offer())
	}
	c.Do("POST", path+id+"/offer/", object{}).Expect(400)
	for range 50 { // as many as a patient may wait for
		if c.Do("POST", path, waiting(patient)).Status == 409 {
			break
		}
	}
	offered := c.AddPatient()
	to := path + c.Do("POST", path, waiting(offered)).Expect(201).ID() + "/offer/"
	body := offer()
	c.Do("POST", to, body, "If-Match", `"v9"`).Expect(412)
	c.Do("POST", to, body, "Idempotency-Key", "offered").Expect(200)
	c.Do("POST", to, offer(), "Idempotency-Key", "offered").Expect(422)
	c.Do("POST", to, offer()).Expect(409)
	c.Do("DELETE", "/api/patients/"+offered+"/", nil).Expect(204)
	c.Do("POST", to, body, "Idempotency-Key", "offered").Expect(410)
	left := c.Do("POST", path, waiting(c.AddPatient())).Expect(201).ID()
	c.Do("DELETE", path+left+"/", nil, "If-Match", `"v9"`)
	c.Do("DELETE", path+left+"/", nil).Expect(204)
	c.Do("DELETE", path+left+"/", nil).Expect(409)
	c.Do("DELETE", path+harness.MissingID+"/", nil).Expect(404)
}

func reachFeeds(t *testing.T, s *harness.Service, w *calendar) {
	t.Helper()
	doctor, _ := w.linked(t, "Fed")
	path := doctorAt(doctor) + "calendar-feeds/"
	feed := w.admin.Do("POST", path, object{"detail": "busy"}).Expect(201).Object()
	url := fmt.Sprint(feed["url"])
	for range 20 { // as many as a doctor may have
		if w.admin.Do("POST", path, object{"detail": "busy"}).Status == 409 {
			break
		}
	}
	w.admin.Do("POST", path, object{"detail": "all"}).Expect(400)
	w.admin.Do("GET", path, nil).Expect(200)
	anonymous := s.Anonymous(t)
	etag := anonymous.Do("GET", url, nil).Expect(200).Header.Get("ETag")
	anonymous.Do("GET", url, nil, "If-None-Match", etag).Expect(304)
	anonymous.Do("GET", "/calendar/nonsense.ics", nil).Expect(404)
	for range 60 { // as often as a feed may be read in an hour
		if anonymous.Do("GET", url, nil).Status == 429 {
			break
		}
	}
	w.admin.Do("DELETE", path+fmt.Sprint(feed["id"])+"/", nil).Expect(204)
	w.admin.Do("DELETE", path+fmt.Sprint(feed["id"])+"/", nil).Expect(404)
	for _, method := range []string{"GET", "POST"} {
		w.admin.Do(method, doctorAt(harness.MissingID)+"calendar-feeds/", object{"detail": "busy"}).Expect(404)
	}
}
