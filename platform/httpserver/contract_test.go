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

const aDocument = `
openapi: 3.0.3
info: {title: A, version: "1"}
paths:
  /a/: {get: {operationId: a, x-access: public, responses: {"200": {description: Fine.}}}}
`

// startWith returns the error of a server of aDocument with an API.
func startWith(t *testing.T, api rest.API) error {
	_, err := New(
		Config{CursorKeys: testKeys()}, zap.NewNop(), oneToken{}, contractOf(t, aDocument), nil, nil,
		new(audittest.Recorder), unobserved(), api,
	)
	return err
}

func TestEveryDescribedOperationIsRouted(t *testing.T) {
	require.NoError(t, startWith(t, func(router fiber.Router) { router.Get("/a/", alive) }))
	for want, api := range map[string]rest.API{
		"GET /a/ is described but not routed": func(fiber.Router) {},
		"DELETE /a/ is routed but not described": func(router fiber.Router) {
			router.Get("/a/", alive)
			router.Delete("/a/", alive)
		},
		"GET /a is routed but not described": func(router fiber.Router) { router.Get("/a", alive) },
	} {
		require.ErrorContains(t, startWith(t, api), want)
	}
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
	t.Run("contains the paths of the modules and of the platform", func(t *testing.T) {
		for _, path := range []string{
			"/things/", "/things/{id}/", "/small/", "/livez", "/readyz", "/openapi.json", "/problems/{code}",
		} {
			require.Contains(t, document.Paths, path)
		}
	})
	t.Run("describes the server's own responses, and which operations require a token", func(t *testing.T) {
		open, closed := document.Paths["/things/"].Get, document.Paths["/things/{id}/"].Get
		for _, status := range []string{"400", "default"} {
			require.Contains(t, open.Responses, status)
			require.Contains(t, closed.Responses, status)
		}
		for _, status := range []string{"405", "408", "413", "414", "415", "421", "431", "500", "503"} {
			require.NotContains(t, open.Responses, status, "the default response covers these")
			require.NotContains(t, closed.Responses, status)
		}
		require.Contains(t, document.Paths["/readyz"].Get.Responses, "503", "readiness describes its own 503")
		require.NotContains(t, open.Responses, "401")
		require.Contains(t, closed.Responses, "401")
		require.Equal(t, []map[string][]string{{"bearer": {}}}, closed.Security)
	})
	t.Run("has no external references", func(t *testing.T) {
		require.NotContains(t, strings.ReplaceAll(a.body, `"$ref":"#/`, ""), "$ref")
	})
}
