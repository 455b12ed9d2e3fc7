package api

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// after the response that ends a session, every request with its access or refresh token is rejected.
func TestR49_EndedSessionsAreRejectedFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin := s.NewUserWithRole(t, auth.Admin, "Boss")
		newPassword := object{"current_password": harness.Password, "new_password": harness.Password}
		for name, end := range map[string]func(c, other *harness.Client){
			"Logout":    func(c, _ *harness.Client) { c.Do("POST", "/api/auth/logout/", nil).Expect(204) },
			"LogoutAll": func(_, other *harness.Client) { other.Do("POST", "/api/auth/logout-all/", nil).Expect(204) },
			"Password": func(
				_, other *harness.Client) {
				other.Do("POST", "/api/auth/password/", newPassword).Expect(204)
			},
			"Leave": func(_, other *harness.Client) {
				other.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
			},
			"EndOne": func(c, other *harness.Client) {
				for _, session := range other.Do("GET", "/api/auth/sessions/", nil).Expect(200).List() {
					if session["current"] == false {
						other.Do("DELETE", "/api/auth/sessions/"+session["id"].(string)+"/", nil).Expect(204)
					}
				}
			},
			"Disable": func(c, _ *harness.Client) {
				admin.ForTest(c.T).Do("PATCH", "/api/users/"+c.UserID()+"/", object{"active": false}).Expect(200)
			},
		} {
			t.Run(name, func(t *testing.T) {
				other := s.NewUser(t, name)
				signedIn := other.SignInTokens()
				c := s.Anonymous(t)
				c.Name, c.Token = name, signedIn["access"].(string)
				c.Do("GET", "/api/patients/", nil).Expect(200)

				// Concurrent requests may succeed or fail. A request that starts after the response must fail.
				stop, busy := make(chan struct{}), sync.WaitGroup{}
				for range 4 {
					busy.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								_ = c.Do("GET", "/api/doctors/?limit=1", nil)
							}
						}
					})
				}
				end(c, other)
				for range 20 {
					c.Do("GET", "/api/patients/", nil).ExpectProblem(401, "token_not_valid")
				}
				close(stop)
				busy.Wait()
				c.Token = ""
				c.Do("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}).ExpectProblem(401,
					"token_not_valid")
			})
		}
	})
}

func TestSessionsAreListed(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		anonymous := s.Anonymous(t)
		login := object{"email": c.Email(), "password": harness.Password}
		second := anonymous.Do("POST", "/api/auth/login/", login, "User-Agent", "phone\u202e", "X-Forwarded-For",
			"203.0.113.77").Expect(200).Object()
		all := c.Do("GET", "/api/auth/sessions/", nil).Expect(200).List()
		require.Len(t, all, 2)
		current := slices.IndexFunc(all, func(one object) bool { return one["current"] == true })
		require.Equal(t, "127.0.0.0/24", all[current]["address"])
		require.Equal(t, "Go-http-client/1.1", all[current]["client"])
		require.Equal(t, "phone", all[1-current]["client"])
		require.Equal(t, "127.0.0.0/24", all[1-current]["address"], "the header is not trusted")
		used := all[1-current]["last_used_at"]
		anonymous.Do("POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}).Expect(200)
		all = c.Do("GET", "/api/auth/sessions/", nil).Expect(200).List()
		require.Greater(t, all[0]["last_used_at"], used)
		require.Equal(t, false, all[0]["current"], "last used first")
	})
}

// The throttle distinguishes clients behind proxies that the operator trusts only (X10).
func TestX10_TheThrottleCountsClientsNotProxies(t *testing.T) {
	t.Parallel()
	limits := func(cfg *config.Config) { cfg.SignInFreeAttempts, cfg.SignInClientFailures = 2, 1000 }
	for name, proxies := range map[string][]string{"trusted": {"127.0.0.0/8"}, "not trusted": nil} {
		t.Run(name, func(t *testing.T) {
			eachMoment(t, func(t *testing.T, s *harness.Service) {
				c := s.NewUser(t, "Asha")
				anonymous := s.Anonymous(t)
				guess := func(forwarded string) harness.Response {
					return anonymous.Do("POST", "/api/auth/login/", object{"email": c.Email(), "password": "a guess"},
						"X-Forwarded-For", forwarded)
				}
				for range 2 {
					guess("203.0.113.77").Expect(401)
				}
				refused := guess("203.0.113.78")
				refused.ExpectProblem(429, "too_many_attempts")
				seconds, err := strconv.Atoi(refused.Header.Get("Retry-After"))
				require.NoError(t, err)
				require.Equal(t, 1, seconds)
				guess("198.51.100.1, 203.0.113.79").Expect(429) // the attacker can choose the left-most address
				if proxies == nil {
					guess("198.51.100.1").Expect(429)
				} else {
					guess("198.51.100.1").Expect(401)
				}
			}, limits, func(cfg *config.Config) { cfg.TrustedProxies = proxies })
		})
	}
}

// Guesses behind a proxy do not lock out other clients behind it, with any form of the proxy's header.
func TestX10_GuessesDoNotLockAccounts(t *testing.T) {
	t.Parallel()
	strangers := map[string]struct{ header, stranger, other string }{
		"an address":                   {"X-Forwarded-For", "203.0.113.7", "198.51.100.1"},
		"an address with a port":       {"X-Forwarded-For", "203.0.113.7:51234", "198.51.100.1:40123"},
		"an IPv6 address with a port":  {"X-Forwarded-For", "[2001:db8::1]:4711", "[2001:db8:ffff::1]:4711"},
		"an IPv6 address in brackets":  {"X-Forwarded-For", "[2001:db8::1]", "[2001:db8:ffff::1]"},
		"a quoted address":             {"X-Forwarded-For", `"203.0.113.7"`, `"198.51.100.1"`},
		"empty elements":               {"X-Forwarded-For", "203.0.113.7, ,", "198.51.100.1,,"},
		"Forwarded":                    {"Forwarded", "for=203.0.113.7;proto=https", "proto=https;For=198.51.100.1"},
		"Forwarded of an IPv6 address": {"Forwarded", `for="[2001:db8::1]:4711"`, `for="[2001:db8:ffff::1]:4711"`},
	}
	for name, c := range strangers {
		t.Run(name, func(t *testing.T) {
			eachMoment(t, func(t *testing.T, s *harness.Service) {
				asha, anonymous := s.NewUser(t, "Asha"), s.Anonymous(t)
				for i := range 20 {
					guess := object{"email": fmt.Sprintf("stranger%d@clinic.example", i), "password": "a guess"}
					anonymous.Do("POST", "/api/auth/login/", guess, c.header, c.stranger).Expect(401)
				}
				login := object{"email": asha.Email(), "password": harness.Password}
				anonymous.Do("POST", "/api/auth/login/", login, c.header, c.stranger).Expect(429)
				anonymous.Do("POST", "/api/auth/login/", login, c.header, c.other).Expect(200)
			}, func(cfg *config.Config) {
				cfg.SignInClientFailures, cfg.TrustedProxies = 20, []string{"127.0.0.0/8"}
				cfg.ForwardedHeader = c.header
			})
		})
	}
}

func TestRegistrationClosed(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		newcomer := object{"name": "N", "email": "n@clinic.example", "password": harness.Password}
		c.Do("POST", "/api/auth/register/", newcomer).ExpectProblem(403, "registration_closed")
		require.Empty(t, s.StoredRows(t)["users"])
	}, func(cfg *config.Config) { cfg.Registration = "closed" })
}

// The deletion of an account removes the user's patients and their assignments, if the request demands it, and no
// others.
func TestAccountDeletionWithPatients(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, other := s.NewUser(t, "Asha"), s.NewUser(t, "Ravi")
		doctor := c.AddDoctor()
		c.Assign(c.AddPatient(), doctor).Expect(201)
		kept := other.AddPatient()
		other.Assign(kept, doctor).Expect(201)
		body := object{"password": harness.Password}
		c.Do("DELETE", "/api/auth/me/", body).ExpectProblem(409, "owns_patients")
		c.Do("DELETE", "/api/auth/me/?patients=keep", body).ExpectProblem(400, "validation_failed")
		c.Do("DELETE", "/api/auth/me/?patients=delete", object{"password": "wrong"}).ExpectProblem(400,
			"validation_failed")
		c.Do("DELETE", "/api/auth/me/?patients=delete", body).Expect(204)
		c.Do("GET", "/api/patients/", nil).Expect(401)
		stored := s.StoredRows(t)
		require.Len(t, stored["users"], 1)
		require.Len(t, stored["patients"], 1)
		require.Len(t, stored["assignments"], 1)
		other.Do("GET", "/api/patients/"+kept, nil).Expect(200)
		s.NewUser(t, "Asha") // the address is available again
	})
}

// At most registrations_per_hour accounts can be registered from a network in an hour. Rejected requests do not count,
// and other networks are not affected.
func TestRegistrationsOfANetworkAreLimited(t *testing.T) {
	t.Parallel()
	eachMoment(t, func(t *testing.T, s *harness.Service) {
		register := func(n int, from string) harness.Response {
			newcomer := object{"name": "N", "email": fmt.Sprintf("n%d@clinic.example", n), "password": harness.Password}
			return s.Anonymous(t).Do("POST", "/api/auth/register/", newcomer, "X-Forwarded-For", from)
		}
		register(0, "203.0.113.7").Expect(201)
		for range 5 {
			register(0, "203.0.113.7").Expect(409)
			s.Anonymous(t).Do("POST", "/api/auth/register/", object{}, "X-Forwarded-For", "203.0.113.7").Expect(400)
		}
		register(1, "203.0.113.8").Expect(201)
		refused := register(2, "203.0.113.9")
		require.Equal(t, 429, refused.Status)
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
		register(2, "198.51.100.1").Expect(201)
	}, harness.BehindProxy, func(cfg *config.Config) { cfg.RegistrationsPerHour = 2 })
}
