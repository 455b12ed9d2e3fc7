package volume

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// longText returns names that are long, some of them longer in a URL or in JSON. They have equal prefixes that are
// longer than a shortened key.
func longText(n int) string {
	alike := strings.Repeat([]string{"<&>", "अ", "a", "\U0010FFFF", "%\"\\", "é\u2028"}[n%6], 100)
	text := []rune(alike + fmt.Sprintf("%04d", n*7919%10_000) + alike + alike)
	return string(text[:min(255, len(text))])
}

// orderings returns all orders by at most that many of the columns, in both directions.
func orderings(columns []string, most int) (all []string) {
	if most == 0 {
		return nil
	}
	for i, column := range columns {
		rest := slices.Concat(columns[:i], columns[i+1:])
		for _, first := range []string{column, "-" + column} {
			all = append(all, first)
			for _, more := range orderings(rest, most-1) {
				all = append(all, first+","+more)
			}
		}
	}
	return all
}

// Every link of the server is valid for all data, and the links lead to all items.
func TestEveryLinkIsValid(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		c.Undocumented = true // dates in filters
		ids := map[string][]string{}
		for i := range 24 {
			doctor := object{"name": longText(i%3 + 6), "specialization": longText(i), "experience": i % 2}
			if i%8 == 7 {
				doctor["specialization"] = "Cardiology"
			}
			ids["/api/doctors/"] = append(ids["/api/doctors/"], c.Do("POST", "/api/doctors/", doctor).Expect(201).ID())
			ids["/api/patients/"] = append(ids["/api/patients/"], c.AddPatient(object{"name": longText(i)}))
		}
		columns := map[string][]string{
			"/api/doctors/":  {"name", "specialization", "experience", "created_at"},
			"/api/patients/": {"name", "created_at", "updated_at"},
		}
		follow := func(path string, meanwhile func(page int)) (seen []string) {
			for page := 1; path != ""; page++ {
				require.LessOrEqual(t, len(path), 2048)
				require.Less(t, page, 100, "a list ends")
				a := c.Do("GET", path, nil).Expect(200)
				for _, item := range a.List() {
					seen = append(seen, item["id"].(string))
				}
				path = a.NextPage()
				meanwhile(page)
			}
			return seen
		}
		for list, of := range columns {
			for i, ordering := range orderings(of, 2) {
				if i%4 != 0 {
					continue // the other orders are similar
				}
				query := url.Values{"ordering": {ordering}, "limit": {fmt.Sprint(5 + i%7)}}
				if i%2 == 0 {
					query.Set("created_after", "2000-01-01")
				}
				require.ElementsMatch(t, ids[list], follow(list+"?"+query.Encode(), func(int) {}), ordering)
			}
			all := []string{of[0], "-" + of[len(of)-1], "-" + of[0] + ",-" + of[1], strings.Join(of, ",")}
			for _, ordering := range all {
				// The last item of a page changes: items may repeat, none is omitted.
				changed := false
				seen := follow(list+"?limit=6&ordering="+ordering+"&created_before=2100-01-01", func(page int) {
					if page == 2 && !changed {
						changed = true
						last := c.Do("GET", list+"?limit=12&ordering="+ordering, nil).List()[11]["id"].(string)
						c.Do("PATCH", list+last+"/", object{"name": "Zz"}).Expect(200)
					}
				})
				require.Subset(t, seen, ids[list], ordering)
			}
		}
		t.Run("a query that leaves no space for a cursor is rejected, with or without a next page",
			func(t *testing.T) {
				c := c.ForTest(t)
				long := strings.Repeat("ॐ", 100) // three bytes, nine characters in a URL
				found := c.Do("GET", "/api/patients/?search="+url.QueryEscape(long), nil).Expect(200)
				require.Empty(t, found.NextPage())
				c.Do(
					"GET", "/api/doctors/?specialization="+url.QueryEscape(strings.Repeat("ॐ", 200)), nil,
				).ExpectProblem(414, "uri_too_long")
			})
		t.Run("an order has each column once, and at most four", func(t *testing.T) {
			c := c.ForTest(t)
			for _, ordering := range []string{
				"name,name",
				"name,-name",
				"name,specialization,experience,created_at,updated_at",
				strings.Repeat("name,", 60) + "name",
			} {
				require.Contains(
					t,
					c.Do("GET", "/api/doctors/?ordering="+ordering, nil).ExpectProblem(400, "validation_failed").Errors,
					"ordering",
				)
			}
			c.Do(
				"GET",
				"/api/doctors/?ordering=name&ordering=-specialization&ordering=experience&ordering=created_at",
				nil,
			).Expect(http.StatusOK)
		})
	})
}
