package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// volatile matches the parts in which two responses to the same write differ: ids, times, tokens and numbers.
var volatile = regexp.MustCompile(
	`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|` +
		`ey[\w-]+\.[\w-]+\.[\w-]+|\d+`,
)

// requireSameResponses compares every server's responses to the first requests of each scenario with those of the first
// server. It returns the members of the first server's responses that others omit: a new column of the service does not
// break a reference.
func requireSameResponses(ctx context.Context, scenarios []scenario, all []*runningServer) ([]string, error) {
	omitted := map[string]bool{}
	for _, s := range patchLast(scenarios) {
		turns := 10 // the tenth request of the mixed scenario is a write
		if s.name == "login" {
			turns = 1 // each hashes a password
		}
		for range turns {
			var first []byte
			for i, one := range all {
				method, body, err := one.respond(ctx, s)
				if err != nil {
					return nil, err
				}
				if i == 0 {
					first = body
					continue
				}
				c := comparer{write: method != http.MethodGet, omitted: omitted}
				if err := c.compareBodies(first, body); err != nil {
					return nil, fmt.Errorf(
						"%s: %s: %w\nit responds %.2000s\nbut %s responds %.2000s", s.name, one.name, err, body,
						all[0].name, first,
					)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(omitted)), nil
}

// patchLast returns the scenarios with patch at the end. Each server patches patients of its own: later reads of them
// would differ.
func patchLast(scenarios []scenario) (ordered []scenario) {
	var last []scenario
	for _, s := range scenarios {
		if s.name == "patch" {
			last = append(last, s)
		} else {
			ordered = append(ordered, s)
		}
	}
	return append(ordered, last...)
}

func (c *runningServer) respond(ctx context.Context, s scenario) (method string, body []byte, err error) {
	c.actor.sent++
	t := s.request(c.actor, c.actor.sent)
	_, raw, err := call(ctx, t.Method, t.URL, t.Header, t.Body)
	if err != nil {
		return t.Method, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return t.Method, raw, nil
}

// comparer compares the values of two JSON bodies.
type comparer struct {
	write   bool            // ids, times, tokens and numbers may differ
	omitted map[string]bool // receives the paths of members that only the first body has
}

// compareBodies returns an error unless second has the values of first. It may omit members of objects.
func (c comparer) compareBodies(first, second []byte) error {
	a, err := decode(first)
	if err != nil {
		return err
	}
	b, err := decode(second)
	if err != nil {
		return err
	}
	return c.compare("", a, b)
}

// decode returns the value of a JSON text. Numbers keep their spelling.
func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func (c comparer) compare(at string, a, b any) error {
	switch b := b.(type) {
	case map[string]any:
		object, ok := a.(map[string]any)
		if !ok {
			return fmt.Errorf("%s differs", at)
		}
		for name := range object {
			if _, found := b[name]; !found {
				c.omitted[strings.TrimPrefix(at+"/"+name, "/")] = true
			}
		}
		for name, value := range b {
			other, found := object[name]
			if !found {
				return fmt.Errorf("%s/%s is not a member of the first server's response", at, name)
			}
			if err := c.compare(at+"/"+name, other, value); err != nil {
				return err
			}
		}
	case []any:
		list, ok := a.([]any)
		if !ok || len(list) != len(b) {
			return fmt.Errorf("%s differs", at)
		}
		for i, value := range b {
			if err := c.compare(at, list[i], value); err != nil {
				return err
			}
		}
	default:
		if c.text(at, a) != c.text(at, b) {
			return fmt.Errorf("%s differs", at)
		}
	}
	return nil
}

// text returns a value with its type, as it is compared.
func (c comparer) text(at string, v any) string {
	text := fmt.Sprintf("%T %v", v, v)
	if !c.write {
		return text
	}
	if at == "/refresh" {
		return fmt.Sprintf("%T", v)
	}
	return volatile.ReplaceAllString(text, "*")
}
