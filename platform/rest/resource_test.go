package rest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

func TestResources(t *testing.T) {
	errID, errUse := errors.New("no such id"), errors.New("the use case failed")
	parse := func(id string) (int, error) {
		if id != "42" {
			return 0, errID
		}
		return 42, nil
	}
	called, fails, encodable := "", error(nil), true
	use := func(by auth.Principal, args ...any) (thing, error) {
		called = fmt.Sprint(append([]any{by.Role}, args...)...)
		return thing{Name: "b", Count: 7}, fails
	}
	allows := func(match revision.Match, version int) bool { return match.Check(version) == nil }
	show := func(t thing) Resource {
		if !encodable {
			return Resource{Body: func() {}}
		}
		return Resource{Version: t.Count, Body: t}
	}
	operations := map[string]func(c *fiber.Ctx, id string) error{
		"Create": func(c *fiber.Ctx, _ string) error {
			create := func(_ context.Context, by auth.Principal, in thing) (thing, error) {
				return use(by, " ", in.Name)
			}
			return Create(c, same, create, func(t thing) string { return "/things/" + t.Name }, show)
		},
		"Read": func(c *fiber.Ctx, id string) error {
			find := func(_ context.Context, by auth.Principal, id int) (thing, error) { return use(by, " ", id) }
			return Read(c, id, parse, find, show)
		},
		"Change": func(c *fiber.Ctx, id string) error {
			change := func(
				_ context.Context, by auth.Principal, id int, match revision.Match, in thing,
			) (thing, error) {
				return use(by, " ", id, allows(match, 3), allows(match, 4), " ", in.Name)
			}
			return Change(c, id, parse, same, change, show)
		},
		"Remove": func(c *fiber.Ctx, id string) error {
			remove := func(_ context.Context, by auth.Principal, id int, match revision.Match) error {
				_, err := use(by, " ", id, allows(match, 3), allows(match, 4))
				return err
			}
			return Remove(c, id, parse, remove)
		},
	}
	app := fiber.New()
	ask := func(operation, id, match, body string) (*fasthttp.Response, error) {
		var ctx fasthttp.RequestCtx
		c := app.AcquireCtx(&ctx)
		defer app.ReleaseCtx(c)
		Attach(c, &Call{
			Operation: &contract.Operation{}, Principal: auth.Principal{Role: auth.Staff},
			Settings: &Settings{RequireIfMatch: true},
		})
		c.Request().Header.Set(fiber.HeaderIfMatch, match)
		c.Request().SetBodyString(body)
		called = ""
		err := operations[operation](c, id)
		return &ctx.Response, err
	}
	const tag, body, answer = `"v3"`, `{"name":"a"}`, `{"name":"b","count":7}`
	for operation, want := range map[string]struct {
		status               int
		called, tag, address string
	}{
		"Create": {201, "staff a", `"v7"`, "/things/b"},
		"Read":   {200, "staff 42", `"v7"`, ""},
		"Change": {200, "staff 42 true false a", `"v7"`, ""},
		"Remove": {204, "staff 42 true false", "", ""},
	} {
		t.Run(operation, func(t *testing.T) {
			fails = nil
			response, err := ask(operation, "42", tag, body)
			require.NoError(t, err)
			require.Equal(t, want.called, called)
			require.Equal(t, want.status, response.StatusCode())
			require.Equal(t, want.tag, string(response.Header.Peek(fiber.HeaderETag)))
			require.Equal(t, want.address, string(response.Header.Peek(fiber.HeaderLocation)))
			if want.tag != "" {
				require.JSONEq(t, answer, string(response.Body()))
				encodable = false
				_, err = ask(operation, "42", tag, body)
				encodable = true
				require.Error(t, err)
			}
			fails = errUse
			_, err = ask(operation, "42", tag, body)
			require.ErrorIs(t, err, errUse)
			if operation != "Create" {
				_, err = ask(operation, "43", tag, body)
				require.ErrorIs(t, err, errID)
				require.Empty(t, called)
			}
			if operation == "Change" || operation == "Remove" {
				_, err = ask(operation, "42", "", body)
				require.ErrorIs(t, err, errUnconditional)
				require.Empty(t, called)
			}
			if operation == "Create" || operation == "Change" {
				_, err = ask(operation, "42", tag, "{}")
				require.Equal(t, errs.Invalid, errs.KindOf(err))
				require.Empty(t, called)
			}
		})
	}
}
