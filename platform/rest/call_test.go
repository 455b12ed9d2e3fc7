package rest

import (
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
)

// newRequest returns a request with pairs of header names and values, attached to call unless call is nil.
func newRequest(t *testing.T, call *Call, method, uri string, headers ...string) *fiber.Ctx {
	t.Helper()
	app := fiber.New()
	var request fasthttp.RequestCtx
	request.Request.Header.SetMethod(method)
	request.Request.SetRequestURI(uri)
	for i := 0; i < len(headers); i += 2 {
		request.Request.Header.Add(headers[i], headers[i+1])
	}
	c := app.AcquireCtx(&request)
	t.Cleanup(func() { app.ReleaseCtx(c) })
	if call != nil {
		Attach(c, call)
	}
	return c
}

// header returns a header of the response.
func header(c *fiber.Ctx, name string) string { return string(c.Response().Header.Peek(name)) }

func TestLimitAndDjango(t *testing.T) {
	t.Parallel()
	plain, django := &Call{Settings: &Settings{}}, &Call{Settings: &Settings{Django: true}}
	require.Equal(t, 100, plain.Limit(newRequest(t, plain, "GET", "/things/")))
	require.Equal(t, 500, django.Limit(newRequest(t, django, "GET", "/things/")))
	require.Equal(t, 7, django.Limit(newRequest(t, django, "GET", "/things/?limit=7")))
	require.True(t, Django(newRequest(t, django, "GET", "/things/")))
	require.False(t, Django(newRequest(t, plain, "GET", "/things/")))
	require.False(t, Django(newRequest(t, nil, "GET", "/things/")))
}

func TestPrefers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		want  bool
	}{
		"no header":                {nil, false},
		"the preference":           {[]string{"count=exact"}, true},
		"another value":            {[]string{"count=none"}, false},
		"no value":                 {[]string{"count"}, false},
		"quotation marks":          {[]string{`count="exact"`}, true},
		"spaces and letter case":   {[]string{" Count = EXACT "}, true},
		"parameters":               {[]string{"count=exact; x=y"}, true},
		"the second of a line":     {[]string{"handling=strict, count=exact"}, true},
		"the second line":          {[]string{"handling=strict", "count=exact"}, true},
		"only the first counts":    {[]string{"count=none, count=exact"}, false},
		"a value of another name":  {[]string{"counter=exact"}, false},
		"a parameter of its name":  {[]string{"handling=strict; count=exact"}, false},
		"the first of two accepts": {[]string{"count=exact", "count=none"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			for _, line := range c.lines {
				headers = append(headers, "Prefer", line)
			}
			require.Equal(t, c.want, Prefers(newRequest(t, nil, "GET", "/things/", headers...), CountExact))
		})
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	id, text, at := uuid.New(), "a", "2026-11-29T01:02:03+01:00"
	given := id.String()
	require.Equal(t, "a", Value(&text))
	require.Empty(t, Value[string](nil))
	require.Equal(t, &id, UUID(&given))
	require.Nil(t, UUID(nil))
	require.Equal(t, time.Date(2026, 11, 29, 0, 2, 3, 0, time.UTC), Instant(&at).UTC())
	require.Zero(t, Instant(nil))
}

func TestNullableValues(t *testing.T) {
	t.Parallel()
	null, a := nullable.NewNullNullable[string](), nullable.NewNullableWithValue("a")
	require.Equal(t, "a", *OrNil(a))
	require.Nil(t, OrNil(null))
	require.Nil(t, OrNil[string](nil))
}

func TestTimesHaveSixDigits(t *testing.T) {
	t.Parallel()
	at := At(time.Date(2026, 11, 29, 1, 2, 3, 400_000_000, time.FixedZone("", 3600)))
	text, err := at.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "2026-11-29T00:02:03.400000Z", string(text))
	encoded, err := EncodeJSON(at)
	require.NoError(t, err)
	require.Equal(t, `"2026-11-29T00:02:03.400000Z"`, string(encoded))
}

func TestSendJob(t *testing.T) {
	t.Parallel()
	c := newRequest(t, nil, "DELETE", "/things/")
	id := uuid.New()
	require.NoError(t, SendJob(c, id, 12))
	require.Equal(t, 202, c.Response().StatusCode())
	require.Equal(t, "/api/jobs/"+id.String()+"/", header(c, fiber.HeaderLocation))
	require.Equal(t, "1", header(c, fiber.HeaderRetryAfter))
	require.JSONEq(t, `{"state":"pending","done":0,"total":12}`, string(c.Response().Body()))
}

func TestUnknownMembersAndStrictHandling(t *testing.T) {
	t.Parallel()
	call := &Call{
		Settings:  &Settings{},
		Operation: &contract.Operation{Known: map[string]bool{"name": true, "count": true, "id": true}},
	}
	read := func(raw string, headers ...string) (*fiber.Ctx, error) {
		c := newRequest(t, call, "POST", "/things/", headers...)
		c.Request().SetBodyString(raw)
		_, err := Body(c, same)
		return c, err
	}
	c, err := read(`{"name":"a","z":1,"b":2,"id":"1","<":3}`)
	require.NoError(t, err)
	require.Equal(t, `299 - "Unknown fields were ignored: b, body, z"`, header(c, fiber.HeaderWarning))
	c, err = read(`{"name":"a","id":"1"}`)
	require.NoError(t, err)
	require.Empty(t, header(c, fiber.HeaderWarning))
	_, err = read(`{"name":"a","count":"2","z":1}`, "Prefer", HandlingStrict)
	require.Equal(t, map[string][]string{
		"count": {"Must be a whole number."}, "z": {"Unknown field."},
	}, fieldsOf(t, err))
}

func TestWarningsNameAtMostTenParts(t *testing.T) {
	t.Parallel()
	c := newRequest(t, nil, "GET", "/things/")
	WarnIgnored(c, "parameters", []string{"k", "j", "i", "h", "g", "f", "e", "d", "c", "b"})
	const ten = `299 - "Unknown parameters were ignored: b, c, d, e, f, g, h, i, j, k`
	require.Equal(t, ten+`"`, header(c, fiber.HeaderWarning))
	WarnIgnored(c, "parameters", []string{"l", "k", "j", "i", "h", "g", "f", "e", "d", "c", "b"})
	require.Equal(t, ten+`, ..."`, header(c, fiber.HeaderWarning))
}
