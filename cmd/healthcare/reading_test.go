package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient := object{"name": "A", "age": 1, "gender": "Other", "nick": "Al", "Name": "B", "id": "x", "created_by": "x", "created_at": "x", "updated_at": 1}
		a := c.do("POST", "/api/patients/", patient).is(201)
		require.Equal(t, `299 - "Unknown fields were ignored: Name, nick"`, a.header.Get("Warning"), "read-only fields are known")
		p := c.do("POST", "/api/patients/", patient, "Prefer", "respond-async, handling=strict").problem(400, "validation_failed")
		require.Equal(t, map[string][]string{"Name": {"Unknown field."}, "nick": {"Unknown field."}}, p.Errors)
		p = c.do("PATCH", "/api/patients/"+a.id(), object{"age": "x", "nick": 1}, "Prefer", "handling=strict").problem(400, "validation_failed")
		require.Len(t, p.Errors, 2, "beside what else is wrong")
		require.Empty(t, c.do("PUT", "/api/patients/"+a.id(), a.object(), "Prefer", "handling=strict").is(200).header.Get("Warning"), "what was read can be put back")
		hostile := c.do("PATCH", "/api/patients/"+a.id(), "{\"a\\r\\nX: y\":1,\"Asha@clinic.example\":2}").is(200).header.Get("Warning")
		require.Equal(t, `299 - "Unknown fields were ignored: body"`, hostile, "a name that is none is not repeated")
	})
}

func TestTheDocumentationPage(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.client(t)
		page := c.do("GET", "/docs", nil).is(200)
		require.Contains(t, string(page.raw), "swagger-ui-bundle.js")
		require.NotContains(t, page.header.Get("Content-Security-Policy"), "script-src 'self' 'unsafe-inline'")
		require.NotRegexp(t, `<script>|style=|\son\w+=`, string(page.raw), "nothing inline")
		require.Contains(t, string(page.raw), `name="viewport" content="width=device-width, initial-scale=1"`)
		script := string(c.do("GET", "/docs/docs.js", nil).is(200).raw)
		for _, setting := range []string{`docExpansion: "none"`, "defaultModelsExpandDepth: -1", "onComplete: foldIntroduction"} {
			require.Contains(t, script, setting, "the sections begin on the first screen")
		}
		for asset, kind := range map[string]string{
			"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8", "docs.js": "text/javascript; charset=utf-8",
			"docs.css": "text/css; charset=utf-8", "favicon-32x32.png": "image/png",
		} {
			a := c.do("GET", "/docs/"+asset, nil).is(200)
			require.Equal(t, kind, a.header.Get("Content-Type"))
			require.NotEmpty(t, a.raw)
			require.NotEqual(t, []byte{0x1f, 0x8b}, a.raw[:2], "unpacked for who does not say gzip")
		}
		c.do("GET", "/docs/nonsense.js", nil).problem(404, "not_found")
		c.do("GET", "/docs/..%2fopenapi.yaml", nil).problem(404, "not_found")
	})
}
