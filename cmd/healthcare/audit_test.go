package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// trail is what was recorded of the request of that id, in order.
func (s *service) trail(t *testing.T, request string) (entries []object) {
	t.Helper()
	require.NoError(t, s.db.Read(t.Context()).Table("audit_entries").Where("request_id = ?", request).Order("sequence").Find(&entries).Error)
	return entries
}

// touchesPatients says that the route shows or changes what belongs to patients.
func (r route) touchesPatients() bool {
	about, _ := r.op.Extensions["x-audit"].(string)
	return slices.Contains([]audit.Resource{audit.Patient, audit.Assignment}, audit.Resource(about))
}

// a route that touches patients' data and records nothing fails here by itself: every one that the contract has, answered with a success, with
// a 304, with the answer to an earlier request, with a 404 and with a 403.
func TestR40_WhatTouchesPatientDataIsRecorded(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c, ghost, requests, routes := s.as(t, auth.Admin, "Asha"), s.as(t, "ghost", "Ghost"), 0, 0
		recorded := func(r route, client *client, status int, at string, body any, headers ...string) {
			t.Helper()
			requests++
			a := client.do(r.method, at, body, headers...).is(status)
			entries := s.trail(t, a.header.Get("X-Request-Id"))
			require.NotEmpty(t, entries, "%s answered %d, and nobody will know", r, status)
			for _, entry := range entries {
				require.Equal(t, status == 404 || status == 403, entry["outcome"] == string(audit.Denied), "%v", entry)
				require.Equal(t, "127.0.0.1", entry["address"])
				require.NotEmpty(t, entry["actor_id"])
				require.NotContains(t, strings.ToLower(fmt.Sprint(entry)), "ananya", "never a value")
			}
		}
		known := c.known()
		for _, r := range s.routes() {
			if !r.touchesPatients() {
				continue
			}
			routes++
			known["patient"], known["doctor"] = c.addPatient(), c.addDoctor()
			id := r.id(known)
			if strings.Contains(r.path, "mappings/detail/") || r.method == "DELETE" && strings.Contains(r.path, "mappings") {
				id = c.assign(known["patient"].(string), known["doctor"].(string)).is(201).id()
			}
			success := map[string]int{"POST": 201, "DELETE": 204}[r.method]
			if success == 0 {
				success = 200
			}
			var body any
			if r.op.RequestBody != nil {
				body = r.body(known)
			}
			if r.method == "GET" && r.op.Extensions["x-versioned"] == true {
				recorded(r, c, 304, r.at(id), nil, "If-None-Match", "*")
			}
			recorded(r, ghost, 403, r.at(id), body)
			if r.takesID() {
				recorded(r, c, 404, r.at(missing), body)
			}
			recorded(r, c, success, r.at(id), body, "Idempotency-Key", "once")
			if slices.Contains(r.in("header"), "Idempotency-Key") {
				recorded(r, c, success, r.at(id), body, "Idempotency-Key", "once")
			}
		}
		require.GreaterOrEqual(t, routes, 12)
		t.Logf("%d requests to %d routes", requests, routes)
	})
}

// what cannot be recorded is not done and not shown; what touches no patient goes on.
func TestR42_TheTrailFailsClosed(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.as(t, auth.Staff, "Asha")
		patient := c.addPatient()
		path := "/api/patients/" + patient + "/"
		rename := func(from, to string) {
			require.NoError(t, s.db.Write(t.Context()).Exec("ALTER TABLE "+from+" RENAME TO "+to).Error)
		}
		before := s.stored(t)
		rename("audit_entries", "audit_entries_away")
		for _, request := range []struct {
			method, path string
			body         any
		}{
			{"GET", path, nil}, {"GET", "/api/patients/", nil}, {"GET", "/api/mappings/", nil}, {"GET", "/api/mappings/" + patient + "/", nil},
			{"GET", "/api/patients/" + missing, nil}, {"POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}},
			{"PATCH", path, object{"name": "B"}}, {"DELETE", path, nil},
			{"POST", "/api/auth/login/", object{"email": c.email(), "password": password}},
		} {
			a := c.do(request.method, request.path, request.body)
			require.Equal(t, 503, a.status, "%s %s: %s", request.method, request.path, a.raw)
			require.NotEmpty(t, a.header.Get("Retry-After"))
			require.NotContains(t, strings.ToLower(string(a.raw)), "ananya")
		}
		c.do("GET", "/livez", nil).is(200)
		c.do("GET", "/api/doctors/", nil).is(200)
		s.client(t).do("POST", "/api/auth/login/", object{"email": c.email(), "password": "wrong"}).problem(401, "invalid_credentials")
		s.client(t).do("GET", path, nil).is(401)
		rename("audit_entries_away", "audit_entries")
		after := s.stored(t)
		for _, table := range []string{"patients", "assignments", "sessions", "users"} {
			require.Equal(t, before[table], after[table], table)
		}
		c.do("GET", path, nil).is(200)
	})
}

// the trail has no room for what a patient is called, or has.
func TestR44_NoValueOfAPatientIsInTheTrail(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.as(t, auth.Staff, "Asha")
		secret := object{
			"name": "Zyxcanary A", "phone": "7391648", "notes": "zyxcanary", "address": "zyxcanary", "email": "zyxcanary@home.example",
			"medical_record_number": "zyxcanary",
		}
		patient := c.addPatient(secret)
		c.do("PATCH", "/api/patients/"+patient, object{"notes": "zyxcanary again", "phone": "73916480"}).is(200)
		c.do("GET", "/api/patients/?search=zyxcanary", nil).is(200)
		c.do("GET", "/api/patients/zyxcanary", nil).is(404)
		c.do("DELETE", "/api/patients/"+patient, nil).is(204)
		var updated []object
		var entries []object
		require.NoError(t, s.db.Read(t.Context()).Table("audit_entries").Find(&entries).Error)
		require.NotEmpty(t, entries)
		for _, entry := range entries {
			for _, canary := range []string{"zyxcanary", "7391648", password} {
				require.NotContains(t, strings.ToLower(fmt.Sprint(entry)), canary)
			}
			if entry["action"] == "update" {
				updated = append(updated, object{"fields": entry["fields"]})
			}
		}
		require.Len(t, updated, 1)
		require.Contains(t, fmt.Sprint(updated[0]), "notes")
		require.Contains(t, fmt.Sprint(updated[0]), "phone", "the names of what changed")
	})
}
