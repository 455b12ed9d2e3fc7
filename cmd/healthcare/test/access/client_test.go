package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// client sends the requests of a user. It returns errors, because several clients send requests at the same time.
type client struct {
	http       *http.Client
	url, token string
}

// newClient returns a client that keeps connections open, one for each user.
func newClient(t *testing.T, url string) client {
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return client{http: &http.Client{Transport: transport, Timeout: time.Minute}, url: url}
}

type response struct {
	status int
	header http.Header
	body   string // without the request's id
}

// send sends a request, with body as JSON unless it is nil.
func (c *client) send(method, path string, body any, headers ...string) (response, error) {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return response{}, err
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, c.url+path, payload)
	if err != nil {
		return response{}, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	text := strings.ReplaceAll(string(raw), answer.Header.Get("X-Request-Id"), "")
	return response{answer.StatusCode, answer.Header, text}, err
}

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// countExactly is the header of a request for the number of all items.
var countExactly = []string{"Prefer", "count=exact"}

// list returns the items of all pages of a list, and compares the count, if it was requested, with their number.
func (c *client) list(path string, headers ...string) (items []json.RawMessage, err error) {
	counted, total := headers != nil, ""
	for next := path; next != ""; headers = nil {
		page, err := c.send("GET", next, nil, headers...)
		if err != nil {
			return nil, err
		}
		if page.status != 200 {
			return nil, fmt.Errorf("GET %s: %d %s", next, page.status, page.body)
		}
		var some []json.RawMessage
		if err := json.Unmarshal([]byte(page.body), &some); err != nil {
			return nil, err
		}
		items, total, next = append(items, some...), total+page.header.Get("X-Total-Count"), ""
		if link := nextLink.FindStringSubmatch(page.header.Get("Link")); link != nil {
			next = link[1]
		}
	}
	if counted && total != fmt.Sprint(len(items)) {
		return nil, fmt.Errorf("GET %s: %d items, but a count of %q", path, len(items), total)
	}
	return items, nil
}

// object returns the JSON object of the body.
func (r response) object(t *rapid.T) (o object) {
	if err := json.Unmarshal([]byte(r.body), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// list returns the JSON array of objects of the body.
func (r response) list(t *rapid.T) (l []object) {
	if err := json.Unmarshal([]byte(r.body), &l); err != nil {
		t.Fatal(err)
	}
	return l
}
