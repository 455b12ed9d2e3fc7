package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// Every response that the modules describe is sent at least once. The tests of platform/httpserver cover the responses
// that the server adds to every operation.
func TestEveryDescribedResponseIsSent(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, anonymous := s.NewUser(t, "Asha"), s.Anonymous(t)
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
		patient := object{"name": "A", "age": 1, "gender": "Other", "medical_record_number": "M"}
		doctor := object{"name": "A", "specialization": "B", "experience": 1, "license_number": "L"}

		login := object{"email": "asha@clinic.example", "password": "correct horse"}
		revised := s.NewUser(t, "Conditional")
		reachConditions(revised)
		anonymous.Do("POST", "/api/auth/register/",
			object{"name": "A", "email": "asha@clinic.example", "password": "correct horse"})
		refresh := anonymous.Do("POST", "/api/auth/login/", login).Object()["refresh"]
		anonymous.Do("POST", "/api/auth/login/", object{"email": "a@b.example", "password": "x"})
		for range 2 {
			anonymous.Do("POST", "/api/auth/refresh/", object{"refresh": refresh})
		}
		anonymous.Do("POST", "/api/auth/refresh/", object{"refresh": "nonsense"})
		for _, path := range []string{"register", "login", "refresh"} {
			anonymous.Do("POST", "/api/auth/"+path+"/", object{})
		}

		patientID := c.Do("POST", "/api/patients/", patient).ID()
		doctorID := c.Do("POST", "/api/doctors/", doctor).ID()
		otherPatient, otherDoctor := c.AddPatient(), c.AddDoctor()
		assignmentID := c.Assign(patientID, doctorID).ID()
		c.Assign(patientID, doctorID)
		c.Assign(missing, doctorID)
		c.Do("POST", "/api/mappings/", object{})
		for _, one := range []struct {
			collection, id, rival string
			body                  object
		}{{"/api/patients/", patientID, otherPatient, patient}, {"/api/doctors/", doctorID, otherDoctor, doctor}} {
			c.Do("GET", one.collection, nil)
			c.Do("POST", one.collection, one.body) // 409
			c.Do("POST", one.collection, object{})
			for _, id := range []string{one.id, one.rival, missing} { // 200, 409, 404
				c.Do("GET", one.collection+id+"/", nil)
				c.Do("PUT", one.collection+id+"/", one.body)
				c.Do("PATCH", one.collection+id+"/", one.body)
			}
			c.Do("PUT", one.collection+one.id+"/", object{})
			c.Do("PATCH", one.collection+one.id+"/", object{"name": ""})
		}
		for _, id := range []string{patientID, missing} {
			c.Do("GET", "/api/mappings/"+id+"/", nil)
			c.Do("GET", "/api/mappings/patient/"+id+"/", nil)
		}
		c.Do("GET", "/api/mappings/", nil)
		for _, id := range []string{assignmentID, missing} {
			c.Do("PATCH", "/api/mappings/"+id+"/", object{"access": "write"})
			c.Do("PATCH", "/api/mappings/"+id+"/", object{"access": "all"})
			c.Do("GET", "/api/mappings/detail/"+id+"/", nil)
			c.Do("DELETE", "/api/mappings/"+id+"/", nil)
		}
		for _, id := range []string{patientID, missing} {
			c.Do("GET", "/api/patients/"+id+"/access-log/", nil)
		}
		s.NewUserWithRole(t, "auditor", "Uma").Do("GET", "/api/audit/", nil).Expect(200)
		for _, path := range []string{"/api/patients/" + patientID, "/api/doctors/" + doctorID} {
			c.Do("DELETE", path, nil)
			c.Do("DELETE", path, nil)
		}
		for _, path := range []string{"/livez", "/readyz", "/metrics", "/openapi.json", "/problems/not_found",
			"/problems/nonsense", "/docs/", "/docs/docs.js", "/docs/nonsense"} {
			status := map[bool]int{true: 404, false: 200}[strings.HasSuffix(path, "nonsense")]
			anonymous.Do("GET", path, nil).Expect(status)
		}
		for _, path := range []string{"/openapi.json", "/docs/", "/docs/docs.js"} {
			anonymous.Do("GET", path, nil, "If-None-Match", "*").Expect(304)
		}
		anonymous.Do("GET", "/metrics", nil, "X-Forwarded-For", "192.0.2.1").Expect(404)
		reachLinks(t, s)
		reachClaims(t, s)
		reachPractices(t, s)
		reachDeputies(t, s)
		reachCorrections(t, s)
		reachAccess(t, s)
		reachTransfers(t, s)
		callAllWithoutToken(t, s)
		reachAccounts(t, s)
		reachJobs(t, s)
		reachAddedModules(t, s)
		reachOpeningHours(t, s)
		reachAppointments(t, s)
		reachNotifications(t, s)

		// These are reached in TestRequireVerifiedEmail, TestRequestsForMailAreLimited and their modules' own tests.
		limited := map[string]bool{
			"claimDoctor 403": true, "requestPasswordReset 429": true, "requestEmailVerification 429": true,
			"confirmPasswordReset 429": true, "confirmEmailVerification 429": true,
		}
		for _, create := range s.PlainCreators() {
			limited[create.Operation.OperationID+" 409"] = true
		}
		var unreached []string
		for _, item := range s.Document.Paths.Map() {
			for _, op := range item.Operations() {
				for status := range op.Responses.Map() {
					serversOwn := slices.Contains([]string{"428", "503", "default"}, status) ||
						// TestRegistrationClosed, TestRegistrationsOfANetworkAreLimited
						status == "400" && op.RequestBody == nil || op.OperationID == "register" &&
						(status == "403" || status == "429")
					key := fmt.Sprintf("%s %s", op.OperationID, status)
					if _, reached := s.Answered.Load(key); !reached && !serversOwn && !limited[key] {
						unreached = append(unreached, key)
					}
				}
			}
		}
		slices.Sort(unreached)
		require.Empty(t, unreached)
	}, func(cfg *config.Config) { cfg.SignInFreeAttempts = 5 })
}

// reachLinks requests the responses about links of doctors' records to accounts.
func reachLinks(t *testing.T, s *harness.Service) {
	admin, user := s.NewUserWithRole(t, auth.Admin, "Inviting"), s.NewUser(t, "Invited")
	one, other := admin.AddDoctor(), admin.AddDoctor()
	claim := func(code any) harness.Response { return user.Do("POST", doctorClaims, object{"code": code}) }
	user.Do("POST", doctorClaims, object{"code": 1}).Expect(400)
	claim("x").Expect(404)
	invitation := admin.InviteDoctor(one)
	at := doctorAt(one) + "invitations/" + invitation["id"].(string) + "/"
	admin.Do("DELETE", at, nil).Expect(204)
	admin.Do("DELETE", at, nil).Expect(404)
	claim(admin.InviteDoctor(one)["code"]).Expect(201)
	claim(admin.InviteDoctor(other)["code"]).Expect(409)
	admin.Do("POST", doctorAt(one)+"invitations/", nil).Expect(409)
	admin.Do("POST", doctorAt(harness.MissingID)+"invitations/", nil).Expect(404)
	admin.Do("DELETE", doctorAt(one)+"link/", nil).Expect(204)
	admin.Do("DELETE", doctorAt(one)+"link/", nil).Expect(404)
	admin.SetRole(auth.Staff) // so that reachAccounts has the last administrator
}

// reachPractices requests the responses about practices, their members and invitations.
func reachPractices(t *testing.T, s *harness.Service) {
	manager, member := s.NewUser(t, "Manager"), s.NewUser(t, "Member")
	practice := manager.AddPractice()
	at, missing := practiceAt(practice), practiceAt(harness.MissingID)
	manager.Do("POST", "/api/practices/", object{}).Expect(400)
	shared := "/api/patients/" + manager.AddPatient() + "/practices/"
	manager.Do("PUT", shared+practice+"/", nil).Expect(204)
	manager.Do("PUT", shared+harness.MissingID+"/", nil).Expect(404)
	manager.Do("GET", "/api/practices/", nil).Expect(200)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil}, {"PATCH", "", object{"name": "A"}}, {"POST", "invitations/", object{"level": "read"}},
		{"GET", "members/", nil}, {"PUT", "members/" + member.UserID() + "/", object{"level": "read"}},
		{"DELETE", "members/" + member.UserID() + "/", nil}, {"DELETE", "invitations/" + member.UserID() + "/", nil},
	} {
		manager.Do(c.method, missing+c.path, c.body).Expect(404)
		if c.body != nil {
			manager.Do(c.method, at+c.path, object{"level": "all", "name": ""}).Expect(400)
		}
	}
	manager.Do("GET", at, nil).Expect(200)
	manager.Do("PATCH", at, object{"name": "B"}).Expect(200)
	manager.Do("DELETE", at+"invitations/"+manager.InviteMember(practice, "read")["id"].(string)+"/", nil).Expect(204)
	claim := func(c *harness.Client, code any) harness.Response {
		return c.Do("POST", practiceClaims, object{"code": code})
	}
	claim(member, 1).Expect(400)
	claim(member, "x").Expect(404)
	code := manager.InviteMember(practice, "read")["code"]
	claim(manager, code).Expect(409)
	claim(member, code).Expect(201)
	manager.Do("GET", at+"members/", nil).Expect(200)
	self, other := at+"members/"+manager.UserID()+"/", at+"members/"+member.UserID()+"/"
	manager.Do("PUT", self, object{"level": "read"}).Expect(409)
	manager.Do("DELETE", self, nil).Expect(409)
	manager.Do("PUT", other, object{"level": "write"}).Expect(200)
	manager.Do("DELETE", other, nil).Expect(204)
	for range 20 {
		manager.InviteMember(practice, "read")
	}
	manager.Do("POST", at+"invitations/", object{"level": "read"}).Expect(409)
	create := func(name, key string) harness.Response {
		return member.Do("POST", "/api/practices/", object{"name": name}, "Idempotency-Key", key)
	}
	left := create("A", "gone").Expect(201).ID()
	member.Do("DELETE", practiceAt(left)+"members/"+member.UserID()+"/", nil).Expect(204)
	create("A", "gone").Expect(410)
	for i := range auth.MaxCapacities {
		create("A", fmt.Sprint(i)).Expect(201)
	}
	create("B", "0").Expect(422)
	create("A", "more").Expect(409)
}

// reachDeputies requests the responses about deputies.
func reachDeputies(t *testing.T, s *harness.Service) {
	colleague, deputy := s.NewUser(t, "Colleague"), s.NewUser(t, "Deputy")
	claim := func(c *harness.Client, code any) harness.Response {
		return c.Do("POST", deputyClaims, object{"code": code})
	}
	claim(deputy, 1).Expect(400)
	claim(deputy, "x").Expect(404)
	code := colleague.InviteDeputy("read")["code"]
	claim(colleague, code).Expect(409)
	claim(deputy, code).Expect(201)
	colleague.Do("GET", deputies, nil).Expect(200)
	colleague.Do("DELETE", deputies+deputy.UserID()+"/", nil).Expect(204)
	colleague.Do("DELETE", deputies+deputy.UserID()+"/", nil).Expect(404)
	colleague.Do("POST", deputies, object{"level": "keep"}).Expect(400)
	var last object
	for range 10 {
		last = colleague.InviteDeputy("write")
	}
	colleague.Do("POST", deputies, object{"level": "read", "until": last["until"]}).Expect(409)
}

// reachClaims requests the responses about invitations of patients and the grants that come of them.
func reachClaims(t *testing.T, s *harness.Service) {
	keeper, person := s.NewUser(t, "Inviter"), s.NewUser(t, "Person")
	patient := keeper.AddPatient()
	at := "/api/patients/" + patient + "/"
	keeper.Do("POST", at+"invitations/", object{"as": "friend"}).Expect(400)
	keeper.Do("POST", "/api/patients/"+harness.MissingID+"/invitations/", object{"as": "self"}).Expect(404)
	keeper.Do("GET", "/api/patients/"+harness.MissingID+"/invitations/", nil).Expect(404)
	invited := keeper.Invite(patient)
	person.Do("POST", claims, object{}).Expect(400)
	claim(person, object{"code": "x"}, nil).Expect(404)
	claim(keeper, invited, nil).Expect(409)
	grant := at + "grants/" + claim(person, invited, nil).Expect(201).ID() + "/"
	keeper.Do("DELETE", grant, nil).Expect(204)
	keeper.Do("DELETE", grant, nil).Expect(404)
	care := keeper.Assign(patient, keeper.AddDoctor()).Expect(201).ID()
	keeper.Do("DELETE", at+"grants/"+care+"/", nil).Expect(409)
	withdrawn := at + "invitations/" + keeper.Invite(patient)["id"].(string) + "/"
	keeper.Do("DELETE", withdrawn, nil).Expect(204)
	keeper.Do("DELETE", withdrawn, nil).Expect(404)
	for range 10 {
		keeper.Invite(patient)
	}
	keeper.Do("POST", at+"invitations/", object{"as": "self"}).Expect(409)
	keeper.Do("GET", at+"invitations/", nil).Expect(200)
}

// reachCorrections requests the responses about corrections of patients.
func reachCorrections(t *testing.T, s *harness.Service) {
	keeper, person := s.NewUser(t, "Corrected"), s.NewUser(t, "Correcting")
	patient, removed := keeper.AddPatient(), keeper.AddPatient()
	all, missing := correctionsOf(patient), correctionsOf(harness.MissingID)
	for _, one := range []string{patient, removed} {
		claim(person, keeper.Invite(one), nil).Expect(201)
	}
	phone := object{"field": "phone", "value": "1", "because": "x"}
	decline := object{"decision": "declined", "note": "x"}
	person.Do("POST", all, object{}).Expect(400)
	person.Do("POST", missing, phone).Expect(404)
	person.Do("POST", all, phone, "Idempotency-Key", "k").Expect(201)
	person.Do("POST", all, object{}, "Idempotency-Key", "k").Expect(422)
	person.Do("POST", correctionsOf(removed), phone, "Idempotency-Key", "gone").Expect(201)
	last := correctionsOf(removed) + person.AskForCorrection(removed, "2").ID() + "/"
	keeper.Do("POST", last+"decision/", decline, "Idempotency-Key", "gone").Expect(200)
	keeper.Do("DELETE", "/api/patients/"+removed+"/", nil).Expect(204)
	person.Do("POST", correctionsOf(removed), phone, "Idempotency-Key", "gone").Expect(410)
	keeper.Do("POST", last+"decision/", decline, "Idempotency-Key", "gone").Expect(410)
	keeper.Do("GET", all, nil).Expect(200)
	keeper.Do("GET", missing, nil).Expect(404)

	withdrawn := all + person.AskForCorrection(patient, "3").ID() + "/"
	person.Do("GET", withdrawn, nil, "If-None-Match", "*").Expect(304)
	person.Do("DELETE", withdrawn, nil, "If-Match", `"v9"`).Expect(412)
	person.Do("DELETE", withdrawn, nil).Expect(204)
	person.Do("DELETE", withdrawn, nil).Expect(404)
	person.Do("GET", withdrawn, nil).Expect(404)
	one := all + person.AskForCorrection(patient, "4").ID() + "/"
	keeper.Do("GET", one, nil).Expect(200)
	keeper.Do("POST", withdrawn+"decision/", decline).Expect(404)
	keeper.Do("POST", one+"decision/", object{"decision": "declined"}).Expect(400)
	keeper.Do("POST", one+"decision/", decline, "If-Match", `"v9"`).Expect(412)
	keeper.Do("POST", one+"decision/", decline, "Idempotency-Key", "k").Expect(200)
	keeper.Do("POST", one+"decision/", object{}, "Idempotency-Key", "k").Expect(422)
	keeper.Do("POST", one+"decision/", decline).Expect(409)
	person.Do("DELETE", one, nil).Expect(409)
	for range 19 {
		person.AskForCorrection(patient, "5")
	}
	person.Do("POST", all, phone).Expect(409)
}

// reachAccess requests the responses about restrictions, emergency accesses and explanations.
func reachAccess(t *testing.T, s *harness.Service) {
	keeper, privacy := s.NewUser(t, "Guarded"), s.NewUserWithRole(t, patients.PrivacyRole, "Officer")
	admin, doctor := s.NewUserWithRole(t, auth.Admin, "Linking"), s.NewUser(t, "Doctor")
	patient, record := keeper.AddPatient(), admin.AddDoctor()
	doctor.Do("POST", doctorClaims, object{"code": admin.InviteDoctor(record)["code"]}).Expect(201)
	at, missing := "/api/patients/"+patient+"/", "/api/patients/"+harness.MissingID+"/"
	for _, list := range []string{"access/", "restrictions/", "emergency-access/"} {
		keeper.Do("GET", at+list, nil).Expect(200)
		keeper.Do("GET", missing+list, nil).Expect(404)
	}
	keeper.Do("GET", at+"access/?user=x", nil).Expect(400)
	privacy.Do("GET", "/api/access/explain/?patient="+patient+"&user="+doctor.UserID(), nil).Expect(200)
	privacy.Do("GET", "/api/access/explain/", nil).Expect(400)
	hide := func(party object, headers ...string) harness.Response {
		return keeper.Do("POST", at+"restrictions/", party, headers...)
	}
	hide(object{}).Expect(400)
	hide(object{"doctor": harness.MissingID}).Expect(404)
	hide(object{"user": keeper.UserID()}).Expect(409)
	hide(object{"doctor": record}, "Idempotency-Key", "k").Expect(201)
	hide(object{}, "Idempotency-Key", "k").Expect(422)
	keeper.Do("GET", at+"restrictions/"+record+"/", nil).Expect(200)
	keeper.Do("DELETE", at+"restrictions/"+record+"/", nil).Expect(204)
	keeper.Do("GET", at+"restrictions/"+record+"/", nil).Expect(404)
	keeper.Do("DELETE", at+"restrictions/"+record+"/", nil).Expect(404)
	gone := keeper.AddPatient()
	keeper.Do("POST", "/api/patients/"+gone+"/restrictions/", object{"doctor": record}, "Idempotency-Key", "gone").
		Expect(201)
	keeper.Do("DELETE", "/api/patients/"+gone+"/", nil).Expect(204)
	keeper.Do("POST", "/api/patients/"+gone+"/restrictions/", object{"doctor": record}, "Idempotency-Key", "gone").
		Expect(410)

	doctor.Do("POST", "/api/emergency-access/", object{}).Expect(400)
	doctor.OpenEmergency(harness.MissingID).Expect(404)
	opened := "/api/emergency-access/" + doctor.OpenEmergency(patient).Expect(201).ID() + "/"
	doctor.OpenEmergency(patient).Expect(409)
	privacy.Do("GET", "/api/emergency-access/?reviewed=false&ordering=opened_at", nil).Expect(200)
	privacy.Do("GET", "/api/emergency-access/?reviewed=x", nil).Expect(400)
	doctor.Do("DELETE", opened, nil).Expect(204)
	doctor.Do("GET", opened, nil).Expect(200)
	for _, method := range []string{"GET", "DELETE"} {
		doctor.Do(method, "/api/emergency-access/"+harness.MissingID+"/", nil).Expect(404)
	}
	review := func(at string, body object) harness.Response { return privacy.Do("POST", at+"review/", body) }
	justified := object{"verdict": "justified"}
	review(opened, object{}).Expect(400)
	review("/api/emergency-access/"+harness.MissingID+"/", justified).Expect(404)
	review(opened, justified).Expect(200)
	review(opened, justified).Expect(409)
	for range 6 {
		doctor.Do("POST", "/api/emergency-access/", object{
			"patient": patient, "reason": "other", "explanation": "An emergency.", "minutes": 15, "password": "wrong",
		})
	}
	doctor.OpenEmergency(patient).Expect(429)
	admin.SetRole(auth.Staff) // so that reachAccounts has the last administrator
}

// reachTransfers requests the responses about transfers of patients.
func reachTransfers(t *testing.T, s *harness.Service) {
	admin, leaver, heir := s.NewUserWithRole(t, auth.Admin, "Moving"), s.NewUser(t, "Left"), s.NewUser(t, "Heir")
	ghost := s.NewUserWithRole(t, "ghost", "Receiver")
	leaver.AddPatient()
	at := "/api/users/" + leaver.UserID() + "/transfer/"
	missing := "/api/users/" + harness.MissingID + "/transfer/"
	to := object{"to": heir.UserID()}
	admin.Do("GET", at, nil).Expect(200)
	admin.Do("GET", missing, nil).Expect(404)
	admin.Do("GET", at+"?to="+ghost.UserID(), nil).Expect(409)
	admin.Do("POST", at, object{"to": leaver.UserID()}).Expect(400)
	admin.Do("POST", missing, to).Expect(404)
	admin.Do("POST", at, object{"to": ghost.UserID()}).Expect(409)
	admin.Do("POST", at, to, "Idempotency-Key", "k").Expect(200)
	admin.Do("POST", at, object{}, "Idempotency-Key", "k").Expect(422)
	leaver.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
	admin.Do("POST", at, to, "Idempotency-Key", "k").Expect(410)
	admin.SetRole(auth.Staff) // so that reachAccounts has the last administrator
}

// reachAccounts requests the responses about accounts and sessions, and those to a role without permissions.
func reachAccounts(t *testing.T, s *harness.Service) {
	ghost := s.NewUserWithRole(t, "ghost", "Ghost")
	for _, r := range s.Routes() {
		if _, some := r.Operation.Extensions["x-access"].([]any); some {
			ghost.Do(r.Method, r.PathWith(harness.MissingID), nil).Expect(403)
		}
	}
	admin, user := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "User")
	newcomer := object{"name": "N", "email": "newcomer@clinic.example", "password": harness.Password}
	id := admin.Do("POST", "/api/users/", newcomer).Expect(201).ID()
	admin.Do("POST", "/api/users/", newcomer).Expect(409)
	admin.Do("POST", "/api/users/", object{}).Expect(400)
	admin.Do("GET", "/api/users/", nil).Expect(200)
	for at, statuses := range map[string][]int{"/api/users/" + id: {200, 304, 200, 412}, "/api/users/" +
		harness.MissingID: {404, 404, 404, 404}} {
		admin.Do("GET", at, nil).Expect(statuses[0])
		admin.Do("GET", at, nil, "If-None-Match", "*").Expect(statuses[1])
		admin.Do("PATCH", at, object{"active": true}).Expect(statuses[2])
		admin.Do("PATCH", at, object{"active": true}, "If-Match", `"v9"`).Expect(statuses[3])
	}
	admin.Do("PATCH", "/api/users/"+id, object{"role": "nobody's"}).Expect(400)
	admin.Do("PATCH", "/api/users/"+admin.UserID(), object{"role": "staff"}).Expect(409)

	user.Do("GET", "/api/auth/me/", nil).Expect(200)
	user.Do("GET", "/api/auth/me/", nil, "If-None-Match", "*").Expect(304)
	user.Do("PATCH", "/api/auth/me/", object{"name": ""}).Expect(400)
	user.Do("PATCH", "/api/auth/me/", object{"name": "U"}, "If-Match", `"v9"`).Expect(412)
	user.Do("PATCH", "/api/auth/me/", object{"name": "U"}).Expect(200)
	user.Do(
		"POST", "/api/auth/password/", object{"current_password": harness.Password,
			"new_password": harness.Password}).Expect(204)
	user.Do("POST", "/api/auth/password/", object{}).Expect(400)
	user.SignIn()
	user.Do(
		"DELETE", "/api/auth/sessions/"+user.Do("GET", "/api/auth/sessions/", nil).Expect(200).List()[0]["id"].(string),
		nil).Expect(204)
	user.Do("DELETE", "/api/auth/sessions/"+harness.MissingID, nil).Expect(404)
	user.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}, "If-Match", `"v9"`).Expect(412)
	user.AddPatient()
	user.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(409)
	for range 5 {
		user.Do("DELETE", "/api/auth/me/", object{"password": "wrong"}).Expect(400)
	}
	untilThrottled(t, func() int { return user.Do("DELETE", "/api/auth/me/", object{"password": "wrong"}).Status })
	change := object{"current_password": "wrong", "new_password": harness.Password}
	untilThrottled(t, func() int { return user.Do("POST", "/api/auth/password/", change).Status })
	signIn := object{"email": user.Email(), "password": "wrong"}
	untilThrottled(t, func() int { return s.Anonymous(t).Do("POST", "/api/auth/login/", signIn).Status })
	user.Do("POST", "/api/auth/logout/", nil).Expect(204)
	for _, name := range []string{"Leaver", "Other"} {
		leaver := s.NewUser(t, name)
		if name == "Other" {
			leaver.Do("POST", "/api/auth/logout-all/", nil).Expect(204)
			continue
		}
		leaver.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
	}
}

// untilThrottled repeats the request until the response is a 429. A slow machine needs more than the first waits, each
// of which is twice as long as the one before.
func untilThrottled(t *testing.T, try func() int) {
	t.Helper()
	for range 10 {
		if try() == 429 {
			return
		}
	}
	require.Fail(t, "ten wrong passwords were not throttled")
}

// reachConditions requests the responses to conditional and repeated requests.
func reachConditions(c *harness.Client) {
	patient, doctor := c.AddPatient(), c.AddDoctor()
	assignment := c.Assign(patient, doctor).ID()
	for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor, "/api/mappings/detail/" +
		assignment} {
		c.Do("GET", path, nil, "If-None-Match", "*").Expect(304)
	}
	for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor} {
		c.Do("PUT", path, object{"name": "A", "age": 1, "gender": "Other", "specialization": "B", "experience": 1},
			"If-Match", `"v9"`).Expect(412)
		c.Do("PATCH", path, object{}, "If-Match", `"v9"`).Expect(412)
		c.Do("DELETE", path, nil, "If-Match", `"v9"`).Expect(412)
	}
	c.Do("PATCH", "/api/mappings/"+assignment, object{"access": "none"}, "If-Match", `"v9"`).Expect(412)
	c.Do("DELETE", "/api/mappings/"+assignment, nil, "If-Match", `"v9"`).Expect(412)
	other := c.AddDoctor()
	for path, body := range map[string]object{
		"/api/patients/": {"name": "A", "age": 1, "gender": "Other"},
		"/api/doctors/":  {"name": "A", "specialization": "B", "experience": 1},
		"/api/mappings/": {"patient": patient, "doctor": other},
	} {
		c.Do("POST", path, body, "Idempotency-Key", "k").Expect(201)
		c.Do("POST", path, object{}, "Idempotency-Key", "k").Expect(422)
	}
	for _, made := range []struct {
		path string
		body object
	}{
		{"/api/mappings/", object{"patient": patient, "doctor": c.AddDoctor()}},
		{"/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}},
		{"/api/doctors/", object{"name": "A", "specialization": "B", "experience": 1}},
	} {
		id := c.Do("POST", made.path, made.body, "Idempotency-Key", "gone").Expect(201).ID()
		c.Do("DELETE", made.path+id, nil).Expect(204)
		c.Do("POST", made.path, made.body, "Idempotency-Key", "gone").Expect(410)
	}
}

// reachAddedModules requests the responses of modules whose records are created by a plain POST. The requests are
// derived from the contract.
func reachAddedModules(t *testing.T, s *harness.Service) {
	c := s.NewUser(t, "Added")
	known := c.KnownValues()
	do := func(r harness.Route, at string, body any, headers ...string) harness.Response {
		c.SetRole(r.Role())
		return c.Do(r.Method, at, body, headers...)
	}
	for _, create := range s.PlainCreators() {
		if create.Path == "/api/waiting-list/" { // see reachAppointments: entries are kept after their removal
			continue
		}
		do(create, create.Path, object{})
		do(create, create.Path, create.Body(known), "Idempotency-Key", "k").Expect(201)
		if create.Operation.Responses.Status(422) != nil { // it may be repeated
			do(create, create.Path, object{}, "Idempotency-Key", "k").Expect(422)
		}
		for _, id := range create.IDs {
			body := create.Body(known)
			body[id.Name] = harness.MissingID
			do(create, create.Path, body)
		}
		one := do(create, create.Path, create.Body(known), "Idempotency-Key", "gone").Expect(201).ID()
		removals := []harness.Route{}
		for _, r := range s.Routes() {
			switch {
			case r.CollectionPath() != create.Path || r.Method == "POST":
			case r.Method == "DELETE":
				removals = append(removals, r)
			case r.Method == "GET":
				do(r, r.PathWith(one), nil).Expect(200)
				do(r, r.PathWith(one), nil, "If-None-Match", "*")
				do(r, r.PathWith(harness.MissingID), nil)
			default:
				do(r, r.PathWith(one), "{").Expect(400)
				do(r, r.PathWith(one), r.Body(known), "If-Match", `"v9"`)
				do(r, r.PathWith(one), r.ChangedBody(known)).Expect(200)
				do(r, r.PathWith(harness.MissingID), r.Body(known)).Expect(404)
			}
		}
		for _, r := range removals {
			do(r, r.PathWith(one), nil, "If-Match", `"v9"`)
			do(r, r.PathWith(one), nil).Expect(204)
			do(r, r.PathWith(one), nil).Expect(404)
			if create.Operation.Responses.Status(410) != nil {
				do(create, create.Path, create.Body(known), "Idempotency-Key", "gone").Expect(410)
			}
		}
	}
}

// reachJobs requests the responses about jobs in the background.
func reachJobs(t *testing.T, s *harness.Service) {
	admin, owner := s.NewUserWithRole(t, "admin", "Chief"), s.NewUser(t, "Owner")
	doctor := admin.AddDoctor()
	owner.Assign(owner.AddPatient(), doctor).Expect(201)
	admin.Do("DELETE", "/api/doctors/"+doctor, nil).ExpectProblem(409, "doctor_in_use")
	admin.Do(
		"GET",
		admin.Do("DELETE", "/api/doctors/"+doctor+"/?force=true", nil).Expect(202).Header.Get("Location"),
		nil,
	).Expect(200)
	admin.Do("GET", "/api/jobs/"+harness.MissingID+"/", nil).Expect(404)
	s.AddPatients(t, owner.UserID(), harness.LargeCount())
	owner.Do("DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password}).Expect(202)
}

// responses contain only declared fields. The client of these tests validates every response. This test checks
// that the document describes every response completely, and that the client detects an undeclared field.
func TestR04_ResponsesContainOnlyDeclaredFields(t *testing.T) {
	t.Parallel()
	document := harness.CommittedContract(t)
	for route, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			for status, answer := range op.Responses.Map() {
				for kind, media := range answer.Value.Content {
					if strings.HasSuffix(kind, "json") && route != "/openapi.json" {
						requireClosed(t, media.Schema.Value, method+" "+route+" "+status)
					}
				}
			}
		}
	}
	doctor := document.Components.Schemas["Doctor"].Value
	shown := map[string]any{}
	for name, property := range doctor.Properties {
		shown[name] = property.Value.Example
	}
	require.NoError(t, doctor.VisitJSON(shown))
	leaking := maps.Clone(shown)
	leaking["search_text"] = "dr. vikram khanna"
	require.ErrorContains(t, doctor.VisitJSON(leaking), "search_text")
}

// requireClosed requires that the schema declares all members of every object. The errors of a problem are a map.
func requireClosed(t *testing.T, schema *openapi3.Schema, where string) {
	t.Helper()
	if schema.Items != nil {
		requireClosed(t, schema.Items.Value, where+" []")
	}
	for _, part := range schema.AllOf {
		requireClosed(t, part.Value, where)
	}
	for name, property := range schema.Properties {
		if name != "errors" {
			requireClosed(t, property.Value, where+" "+name)
		}
	}
	if schema.Type.Is("object") {
		require.NotNil(t, schema.AdditionalProperties.Has, where)
		require.False(t, *schema.AdditionalProperties.Has, where)
	}
}
