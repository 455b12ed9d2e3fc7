package rest

import (
	"errors"
	"maps"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
)

// PageRequest returns the requested page of a list. The server has validated limit and ordering against the contract.
// Errors: errs.Invalid for a cursor of a different caller, list, filter or order; ErrURITooLong.
func PageRequest(c *fiber.Ctx) (paging.Request, error) {
	call := CallOf(c)
	request := paging.Request{
		Limit: call.Limit(c), Order: orderOf(c.Query("ordering"), call.Operation.List),
		Count: Prefers(c, CountExact), Bytes: call.PageBytes, More: call.MorePage,
	}
	if err := call.linkFits(c, len(request.Order)); err != nil {
		return paging.Request{}, err
	}
	cursor := c.Query("cursor")
	if cursor == "" {
		return request, nil
	}
	key, shortened, err := call.Settings.Cursors.open(cursor, call.binding(c.Path(), queryOf(c)))
	if err != nil && call.SentQuery != "" { // older releases bound cursors to the query that was sent
		if sent, malformed := url.ParseQuery(call.SentQuery); malformed == nil {
			key, shortened, err = call.Settings.Cursors.open(cursor, call.binding(c.Path(), sent))
		}
	}
	if err != nil || len(key) != len(request.Order) {
		return paging.Request{}, errs.Invalidf(
			"cursor", "Is not a cursor of this list with these filters. Start again without it.",
		)
	}
	request.After, request.Shortened = key, shortened
	return request, nil
}

// maxCursor is the maxLength of the parameter cursor in the contract.
const maxCursor = 1500

// ErrURITooLong is the error of a query that leaves no space for a link to the next page.
var ErrURITooLong = errors.New("the path and query are too long")

// linkFits rejects a query that leaves no space for a cursor in the address of the next page, so that the server
// accepts every link that it returns. Errors: ErrURITooLong.
func (call *Call) linkFits(c *fiber.Ctx, columns int) error {
	longest := call.Settings.Cursors.longestShort(columns)
	const escaping, canonical = 3, 128 // a byte may be encoded as %XX, and a date become a time
	if escaping*len(c.Request().RequestURI())+canonical+longest <= call.Settings.LinkLimit {
		return nil
	}
	if _, room := call.link(c, queryOf(c)); room < longest {
		return ErrURITooLong
	}
	return nil
}

// link returns the address of the list with an empty cursor, and the maximum length of a cursor.
func (call *Call) link(c *fiber.Ctx, query url.Values) (address string, room int) {
	query.Set("cursor", "")
	address = c.Path() + "?" + query.Encode()
	return address, min(call.Settings.LinkLimit-len(address), maxCursor)
}

// SendPage responds with a page as an array, with a link to the next page (RFC 8288) and, if requested, the count,
// exact up to paging.CountLimit. For HEAD it encodes no body.
func SendPage[T, S any](c *fiber.Ctx, page paging.Page[T], show func(T) S) error {
	if page.Next != nil {
		query, call := queryOf(c), CallOf(c)
		address, room := call.link(c, query)
		cursor := call.Settings.Cursors.seal(page.Next, call.binding(c.Path(), query), room)
		c.Set(fiber.HeaderLink, "<"+strings.Replace(address, "cursor=", "cursor="+cursor, 1)+`>; rel="next"`)
	}
	if page.Total != nil {
		c.Set("X-Total-Count", strconv.FormatInt(min(*page.Total, paging.CountLimit), 10))
		if *page.Total > paging.CountLimit {
			c.Set("X-Total-Count-Relation", "gte")
		} else {
			c.Set("Preference-Applied", CountExact)
		}
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if c.Method() == fiber.MethodHead {
		return nil // without Content-Length, which would require the body (RFC 9110, section 9.3.2)
	}
	return sendItems(c, page.Items, show)
}

// sendItems encodes one item at a time into the body, whose memory the server reuses.
func sendItems[T, S any](c *fiber.Ctx, items []T, show func(T) S) (err error) {
	var shown S
	value := reflect.ValueOf(&shown).Elem()
	encode, response := encoderOf(value.Type()), c.Response()
	buf := []byte{'['}
	for i, item := range items {
		if i > 0 {
			buf = append(buf, ',')
		}
		shown = show(item)
		if buf, err = encode(buf, value); err != nil {
			response.ResetBody()
			return err
		}
		response.AppendBody(buf)
		buf = buf[:0]
	}
	response.AppendBody(append(buf, ']'))
	return nil
}

func queryOf(c *fiber.Ctx) url.Values {
	query := url.Values{}
	for name, value := range c.Queries() {
		query.Set(name, value)
	}
	return query
}

// binding returns the data that a cursor is bound to: the caller, the list, and every parameter except cursor and
// limit.
func (call *Call) binding(path string, query url.Values) []byte {
	bound := maps.Clone(query)
	delete(bound, "cursor")
	delete(bound, "limit")
	return binding(call.Principal.UserID.String(), strings.TrimSuffix(path, "/"), bound.Encode())
}

// orderOf returns the order of an ordering such as -created_at,name. It appends the id, in the direction of the last
// column, so that the order is total.
func orderOf(ordering string, list *contract.ListRules) []paging.Order {
	if ordering == "" {
		ordering = list.Default
	}
	var order []paging.Order
	descending := false
	for column := range strings.SplitSeq(ordering, ",") {
		name, down := strings.CutPrefix(column, "-")
		descending = down
		order = append(order, paging.Order{Column: name, Descending: descending})
	}
	return append(order, paging.Order{Column: "id", Descending: descending})
}
