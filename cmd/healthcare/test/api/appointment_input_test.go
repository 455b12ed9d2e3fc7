package api

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
)

// requireFieldError requires a response that rejects one field with the message.
func requireFieldError(t *testing.T, got harness.Response, field, message string) {
	t.Helper()
	problem := got.ExpectProblem(400, "validation_failed")
	require.Len(t, problem.Errors, 1)
	require.Contains(t, problem.Errors[field], message)
}

func TestDatesOfAppointmentInput(t *testing.T) {
	t.Parallel()
	const outside = "Must be a date from 1900-01-01 to 9998-12-31."
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		admin := w.admin.ForTest(t)
		doctor, patient := w.doctor(admin), admin.AddPatient()
		at, slots := doctorAt(doctor), "/api/slots/?type="+w.of+"&doctor="+doctor
		window := func(member, date string) object {
			return object{"windows": []object{{"weekday": "monday", "from": "09:00", "to": "17:00", member: date}}}
		}
		for _, date := range []string{"0000-01-01", "0001-01-01", "1899-12-31", "9999-01-01", "9999-12-31"} {
			t.Run("rejects "+date, func(t *testing.T) {
				c := w.admin.ForTest(t)
				requireFieldError(t, c.Do("GET", slots+"&from="+date, nil), "from", outside)
				requireFieldError(t, c.Do("GET", slots+"&to="+date, nil), "to", outside)
				for _, collection := range []string{at + "exceptions/", "/api/holidays/"} {
					requireFieldError(t, c.Do("GET", collection+"?from="+date, nil), "from", outside)
					closed := object{"starts_on": date, "kind": "closed"}
					requireFieldError(t, c.Do("POST", collection, closed), "starts_on", outside)
					closed = object{"starts_on": "2099-12-24", "ends_on": date, "kind": "closed"}
					requireFieldError(t, c.Do("POST", collection, closed), "ends_on", outside)
				}
				for _, member := range []string{"valid_from", "valid_to"} {
					got := c.Do("PUT", at+"availability/", window(member, date))
					requireFieldError(t, got, "windows[0]."+member, outside)
				}
				for _, member := range []string{"from_on", "to_on"} {
					entry := object{"patient": patient, "type": w.of, "from_on": "2099-12-01", "to_on": "2099-12-31"}
					entry[member] = date
					requireFieldError(t, c.Do("POST", waitingList, entry), member, outside)
				}
			})
		}
		for _, date := range []string{"1900-01-01", "9998-12-31"} {
			t.Run("accepts "+date, func(t *testing.T) {
				c := w.admin.ForTest(t)
				c.Do("GET", slots+"&from="+date, nil).Expect(200)
				c.Do("GET", slots+"&from="+date+"&to="+date, nil).Expect(200)
				for _, collection := range []string{at + "exceptions/", "/api/holidays/"} {
					c.Do("GET", collection+"?from="+date, nil).Expect(200)
				}
				for _, member := range []string{"valid_from", "valid_to"} {
					c.Do("PUT", at+"availability/", window(member, date)).Expect(200)
				}
			})
		}
		last := object{"starts_on": "9998-12-31", "kind": "closed"}
		for _, collection := range []string{at + "exceptions/", "/api/holidays/"} {
			id := admin.Do("POST", collection, last).Expect(201).ID()
			admin.Do("GET", collection+id+"/", nil).Expect(200)
		}
		admin.Do("POST", waitingList, object{
			"patient": patient, "type": w.of, "from_on": "9998-12-31", "to_on": "9998-12-31",
		}).Expect(201)
		asking := s.NewUserWithRole(t, patients.Role, "Asking")
		require.Len(t, asking.Do("GET", "/api/holidays/", nil).Expect(200).List(), 1)
	})
}

func TestStartsOfAppointmentInput(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		admin := w.admin.ForTest(t)
		doctor, patient := w.doctor(admin), admin.AddPatient()
		first := admin.Do("POST", booked, w.booking(patient, doctor, w.of, w.start())).Expect(201).ID()
		entry := admin.Do("POST", waitingList, object{
			"patient": patient, "type": w.of, "from_on": "2099-12-01", "to_on": "2099-12-31",
		}).Expect(201).ID()
		// each sends a start to every operation that reads one.
		each := func(t *testing.T, start string, require func(got harness.Response)) {
			t.Helper()
			c := w.admin.ForTest(t)
			at := func(members object) object {
				body := object{"patient": patient, "doctor": doctor, "type": w.of, "starts_at": start}
				body["overbook_reason"] = "A typing error."
				maps.Copy(body, members)
				return body
			}
			require(c.Do("POST", booked, at(nil)))
			require(c.Do("POST", booked+"conflicts/", at(nil)))
			require(c.Do("POST", "/api/appointment-series/",
				at(object{"frequency": "monthly", "interval": 4, "count": 52})))
			moved := object{"starts_at": start, "overbook_reason": "A typing error."}
			require(c.Do("POST", appointmentAt(first)+"reschedule/", moved))
			require(c.Do("POST", waitingList+entry+"/offer/", object{"doctor": doctor, "starts_at": start}))
		}
		for _, start := range []string{"1999-12-31T23:45:00Z", "9999-12-31T23:45:00Z", "9900-12-31T23:45:00-01:00"} {
			t.Run("names the years for "+start, func(t *testing.T) {
				each(t, start, func(got harness.Response) {
					requireFieldError(t, got, "starts_at", "Must be in the years 2000 to 9900, in UTC.")
				})
			})
		}
		tooFar := time.Now().UTC().Truncate(time.Minute).AddDate(100, 0, 1).Format(time.RFC3339)
		for _, start := range []string{tooFar, "2990-12-01T09:30:00Z", "9900-12-31T23:45:00Z", "9900-10-31T09:30:00Z"} {
			t.Run("is outside of the booking window at "+start, func(t *testing.T) {
				each(t, start, func(got harness.Response) {
					require.Equal(t, 409, got.Status, "%s", got.Body)
					require.Contains(t, []any{"outside_booking_window", "series_conflicts"}, got.Object()["code"])
					require.Contains(t, string(got.Body), "outside_booking_window")
				})
			})
		}
		require.Len(t, admin.Do("GET", booked, nil).Expect(200).List(), 1, "nothing is booked")
		admin.Do("POST", appointmentAt(first)+"cancel/", object{}).Expect(200)
		admin.Do("DELETE", doctorAt(doctor), nil).Expect(204)
	})
}

func TestHoldMinutesOfAppointmentInput(t *testing.T) {
	t.Parallel()
	const outside = "Must be between 1 and 15."
	const contradiction = "May not be false with hold_minutes, which reserve the time."
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		admin := w.admin.ForTest(t)
		doctor, patient := w.doctor(admin), admin.AddPatient()
		admin.Undocumented = true // minutes outside of the bounds
		send := func(path string, hold, minutes any) harness.Response {
			body := w.booking(patient, doctor, w.of, w.start())
			body["hold"], body["hold_minutes"] = hold, minutes
			return admin.Do("POST", path, body)
		}
		for _, path := range []string{booked, booked + "conflicts/"} {
			for _, minutes := range []int{-1, 0, 16, 31} {
				for _, hold := range []any{nil, true} {
					requireFieldError(t, send(path, hold, minutes), "hold_minutes", outside)
				}
				errors := send(path, false, minutes).ExpectProblem(400, "validation_failed").Errors
				require.Len(t, errors, 2)
				require.Contains(t, errors["hold_minutes"], outside)
				require.Contains(t, errors["hold"], contradiction)
			}
			for _, minutes := range []int{1, 5, 15} {
				requireFieldError(t, send(path, false, minutes), "hold", contradiction)
			}
		}
		require.Empty(t, admin.Do("GET", booked, nil).Expect(200).List(), "nothing is booked")
		for _, c := range []struct {
			hold, minutes any
			want          string
		}{
			{nil, nil, "booked"}, {false, nil, "booked"}, {true, nil, "held"}, {nil, 15, "held"}, {true, 1, "held"},
		} {
			require.Equal(t, c.want, send(booked, c.hold, c.minutes).Expect(201).Object()["status"], "%v", c)
		}
	})
}

func TestZeroIDsOfAppointmentInput(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		admin := w.admin.ForTest(t)
		doctor, patient := w.doctor(admin), admin.AddPatient()
		first := admin.Do("POST", booked, w.booking(patient, doctor, w.of, w.start())).Expect(201).ID()
		entry := admin.Do("POST", waitingList, object{
			"patient": patient, "type": w.of, "from_on": "2099-12-01", "to_on": "2099-12-31",
		}).Expect(201).ID()
		hours := admin.Do("GET", doctorAt(doctor)+"availability/", nil).Expect(200).Object()
		start := w.start().Format(time.RFC3339)
		with := func(body object, member, id string) object {
			body = maps.Clone(body)
			body[member] = id
			return body
		}
		booking := w.booking(patient, doctor, w.of, w.start())
		series := with(with(booking, "frequency", "daily"), "on_conflict", "fail")
		series["count"] = 2
		move, offer := object{"starts_at": start}, object{"starts_at": start, "doctor": doctor}
		waiting := object{"patient": patient, "type": w.of, "from_on": "2099-12-01", "to_on": "2099-12-31"}
		// send sends an id of no record in each place that names one.
		send := func(id string) (all []harness.Response) {
			do := func(method, path string, body any) {
				all = append(all, w.admin.ForTest(t).Do(method, path, body))
			}
			window := object{"weekday": "monday", "from": "09:00", "to": "17:00", "type": id}
			do("PUT", doctorAt(doctor)+"availability/", object{"windows": []object{window}})
			for _, member := range []string{"patient", "doctor", "type"} {
				do("POST", booked, with(booking, member, id))
				do("POST", booked+"conflicts/", with(booking, member, id))
				do("POST", "/api/appointment-series/", with(series, member, id))
				do("POST", waitingList, with(waiting, member, id))
			}
			for _, member := range []string{"doctor", "type"} {
				do("POST", appointmentAt(first)+"reschedule/", with(move, member, id))
			}
			do("POST", waitingList+entry+"/offer/", with(offer, "doctor", id))
			for _, path := range []string{
				appointmentAt(id), "/api/appointment-series/" + id + "/", waitingList + id + "/",
				"/api/holidays/" + id + "/", "/api/appointment-types/" + id + "/", doctorAt(id) + "availability/",
				doctorAt(id) + "exceptions/", doctorAt(doctor) + "exceptions/" + id + "/",
				doctorAt(id) + "calendar-feeds/", booked + "?series=" + id, booked + "?doctor=" + id,
				booked + "?patient=" + id, waitingList + "?patient=" + id, waitingList + "?fits=" + id,
				"/api/slots/?type=" + id, "/api/slots/?type=" + w.of + "&doctor=" + id,
				"/api/slots/?type=" + w.of + "&patient=" + id,
			} {
				do("GET", path, nil)
			}
			return all
		}
		zero, missing := send(uuid.Nil.String()), send(harness.MissingID)
		for i := range missing {
			got := strings.ReplaceAll(withoutTime(zero[i]), uuid.Nil.String(), harness.MissingID)
			require.Equal(t, withoutTime(missing[i]), got, "request %d", i)
		}
		require.Equal(t, hours, admin.Do("GET", doctorAt(doctor)+"availability/", nil).Expect(200).Object())
		require.Len(t, admin.Do("GET", waitingList, nil).Expect(200).List(), 1)
		require.Len(t, admin.Do("GET", booked, nil).Expect(200).List(), 1)
	})
}

func TestTimeZonesOfAppointmentInput(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		w := newCalendar(t, s)
		admin := w.admin.ForTest(t)
		doctor := w.doctor(admin)
		slots, hours := "/api/slots/?type="+w.of+"&doctor="+doctor+"&tz=", doctorAt(doctor)+"availability/"
		for _, zone := range []string{
			"Europe/Atlantis", "Local", "localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/UTC",
			"Europe//Berlin",
		} {
			got := admin.Do("GET", slots+zone, nil)
			requireFieldError(t, got, "tz", "Must be an IANA time zone, such as Asia/Kolkata.")
			got = admin.Do("PUT", hours, object{"time_zone": zone, "windows": []object{}})
			requireFieldError(t, got, "time_zone", "Must be a time zone of the IANA database, such as Europe/Berlin.")
		}
		for _, zone := range []string{"UTC", "Asia/Kolkata", "America/Argentina/Buenos_Aires"} {
			require.Equal(t, zone, admin.Do("GET", slots+zone, nil).Expect(200).Object()["time_zone"])
			shown := admin.Do("PUT", hours, object{"time_zone": zone, "windows": []object{}}).Expect(200).Object()
			require.Equal(t, zone, shown["time_zone"])
		}
	})
}
