package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

const (
	resetPath        = "/api/auth/password-reset/"
	verificationPath = "/api/auth/verify-email/"
)

func TestPasswordResetAndVerification(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, anonymous := s.NewUser(t, "Asha"), s.Anonymous(t)
		var used []string
		sent := func(purpose identity.Purpose) string {
			used = append(used, s.MailToken(t, c.Email(), purpose))
			return used[len(used)-1]
		}
		verified := func() any { return c.Do("GET", "/api/auth/me/", nil).Expect(200).Object()["email_verified"] }
		t.Run("a token verifies the address once", func(t *testing.T) {
			before := c.Do("GET", "/api/auth/me/", nil).Expect(200)
			require.Equal(t, false, before.Object()["email_verified"])
			c.Do("POST", verificationPath, nil).Expect(202)
			body := object{"token": sent(identity.EmailVerification)}
			anonymous.Do("GET", verificationPath+"confirm/", nil).Expect(405)
			anonymous.Do("POST", verificationPath+"confirm/", body).Expect(204)
			require.Equal(t, true, verified())
			anonymous.Do("POST", verificationPath+"confirm/", body).ExpectProblem(400, "mail_token_not_valid")
			etag := before.Header.Get("ETag")
			c.Do("GET", "/api/auth/me/", nil, "If-None-Match", etag).Expect(200)
			c.Do("PATCH", "/api/auth/me/", object{"name": "Asha"}, "If-Match", etag).Expect(200)
			c.Do("POST", verificationPath, nil).Expect(202)
		})
		t.Run("a token sets the password once and ends the sessions", func(t *testing.T) {
			tokens := c.SignInTokens()
			anonymous.Do("POST", resetPath, object{"email": c.Email()}).Expect(202)
			body := object{
				"token": sent(identity.PasswordReset), "password": "staple the correct horse",
			}
			require.Equal(t, false, verified())
			anonymous.Do("POST", resetPath+"confirm/", object{"token": body["token"], "password": "short"}).
				ExpectProblem(400, "validation_failed")
			anonymous.Do("POST", resetPath+"confirm/", body).Expect(204)
			anonymous.Do("POST", resetPath+"confirm/", body).ExpectProblem(400, "mail_token_not_valid")
			c.Do("GET", "/api/auth/me/", nil).Expect(401)
			anonymous.Do("POST", "/api/auth/refresh/", object{"refresh": tokens["refresh"]}).Expect(401)
			login := object{"email": c.Email(), "password": harness.Password}
			anonymous.Do("POST", "/api/auth/login/", login).Expect(401)
			login["password"] = body["password"]
			c.Token = anonymous.Do("POST", "/api/auth/login/", login).Expect(200).Object()["access"].(string)
			require.Equal(t, true, verified())
		})
		require.Len(t, used, 2)
		for _, token := range used {
			require.NotContains(t, s.Log.String(), token)
		}
	})
}

// Every way to be given access is a 403 before the user has verified the address.
func TestRequireVerifiedEmail(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		verify := func(c *harness.Client) {
			token := s.MailToken(t, c.Email(), identity.EmailVerification)
			s.Anonymous(t).Do("POST", verificationPath+"confirm/", object{"token": token}).Expect(204)
		}
		admin, owner := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Owner")
		stranger := s.NewUser(t, "Stranger")
		s.NewUserWithRole(t, patients.PrivacyRole, "Privacy")
		verify(owner)
		patient, doctor, practice := owner.AddPatient(), owner.AddDoctor(), owner.AddPractice()
		requests := func(c *harness.Client) map[string]harness.Response {
			do := func(method, path string, body object) harness.Response { return c.Do(method, path, body) }
			return map[string]harness.Response{
				"a share of a patient": do("POST", "/api/patients/claims/",
					object{"code": owner.InviteColleague(patient)["code"]}),
				"a record of a doctor": do("POST", "/api/doctors/claims/",
					object{"code": admin.InviteDoctor(doctor)["code"]}),
				"a practice": do("POST", "/api/practices/claims/",
					object{"code": owner.InviteMember(practice, "read")["code"]}),
				"a colleague": do("POST", "/api/auth/deputies/claims/",
					object{"code": owner.InviteDeputy("read")["code"]}),
				"a new practice": do("POST", "/api/practices/", object{"name": "P"}),
				"a membership by an administrator": admin.Do("PUT",
					"/api/practices/"+practice+"/members/"+c.UserID()+"/", object{"level": "read"}),
				"an emergency access": c.OpenEmergency(stranger.AddPatient()),
				"patients of another user": admin.Do("POST", "/api/users/"+owner.UserID()+"/transfer/",
					object{"to": c.UserID(), "limit": 1}),
			}
		}
		unverified := s.NewUser(t, "Unverified")
		for name, response := range requests(unverified) {
			require.Equal(t, 403, response.Status, "%s: %s", name, response.Body)
			response.ExpectProblem(403, "email_not_verified")
		}

		verify(unverified)
		for name, response := range requests(unverified) {
			require.Contains(t, []int{200, 201}, response.Status, "%s: %s", name, response.Body)
		}
		own := s.NewUser(t, "Own") // own patients need no verified address
		own.Do("GET", "/api/patients/"+own.AddPatient()+"/", nil).Expect(200)
	}, func(cfg *config.Config) { cfg.RequireVerifiedEmail, cfg.EmergencyAccess = true, "staff" })
}

// No mailbox gets more than five messages in an hour, and a network sends a limited number of requests.
func TestRequestsForMailAreLimited(t *testing.T) {
	t.Parallel()
	eachMoment(t, func(t *testing.T, s *harness.Service) {
		request := func(email, from string) harness.Response {
			return s.Anonymous(t).Do("POST", resetPath, object{"email": email}, "X-Forwarded-For", from)
		}
		for i := range 4 {
			request(fmt.Sprintf("n%d@clinic.example", i), "203.0.113.7").Expect(202)
		}
		refused := request("n4@clinic.example", "203.0.113.8")
		refused.ExpectProblem(429, "too_many_requests_for_mail")
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
		asha := s.NewUser(t, "Asha")
		for path, body := range map[string]object{
			resetPath + "confirm/":        {"token": "x", "password": harness.Password},
			verificationPath + "confirm/": {"token": "x"},
			verificationPath:              nil,
		} {
			asha.Do("POST", path, body, "X-Forwarded-For", "203.0.113.9").ExpectProblem(429,
				"too_many_requests_for_mail")
		}
		for i := range 20 { // silently, from other networks
			request("asha@clinic.example", fmt.Sprintf("198.51.%d.1", i)).Expect(202)
		}
	}, harness.BehindProxy, func(cfg *config.Config) { cfg.RegistrationsPerHour = 4 })
}
