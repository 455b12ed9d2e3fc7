package httpserver

import (
	"errors"
	"maps"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// COMPAT=django serves clients of the original service, which was written with Django REST framework: problems also
// have the members of its errors, forms are accepted, and lists ignore unknown parameters and have longer pages.

// nonFieldErrors is the member for messages of Django REST framework that do not belong to a field.
const nonFieldErrors = "non_field_errors"

// djangoProblem returns p as JSON, with the members of the original service's errors. It changes the status of a
// duplicate to 400, as in the original service. The fields of a request do not overwrite the members of p, except
// extension members. Errors: an extension member that JSON cannot represent.
func djangoProblem(ctx *fasthttp.RequestCtx, p *Problem, err error) ([]byte, error) {
	fields := p.Errors
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Unique != "" {
		p.Status, p.Title = fiber.StatusBadRequest, kinds[errs.Invalid].title
		if e.Unique != errs.WholeRecord {
			fields = map[string][]string{e.Unique: {e.Detail}}
		}
	}
	added := map[string]any{}
	maps.Copy(added, p.Members)
	path := string(ctx.Path())
	switch {
	case strings.HasPrefix(path, "/api/auth/"):
		for name, messages := range fields {
			added[name] = messages
		}
		if len(fields) == 0 && p.Status == fiber.StatusBadRequest {
			added[nonFieldErrors] = []string{p.Detail}
		}
	case strings.HasPrefix(path, "/api/") && len(fields) > 0:
		added["error"] = fields
	case strings.HasPrefix(path, "/api/"):
		added["error"] = p.Detail
	}
	added["type"], added["title"], added["status"], added["code"] = p.Type, p.Title, p.Status, p.Code
	added["detail"], added["request_id"] = p.Detail, p.RequestID
	if p.Instance != "" {
		added["instance"] = p.Instance
	}
	if len(p.Errors) > 0 {
		added["errors"] = p.Errors
	}
	return rest.EncodeJSON(added)
}
