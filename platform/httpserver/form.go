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

// maxFormFields is the maximum number of fields of a form.
const maxFormFields = 64

func malformedForm(detail string) error {
	return &httpError{fiber.StatusBadRequest, errMalformed.code, errMalformed.title, detail}
}

var errFile = &httpError{
	fiber.StatusUnsupportedMediaType, errMediaType.code, errMediaType.title,
	"Files are not accepted. Send the form's fields only.",
}

// readForm replaces a form in the request's body by a JSON object with the same members. The later steps, such as the
// handler and the fingerprint of an Idempotency-Key, receive only the object. Bodies of other types are not changed.
// Errors: *httpError.
func (s *Server) readForm(call *call, c *fiber.Ctx) error {
	op := call.Operation
	if !s.cfg.Django || !op.TakesBody {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationForm && media != fiber.MIMEMultipartForm {
		return nil //nolint:nilerr // checkBody rejects an invalid type, like every type that is not JSON
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

// readParts reads the fields of a multipart form in memory, without temporary files. Errors: *httpError.
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

// formMembers converts the fields of a form to members of a JSON object. Forms contain only text, so the schema
// determines which members are numbers and booleans. Empty optional numbers and booleans are omitted. Errors:
// *httpError.
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
