package main

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// what ends a session ends it for every request that starts after its answer, access and refresh alike.
func TestR49_AnEndedSessionIsRefusedFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		admin := s.as(t, auth.Admin, "Boss")
		newPassword := object{"current_password": password, "new_password": password}
		for name, end := range map[string]func(c, other *client){
			"Logout":    func(c, _ *client) { c.do("POST", "/api/auth/logout/", nil).is(204) },
			"LogoutAll": func(_, other *client) { other.do("POST", "/api/auth/logout-all/", nil).is(204) },
			"Password":  func(_, other *client) { other.do("POST", "/api/auth/password/", newPassword).is(204) },
			"Leave":     func(_, other *client) { other.do("DELETE", "/api/auth/me/", object{"password": password}).is(204) },
			"EndOne": func(c, other *client) {
				for _, session := range other.do("GET", "/api/auth/sessions/", nil).is(200).list() {
					if session["current"] == false {
						other.do("DELETE", "/api/auth/sessions/"+session["id"].(string)+"/", nil).is(204)
					}
				}
			},
			"Disable": func(c, _ *client) {
				admin.in(c.t).do("PATCH", "/api/users/"+c.id()+"/", object{"active": false}).is(200)
			},
		} {
			t.Run(name, func(t *testing.T) {
				other := s.user(t, name)
				signedIn := other.signInFully()
				c := s.client(t)
				c.name, c.token = name, signedIn["access"].(string)
				c.do("GET", "/api/patients/", nil).is(200)

				// Others are under way at that moment: they may come before or after, but none that starts after the answer is served.
				stop, busy := make(chan struct{}), sync.WaitGroup{}
				for range 4 {
					busy.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								_ = c.do("GET", "/api/doctors/?limit=1", nil)
							}
						}
					})
				}
				end(c, other)
				for range 20 {
					c.do("GET", "/api/patients/", nil).problem(401, "token_not_valid")
				}
				close(stop)
				busy.Wait()
				c.token = ""
				c.do("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}).problem(401, "token_not_valid")
			})
		}
	})
}

func TestSessionsAreShown(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		nobody := s.client(t)
		login := object{"email": c.email(), "password": password}
		second := nobody.do("POST", "/api/auth/login/", login, "User-Agent", "phone\u202e", "X-Forwarded-For", "203.0.113.77").is(200).object()
		all := c.do("GET", "/api/auth/sessions/", nil).is(200).list()
		require.Len(t, all, 2)
		current := slices.IndexFunc(all, func(one object) bool { return one["current"] == true })
		require.Equal(t, "127.0.0.0/24", all[current]["address"])
		require.Equal(t, "Go-http-client/1.1", all[current]["client"])
		require.Equal(t, "phone", all[1-current]["client"])
		require.Equal(t, "127.0.0.0/24", all[1-current]["address"], "nobody trusts the header")
		used := all[1-current]["last_used_at"]
		nobody.do("POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}).is(200)
		all = c.do("GET", "/api/auth/sessions/", nil).is(200).list()
		require.Greater(t, all[0]["last_used_at"], used)
		require.Equal(t, false, all[0]["current"], "last used first")
	})
}

// The throttle tells clients apart behind proxies that the operator trusts, and nowhere else (X10).
func TestX10_TheThrottleCountsClientsNotProxies(t *testing.T) {
	t.Parallel()
	limits := func(cfg *config.Config) { cfg.SignInFreeAttempts, cfg.SignInClientFailures = 2, 1000 }
	for name, proxies := range map[string][]string{"trusted": {"127.0.0.0/8"}, "not trusted": nil} {
		t.Run(name, func(t *testing.T) {
			eachMoment(t, func(t *testing.T, s *service) {
				c := s.user(t, "Asha")
				nobody := s.client(t)
				guess := func(forwarded string) answer {
					return nobody.do("POST", "/api/auth/login/", object{"email": c.email(), "password": "a guess"}, "X-Forwarded-For", forwarded)
				}
				for range 2 {
					guess("203.0.113.77").is(401)
				}
				refused := guess("203.0.113.78")
				refused.problem(429, "too_many_attempts")
				seconds, err := strconv.Atoi(refused.header.Get("Retry-After"))
				require.NoError(t, err)
				require.Equal(t, 1, seconds)
				guess("198.51.100.1, 203.0.113.79").is(429) // the left-most is the attacker's own word
				if proxies == nil {
					guess("198.51.100.1").is(429)
				} else {
					guess("198.51.100.1").is(401)
				}
			}, limits, func(cfg *config.Config) { cfg.TrustedProxies = proxies })
		})
	}
}

// Strangers behind a proxy who guess do not lock out others behind it, in whatever form the proxy names them.
func TestX10_StrangersLockNobodyElseOut(t *testing.T) {
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
			eachMoment(t, func(t *testing.T, s *service) {
				asha, nobody := s.user(t, "Asha"), s.client(t)
				for i := range 20 {
					guess := object{"email": fmt.Sprintf("stranger%d@clinic.example", i), "password": "a guess"}
					nobody.do("POST", "/api/auth/login/", guess, c.header, c.stranger).is(401)
				}
				login := object{"email": asha.email(), "password": password}
				nobody.do("POST", "/api/auth/login/", login, c.header, c.stranger).is(429)
				nobody.do("POST", "/api/auth/login/", login, c.header, c.other).is(200)
			}, func(cfg *config.Config) {
				cfg.SignInClientFailures, cfg.TrustedProxies = 20, []string{"127.0.0.0/8"}
				cfg.ForwardedHeader = c.header
			})
		})
	}
}

func TestRegistrationClosed(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.client(t)
		newcomer := object{"name": "N", "email": "n@clinic.example", "password": password}
		c.do("POST", "/api/auth/register/", newcomer).problem(403, "registration_closed")
		require.Empty(t, s.stored(t)["users"])
	}, func(cfg *config.Config) { cfg.Registration = "closed" })
}

// unknown, wrong and inactive are told apart neither by the answer nor by the time it takes. The times are compared side by side; a loaded
// machine may be slow, so the best of some rounds counts.
func TestR14_WhoHasAnAccountIsNotTold(t *testing.T) { // alone, for it looks at the clock
	eachEngine(t, func(t *testing.T, s *service) {
		s.user(t, "Asha")
		inactive := s.user(t, "Inactive")
		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET active = ? WHERE mailbox = ?", false, inactive.email()).Error)
		unusable := s.user(t, "Unusable")
		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET password_hash = 'x' WHERE mailbox = ?", unusable.email()).Error)
		logins := []object{
			{"email": "nobody@clinic.example", "password": password}, {"email": "asha@clinic.example", "password": "wrong horse"},
			{"email": inactive.email(), "password": password}, {"email": unusable.email(), "password": password},
		}
		c := s.client(t)
		said := map[string]bool{}
		var gap time.Duration
		for range 5 {
			times := make([][]time.Duration, len(logins))
			for range 25 {
				for i, login := range logins {
					began := time.Now()
					a := c.do("POST", "/api/auth/login/", login)
					times[i] = append(times[i], time.Since(began))
					a.header.Del("Date")
					said[fmt.Sprint(a.status, a.withoutRequestID(), a.header)] = true
				}
			}
			require.Len(t, said, 1, "one answer, to the byte")
			var medians []time.Duration
			for _, took := range times {
				slices.Sort(took)
				medians = append(medians, took[len(took)/2])
			}
			gap = slices.Max(medians) - slices.Min(medians)
			if gap < 2*time.Millisecond {
				t.Logf("medians %v", medians)
				return
			}
		}
		require.Less(t, gap, 2*time.Millisecond)
	})
}

// Whoever leaves takes their patients with them, and what refers to those, where they say so; and nobody else's.
func TestLeavingWithPatients(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c, other := s.user(t, "Asha"), s.user(t, "Ravi")
		doctor := c.addDoctor()
		c.assign(c.addPatient(), doctor).is(201)
		kept := other.addPatient()
		other.assign(kept, doctor).is(201)
		body := object{"password": password}
		c.do("DELETE", "/api/auth/me/", body).problem(409, "owns_patients")
		c.do("DELETE", "/api/auth/me/?patients=keep", body).problem(400, "validation_failed")
		c.do("DELETE", "/api/auth/me/?patients=delete", object{"password": "wrong"}).problem(400, "validation_failed")
		c.do("DELETE", "/api/auth/me/?patients=delete", body).is(204)
		c.do("GET", "/api/patients/", nil).is(401)
		stored := s.stored(t)
		require.Len(t, stored["users"], 1)
		require.Len(t, stored["patients"], 1)
		require.Len(t, stored["assignments"], 1)
		other.do("GET", "/api/patients/"+kept, nil).is(200)
		s.user(t, "Asha") // the address is free again
	})
}

// A network makes as many accounts an hour as registrations_per_hour says. What is refused does not count, and other
// networks are not kept from it.
func TestRegistrationsOfANetworkAreCounted(t *testing.T) {
	t.Parallel()
	eachMoment(t, func(t *testing.T, s *service) {
		register := func(n int, from string) answer {
			newcomer := object{"name": "N", "email": fmt.Sprintf("n%d@clinic.example", n), "password": password}
			return s.client(t).do("POST", "/api/auth/register/", newcomer, "X-Forwarded-For", from)
		}
		register(0, "203.0.113.7").is(201)
		for range 5 {
			register(0, "203.0.113.7").is(409)
			s.client(t).do("POST", "/api/auth/register/", object{}, "X-Forwarded-For", "203.0.113.7").is(400)
		}
		register(1, "203.0.113.8").is(201)
		refused := register(2, "203.0.113.9")
		require.Equal(t, 429, refused.status)
		require.NotEmpty(t, refused.header.Get("Retry-After"))
		register(2, "198.51.100.1").is(201)
	}, proxied, func(cfg *config.Config) { cfg.RegistrationsPerHour = 2 })
}
