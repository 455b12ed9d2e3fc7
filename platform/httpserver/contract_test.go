package httpserver

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/audittest"
	"healthcare/platform/rest"
)

// described returns the API of a module with one operation at a path.
func described(path string) rest.API {
	document := "openapi: 3.0.3\ninfo: {title: A, version: \"1\"}\npaths:\n  " + path +
		`: {get: {operationId: a, x-access: public, responses: {"200": {description: Fine.}}}}`
	return rest.API{
		Document: []byte(document), Register: func(router fiber.Router) { router.Get(fiberPath(path), alive) },
	}
}

func start(apis ...rest.API) error {
	_, err := New(
		Config{Version: "test", CursorKeys: testKeys()}, zap.NewNop(), oneToken{}, someRoles, nil, nil,
		new(audittest.Recorder), unobserved(), apis...,
	)
	return err
}

func TestEveryDescribedOperationIsRouted(t *testing.T) {
	a := described("/a/")
	require.NoError(t, start(a))
	unrouted, undescribed, respelt, undocumented := a, a, a, a
	unrouted.Register = func(fiber.Router) {}
	undescribed.Register = func(router fiber.Router) {
		router.Get("/a/", alive)
		router.Delete("/a/", alive)
	}
	respelt.Register = func(router fiber.Router) { router.Get("/a", alive) }
	undocumented.Document = []byte("{")
	require.ErrorContains(t, start(unrouted), "GET /a/ is described but not routed")
	require.ErrorContains(t, start(undescribed), "DELETE /a/ is routed but not described")
	require.ErrorContains(t, start(respelt), "GET /a is routed but not described")
	require.ErrorContains(t, start(undocumented), "contract")
}

func TestContractIsServed(t *testing.T) {
	s := serve(t)
	a := s.send(t, http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	var document struct {
		Info  struct{ Version string }
		Paths map[string]struct {
			Get struct {
				Responses map[string]any
				Security  []map[string][]string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &document))
	require.Equal(t, "test", document.Info.Version)
	t.Run("it holds every module's paths and the platform's", func(t *testing.T) {
		for _, path := range []string{
			"/things/", "/things/{id}/", "/small/", "/livez", "/readyz", "/openapi.json", "/problems/{code}",
		} {
			require.Contains(t, document.Paths, path)
		}
	})
	t.Run("it describes the server's own responses, and which operations need a token", func(t *testing.T) {
		open, closed := document.Paths["/things/"].Get, document.Paths["/things/{id}/"].Get
		for _, status := range []string{"400", "default"} {
			require.Contains(t, open.Responses, status)
			require.Contains(t, closed.Responses, status)
		}
		for _, status := range []string{"405", "408", "413", "414", "415", "421", "431", "500", "503"} {
			require.NotContains(t, open.Responses, status, "the default response is for these")
			require.NotContains(t, closed.Responses, status)
		}
		require.Contains(t, document.Paths["/readyz"].Get.Responses, "503", "not to be ready is an answer of its own")
		require.NotContains(t, open.Responses, "401")
		require.Contains(t, closed.Responses, "401")
		require.Equal(t, []map[string][]string{{"bearer": {}}}, closed.Security)
	})
	t.Run("it refers to nothing outside itself", func(t *testing.T) {
		require.NotContains(t, strings.ReplaceAll(a.body, `"$ref":"#/`, ""), "$ref")
	})
}
