package httpserver

import (
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/httpserver/query"
	"healthcare/platform/rest"
)

// readQuery validates the query, and replaces it by its canonical form if it differs. Errors: errs.Invalid.
func (s *Server) readQuery(call *call, c *fiber.Ctx) error {
	op, uri := call.Operation, c.Request().URI()
	if len(uri.QueryString()) == 0 && len(op.RequiredQuery) == 0 || len(op.Query) == 0 && !op.ReturnsArray {
		return nil
	}
	reader := query.Reader{
		Zone: s.cfg.TimeZone, Strict: rest.Prefers(c, rest.HandlingStrict), Array: op.ReturnsArray,
		Django: s.cfg.Django, Ignored: map[string]bool{}, Required: op.RequiredQuery,
	}
	canonical, err := reader.Read(uri.QueryArgs(), op.Query)
	if err == nil && canonical != nil {
		call.SentQuery = string(uri.QueryString())
		uri.SetQueryString(canonical.Encode())
	}
	rest.WarnIgnored(c, "parameters", slices.Collect(maps.Keys(reader.Ignored)))
	return err
}

// checkBody validates the size and the declared type of a body. Errors: errBodyTooLarge, errMediaType.
func checkBody(call *call, c *fiber.Ctx) error {
	op := call.Operation
	if !op.TakesBody {
		return nil
	}
	if op.BodyLimit > 0 && len(c.Request().Body()) > op.BodyLimit {
		return errBodyTooLarge
	}
	media, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationJSON {
		return errMediaType
	}
	if charset, sent := parameters["charset"]; sent && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	return nil
}
