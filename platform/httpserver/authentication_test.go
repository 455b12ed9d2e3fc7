package httpserver

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

func TestAuthentication(t *testing.T) {
	s := serve(t)
	for _, value := range []string{
		"Bearer " + token, "bearer " + token, "BEARER " + token, "bEaReR " + token, "Bearer   " + token + "  ",
	} {
		t.Run("["+value+"] signs in", func(t *testing.T) {
			a := s.send(t, http.MethodGet, "/things/1/", "", "Authorization: "+value)
			require.Equal(t, http.StatusOK, a.status)
			require.Contains(t, a.body, someone.UserID.String())
		})
	}
	refused := func(value, code, challenge string) {
		t.Run("["+value+"] is "+code, func(t *testing.T) {
			before := s.handled.Load()
			a := s.send(t, http.MethodGet, "/things/1/", "", "Authorization: "+value)
			p := requireProblem(t, a, http.StatusUnauthorized)
			require.Equal(t, code, p.Code)
			require.Equal(t, []string{challenge}, a.header.Values("WWW-Authenticate"))
			require.Equal(t, before, s.handled.Load())
		})
	}
	for _, value := range []string{
		"Bearer x", "bearer x", "Bearer " + token + "x", "Bearer " + token + " x", "Bearer bearer " + token,
		"Bearer undefined",
	} {
		refused(value, "token_not_valid", `Bearer realm="api", error="invalid_token"`)
	}
	for _, value := range []string{
		"", " ", "Bearer", "Bearer ", "Bearer   ", token, "Basic " + token, "Token " + token, "Bearer" + token,
		"Bearer=" + token, "Bearer:" + token, "Bearer, " + token, "Bearer\t" + token, "\"Bearer\" " + token,
		"Basic x, Bearer " + token, "BearerX " + token,
	} {
		refused(value, "not_authenticated", `Bearer realm="api"`)
	}
	t.Run("rejects a request without the header", func(t *testing.T) {
		requireProblem(t, s.send(t, http.MethodDelete, "/things/1/", ""), http.StatusUnauthorized)
	})
	t.Run("rejects a token in another place", func(t *testing.T) {
		a := s.send(t, http.MethodGet, "/things/1/?access_token="+token+"&token="+token, "", "Cookie: access="+token,
			"X-Auth-Token: "+token,
			"Proxy-Authorization: Bearer "+token)
		requireProblem(t, a, http.StatusUnauthorized)
	})
	t.Run("public operations ignore the header", func(t *testing.T) {
		for _, value := range []string{"Bearer forged", "Basic x", "", "nonsense"} {
			a := s.send(t, http.MethodGet, "/things/", "", "Authorization: "+value)
			require.Equal(t, http.StatusOK, a.status)
			require.Contains(t, a.body, "00000000-0000-0000-0000-000000000000", "nobody is signed in")
		}
	})
	t.Run("a role may call only the operations that name it", func(t *testing.T) {
		before := s.handled.Load()
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/staff/", "", "Authorization: Bearer "+token).status)
		p := requireProblem(
			t, s.send(t, http.MethodGet, "/admins/", "", "Authorization: Bearer "+token), http.StatusForbidden,
		)
		require.Equal(t, "forbidden", p.Code)
		requireProblem(t, s.send(t, http.MethodGet, "/admins/", ""), http.StatusUnauthorized)
		require.Equal(t, before+1, s.handled.Load())
	})
	t.Run("a missing token is reported before an invalid body", func(t *testing.T) {
		requireProblem(
			t, s.send(t, http.MethodDelete, "/things/1/", "{", "Content-Type: text/xml"), http.StatusUnauthorized,
		)
	})
}

// unavailable is an authenticator whose store is unavailable.
type unavailable struct{}

// Authenticate implements auth.Authenticator.
func (unavailable) Authenticate(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, errs.New(errs.Unavailable, "unavailable", "Try again.")
}

func TestAuthenticationWithoutAStoreIsUnavailable(t *testing.T) {
	s := serve(t)
	server, err := New(
		s.cfg, zap.NewNop(), unavailable{}, s.contract, nil, nil, new(audittest.Recorder), unobserved(), s.api(),
	)
	require.NoError(t, err)
	require.NoError(t, server.Listen())
	defer func() { require.NoError(t, server.Shutdown(context.Background())) }()
	a := (&testServer{Server: server}).send(t, http.MethodGet, "/things/1/", "", bearer)
	requireProblem(t, a, http.StatusServiceUnavailable)
	require.Equal(t, "1", a.header.Get("Retry-After"))
}
