package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
)

// volatile matches the parts in which two responses to the same write differ: ids, times, tokens and numbers.
var volatile = regexp.MustCompile(
	`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|` +
		`ey[\w-]+\.[\w-]+\.[\w-]+|"refresh":"[^"]+"|\d+`,
)

// requireSameResponses compares every server's responses to the first requests of each scenario with those of the first
// server. Responses to reads must have the same bytes.
func requireSameResponses(ctx context.Context, scenarios []scenario, all []*runningServer) error {
	for _, s := range scenarios {
		turns := 10 // the tenth request of the mixed scenario is a write
		if s.name == "login" {
			turns = 1 // each hashes a password
		}
		for range turns {
			var first string
			for i, one := range all {
				body, err := one.respond(ctx, s)
				if err != nil {
					return err
				}
				if i == 0 {
					first = body
				}
				if body != first {
					return fmt.Errorf(
						"%s: %s responds %.2000s\nbut %s responds %.2000s", s.name, one.name, body, all[0].name, first,
					)
				}
			}
		}
	}
	return nil
}

func (c *runningServer) respond(ctx context.Context, s scenario) (string, error) {
	c.actor.sent++
	t := s.request(c.actor, c.actor.sent)
	_, raw, err := call(ctx, t.Method, t.URL, t.Header, t.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	if t.Method == http.MethodGet {
		return string(raw), nil
	}
	return volatile.ReplaceAllString(string(raw), "*"), nil
}
