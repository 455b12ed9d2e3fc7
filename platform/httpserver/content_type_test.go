package httpserver

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestX11_ContentTypes(t *testing.T) {
	s := serve(t)
	const object, form = `{"name":"a"}`, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--b--\r\n"
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": "name=a", "multipart/form-data; boundary=b": form,
		"multipart/form-data; boundary=c": form,
		"text/xml":                        "<thing><name>a</name></thing>", "application/xml": "<name>a</name>",
		"text/plain":               object,
		"text/json":                object,
		"application/vnd.api+json": object, "application/json-patch+json": "[]", "application/jsonp": object,
		"application/json2":                object,
		"application/json; charset=latin1": object, "application/json; charset=utf-16": object,
		"application/json; charset=":                     object,
		"application/json; charset=utf-8; charset=utf-7": object, "application/json, text/plain": object,
		"json": object, "*/*": object,
		"application/json; =": object, "application /json": object, "": object,
	} {
		t.Run(kind+" is refused", func(t *testing.T) {
			requireProblem(
				t, s.send(t, http.MethodPost, "/things/", body, "Content-Type: "+kind), http.StatusUnsupportedMediaType,
			)
		})
	}
	for _, kind := range []string{
		"application/json", "Application/JSON", "application/json;charset=UTF-8", `application/json; charset="utf-8"`,
		" application/json ; profile=x", "application/json;"} {
		t.Run(kind+" is JSON", func(t *testing.T) {
			require.Equal(
				t, http.StatusCreated, s.send(t, http.MethodPost, "/things/", object, "Content-Type: "+kind).status,
			)
		})
	}
	t.Run("the response has every rejected field", func(t *testing.T) {
		p := requireProblem(t, s.send(t, http.MethodPost, "/things/", `{"count":"one"}`), http.StatusBadRequest)
		require.Equal(t, "validation_failed", p.Code)
		require.Equal(
			t, map[string][]string{"name": {"This field is required."}, "count": {"Must be a whole number."}}, p.Errors,
		)
	})
}
