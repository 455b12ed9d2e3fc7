package api

import (
	"testing"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/identity"
	"healthcare/platform/auth"
)

// reachNotifications requests the responses about messages, webhooks, preferences and tokens that are sent by e-mail.
func reachNotifications(t *testing.T, s *harness.Service) {
	t.Helper()
	admin, user, anonymous := s.NewUserWithRole(t, auth.Admin, "Operator"), s.NewUser(t, "Told"), s.Anonymous(t)
	known := harness.Object{}
	admin.AddDeliveries(known)

	user.Do("GET", myPreferences, nil).Expect(200)
	user.Do("GET", myPreferences, nil, "If-None-Match", "*").Expect(304)
	user.Do("PATCH", myPreferences, object{"language": "fr"}).Expect(200)
	user.Do("PATCH", myPreferences, object{"language": "x"}).Expect(400)
	user.Do("PATCH", myPreferences, object{"language": ""}, "If-Match", `"v9"`).Expect(412)
	for link, status := range map[string]int{known["unsubscribe_link"].(string): 200, "x": 404} {
		anonymous.Do("GET", "/unsubscribe/"+link, nil).Expect(status)
		anonymous.Do("POST", "/unsubscribe/"+link, nil).Expect(status)
	}

	admin.Do("GET", deliveries, nil).Expect(200)
	for _, c := range []struct {
		id, path string
		status   int
	}{
		{harness.MissingID, "", 404},
		{harness.MissingID, "resend/", 404},
		{harness.MissingID, "cancel/", 404},
		{known["delivery"].(string), "resend/", 200},
		{known["pending_delivery"].(string), "resend/", 409},
		{known["pending_delivery"].(string), "cancel/", 200},
		{known["pending_delivery"].(string), "cancel/", 409},
	} {
		method := map[bool]string{true: "GET", false: "POST"}[c.path == ""]
		admin.Do(method, deliveries+c.id+"/"+c.path, nil).Expect(c.status)
	}
	admin.Do("GET", deliveries+known["delivery"].(string)+"/", nil).Expect(200)
	admin.Do("POST", deliveries+"resend/", object{"channel": "mail", "since": "2026-01-01T00:00:00Z"}).
		Expect(200)
	admin.Do("POST", deliveries+"resend/", object{"channel": "pigeon"}).Expect(400)

	webhook := admin.Do("POST", "/api/webhooks/", object{"url": "https://hooks.clinic.example/", "enabled": false}).
		Expect(201).ID()
	for id, status := range map[string]int{webhook: 200, harness.MissingID: 404} {
		at := "/api/webhooks/" + id + "/"
		admin.Do("POST", at+"test/", nil).Expect(status)
		admin.Do("POST", at+"rotate-secret/", nil).Expect(status)
	}
	admin.Do("POST", "/api/webhooks/"+webhook+"/rotate-secret/", nil, "If-Match", `"v9"`).Expect(412)

	user.Do("POST", verificationPath, nil).Expect(202)
	verify := object{"token": s.MailToken(t, user.Email(), identity.EmailVerification)}
	for _, status := range []int{204, 400} {
		anonymous.Do("POST", verificationPath+"confirm/", verify).Expect(status)
	}
	anonymous.Do("POST", resetPath, object{"email": user.Email()}).Expect(202)
	anonymous.Do("POST", resetPath, object{}).Expect(400)
	reset := object{"token": s.MailToken(t, user.Email(), identity.PasswordReset), "password": harness.Password}
	for _, status := range []int{204, 400} {
		anonymous.Do("POST", resetPath+"confirm/", reset).Expect(status)
	}
}
