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

// maxFormFields bounds the fields of a form.
const maxFormFields = 64

func refusedForm(detail string) error {
	return &refusal{fiber.StatusBadRequest, refusalRequest.code, refusalRequest.title, detail}
}

var refusalFile = &refusal{
	fiber.StatusUnsupportedMediaType, refusalMediaType.code, refusalMediaType.title, "Files are not accepted. Send the form's fields only.",
}

// readForm replaces a form in the request's body by the same members as a JSON object, which everything behind it reads: handlers, and the
// fingerprint of an Idempotency-Key. Bodies of other types are left alone. Errors: refusals of the transport.
func readForm(c *fiber.Ctx, op *contract.Operation) error {
	media, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationForm && media != fiber.MIMEMultipartForm {
		return nil //nolint:nilerr // an unreadable type is refused with every other that is not JSON
	}
	body := bytes.TrimPrefix(c.Request().Body(), []byte(rest.ByteOrderMark))
	if op.BodyLimit > 0 && len(body) > op.BodyLimit {
		return refusalTooLarge
	}
	if charset, sent := parameters["charset"]; sent && !strings.EqualFold(charset, "utf-8") {
		return refusalMediaType
	}
	var fields url.Values
	if media == fiber.MIMEApplicationForm {
		if fields, err = url.ParseQuery(string(body)); err != nil {
			return refusedForm("The form is not well-formed.")
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
		return refusedForm("The form is not text in UTF-8.")
	}
	c.Request().SetBody(object)
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	return nil
}

// readParts reads the fields of a multipart form from memory; no part goes to a file. Errors: refusals of the transport.
func readParts(body []byte, boundary string) (url.Values, error) {
	fields := url.Values{}
	if boundary == "" {
		return nil, refusedForm("The form's Content-Type has no boundary.")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for count := 0; ; count++ {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, refusedForm("The form is not well-formed.")
		}
		if count == maxFormFields {
			return nil, refusedForm("The form has too many fields.")
		}
		_, disposition, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || part.FormName() == "" {
			return nil, refusedForm("A part of the form has no name.")
		}
		if _, file := disposition["filename"]; file {
			return nil, refusalFile
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, refusedForm("The form is not well-formed.")
		}
		fields.Add(part.FormName(), string(value))
	}
}

// formMembers returns the members that a form's fields stand for. A form holds text only, so the schema decides about numbers and booleans; of
// these, an empty optional one is not known. Errors: refusals of the transport.
func formMembers(fields url.Values, schema *openapi3.Schema) (map[string]any, error) {
	if len(fields) > maxFormFields {
		return nil, refusedForm("The form has too many fields.")
	}
	members := map[string]any{}
	for name, values := range fields {
		value := values[0]
		switch {
		case len(values) > 1:
			return nil, refusedForm("A field of the form is given more than once.")
		case !utf8.ValidString(name) || !utf8.ValidString(value):
			return nil, refusedForm("The form is not text in UTF-8.")
		case strings.ContainsRune(name, 0) || strings.ContainsRune(value, 0):
			return nil, refusedForm("The form holds a NUL character.")
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

// acceptable refuses a body by its size and declared type, before it is read.
func acceptable(c *fiber.Ctx, op *contract.Operation) error {
	if op.BodyLimit > 0 && len(c.Request().Body()) > op.BodyLimit {
		return refusalTooLarge
	}
	media, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationJSON {
		return refusalMediaType
	}
	if charset, said := parameters["charset"]; said && !strings.EqualFold(charset, "utf-8") {
		return refusalMediaType
	}
	return nil
}
