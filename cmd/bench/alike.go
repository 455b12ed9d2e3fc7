package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
)

// passing is what differs between two answers to the same request that makes or changes something: ids, times, tokens, and the numbers in made-up texts.
var passing = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|ey[\w-]+\.[\w-]+\.[\w-]+|"refresh":"[^"]+"|\d+`)

// alike holds every server's answer to each scenario's first requests against the first server's. What only reads must answer the same bytes.
func alike(ctx context.Context, scenarios []scenario, all []*contender) error {
	for _, s := range scenarios {
		turns := 10 // a mixed scenario's tenth request is another one
		if s.name == "login" {
			turns = 1 // each takes a hash
		}
		for range turns {
			var first string
			for i, one := range all {
				body, err := one.answer(ctx, s)
				if err != nil {
					return err
				}
				if i == 0 {
					first = body
				}
				if body != first {
					return fmt.Errorf("%s: %s answers %.2000s\nwhere %s answers %.2000s", s.name, one.name, body, all[0].name, first)
				}
			}
		}
	}
	return nil
}

func (c *contender) answer(ctx context.Context, s scenario) (string, error) {
	c.actor.sent++
	t := s.request(c.actor, c.actor.sent)
	_, raw, err := call(ctx, t.Method, t.URL, t.Header, t.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	if t.Method == http.MethodGet {
		return string(raw), nil
	}
	return passing.ReplaceAllString(string(raw), "*"), nil
}
