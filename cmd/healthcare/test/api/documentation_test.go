package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other", "nick": "Al", "Name": "B", "id": "x",
			"created_by": "x", "created_at": "x", "updated_at": 1}
		a := c.Do("POST", "/api/patients/", patient).Expect(201)
		require.Equal(t, `299 - "Unknown fields were ignored: Name, nick"`, a.Header.Get("Warning"),
			"read-only fields are known")
		p := c.Do("POST", "/api/patients/", patient, "Prefer", "respond-async, handling=strict").ExpectProblem(400,
			"validation_failed")
		require.Equal(t, map[string][]string{"Name": {"Unknown field."}, "nick": {"Unknown field."}}, p.Errors)
		p = c.Do("PATCH", "/api/patients/"+a.ID(), object{"age": "x", "nick": 1}, "Prefer",
			"handling=strict").ExpectProblem(400, "validation_failed")
		require.Len(t, p.Errors, 2, "together with the other errors")
		require.Empty(
			t, c.Do("PUT", "/api/patients/"+a.ID(), a.Object(), "Prefer",
				"handling=strict").Expect(200).Header.Get("Warning"), "a read record can be sent back")
		hostile := c.Do("PATCH", "/api/patients/"+a.ID(),
			"{\"a\\r\\nX: y\":1,\"Asha@clinic.example\":2}").Expect(200).Header.Get("Warning")
		require.Equal(t, `299 - "Unknown fields were ignored: body"`, hostile, "an invalid name is not repeated")
	})
}

func TestDocumentationPage(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		page := c.Do("GET", "/docs", nil).Expect(200)
		require.Contains(t, string(page.Body), "swagger-ui-bundle.js")
		require.NotContains(t, page.Header.Get("Content-Security-Policy"), "script-src 'self' 'unsafe-inline'")
		require.NotRegexp(t, `<script>|style=|\son\w+=`, string(page.Body), "nothing inline")
		require.Contains(t, string(page.Body), `name="viewport" content="width=device-width, initial-scale=1"`)
		script := string(c.Do("GET", "/docs/docs.js", nil).Expect(200).Body)
		for _, setting := range []string{`docExpansion: "none"`, "defaultModelsExpandDepth: -1",
			"onComplete: foldIntroduction"} {
			require.Contains(t, script, setting, "the sections begin on the first screen")
		}
		for asset, kind := range map[string]string{
			"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8",
			"docs.js":  "text/javascript; charset=utf-8",
			"docs.css": "text/css; charset=utf-8", "favicon-32x32.png": "image/png",
		} {
			a := c.Do("GET", "/docs/"+asset, nil).Expect(200)
			require.Equal(t, kind, a.Header.Get("Content-Type"))
			require.NotEmpty(t, a.Body)
			require.NotEqual(t, []byte{0x1f, 0x8b}, a.Body[:2], "not compressed unless the client accepts gzip")
		}
		c.Do("GET", "/docs/nonsense.js", nil).ExpectProblem(404, "not_found")
		c.Do("GET", "/docs/..%2fopenapi.yaml", nil).ExpectProblem(404, "not_found")
	})
}
