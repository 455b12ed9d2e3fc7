package httpserver

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"healthcare/platform/contract"
	"healthcare/platform/rest"
)

// maxFormFields is how many fields a form may have.
const maxFormFields = 64

func malformedForm(detail string) error {
	return &httpError{fiber.StatusBadRequest, errMalformed.code, errMalformed.title, detail}
}

var errFile = &httpError{
	fiber.StatusUnsupportedMediaType, errMediaType.code, errMediaType.title,
	"Files are not accepted. Send the form's fields only.",
}

// readForm replaces a form in the request's body by a JSON object of the same members. The steps behind it see only the
// object: handlers, and the fingerprint of an Idempotency-Key. Bodies of other types stay as they are. Errors:
// *httpError.
func (s *Server) readForm(call *call, c *fiber.Ctx) error {
	op := call.Operation
	if !s.cfg.Django || !op.TakesBody {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationForm && media != fiber.MIMEMultipartForm {
		return nil //nolint:nilerr // checkBody rejects an unreadable type with every other that is not JSON
	}
	body := bytes.TrimPrefix(c.Request().Body(), []byte(rest.ByteOrderMark))
	if op.BodyLimit > 0 && len(body) > op.BodyLimit {
		return errBodyTooLarge
	}
	if charset, sent := parameters["charset"]; sent && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	var fields url.Values
	if media == fiber.MIMEApplicationForm {
		if fields, err = url.ParseQuery(string(body)); err != nil {
			return malformedForm("The form is not well-formed.")
		}
	} else if fields, err = readParts(body, parameters["boundary"]); err != nil {
		return err
	}
	members, err := formMembers(fields, op.Body)
	if err != nil {
		return err
	}
	object, err := rest.EncodeJSON(members)
	if err != nil {
		return malformedForm("The form is not text in UTF-8.")
	}
	c.Request().SetBody(object)
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	return nil
}

// readParts reads the fields of a multipart form from memory; no part goes to a file. Errors: *httpError.
func readParts(body []byte, boundary string) (url.Values, error) {
	fields := url.Values{}
	if boundary == "" {
		return nil, malformedForm("The form's Content-Type has no boundary.")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for count := 0; ; count++ {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, malformedForm("The form is not well-formed.")
		}
		if count == maxFormFields {
			return nil, malformedForm("The form has too many fields.")
		}
		_, disposition, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || part.FormName() == "" {
			return nil, malformedForm("A part of the form has no name.")
		}
		if _, file := disposition["filename"]; file {
			return nil, errFile
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, malformedForm("The form is not well-formed.")
		}
		fields.Add(part.FormName(), string(value))
	}
}

// formMembers returns the members that a form's fields stand for. A form holds text only, so the schema decides which
// members are numbers and booleans. An empty optional one of these is absent. Errors: *httpError.
func formMembers(fields url.Values, schema *openapi3.Schema) (map[string]any, error) {
	if len(fields) > maxFormFields {
		return nil, malformedForm("The form has too many fields.")
	}
	members := map[string]any{}
	for name, values := range fields {
		value := values[0]
		switch {
		case len(values) > 1:
			return nil, malformedForm("A field of the form is given more than once.")
		case !utf8.ValidString(name) || !utf8.ValidString(value):
			return nil, malformedForm("The form is not text in UTF-8.")
		case strings.ContainsRune(name, 0) || strings.ContainsRune(value, 0):
			return nil, malformedForm("The form holds a NUL character.")
		}
		members[name] = value
		if schema == nil || schema.Properties[name] == nil {
			continue
		}
		typed := schema.Properties[name].Value.Type
		switch {
		case typed.Is("string"):
		case value == "" && !slices.Contains(schema.Required, name):
			delete(members, name)
		case typed.Is("integer"):
			if whole, ok := contract.WholeNumber(value); ok {
				members[name] = jsontext.Value(whole)
			}
		case typed.Is("boolean") && (value == "true" || value == "false"):
			members[name] = value == "true"
		}
	}
	return members, nil
}
