package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const committedCollection = "../../configs/healthcare.postman_collection.json"

func TestTheCommittedPostmanCollectionIsFresh(t *testing.T) {
	t.Parallel()
	made, err := describeForPostman(committedVersion)
	require.NoError(t, err)
	committed, err := os.ReadFile(committedCollection)
	require.NoError(t, err)
	require.Equal(t, string(committed), string(made), "configs/healthcare.postman_collection.json is stale: run `task openapi`")
}

// The collection runs from top to bottom: every request answers as its own test in the collection says.
func TestThePostmanCollectionRuns(t *testing.T) {
	t.Parallel()
	made, err := describeForPostman(committedVersion)
	require.NoError(t, err)
	var c collection
	require.NoError(t, json.Unmarshal(made, &c))
	eachEngine(t, func(t *testing.T, s *service) {
		variables := map[string]string{"base": ""}
		for _, v := range c.Variable[1:] {
			variables[v.Key] = v.Value
		}
		fill := func(text string) string {
			for name, value := range variables {
				text = strings.ReplaceAll(text, "{{"+name+"}}", value)
			}
			return text
		}
		sent := map[string]bool{}
		run := func(i item) {
			sent[i.Request.Method+i.Request.URL.Raw] = true
			client := s.client(t)
			if i.Request.Auth == nil {
				client.token = variables["access"]
			}
			var payload any
			if i.Request.Body != nil {
				payload = fill(i.Request.Body.Raw)
			}
			a := client.do(i.Request.Method, fill(i.Request.URL.Raw), payload)
			require.Less(t, a.status, 400, "%s: %s", i.Name, a.raw)
			for _, line := range i.Event[0].Script.Exec[1:] { // what the scripts keep
				for name := range variables {
					if strings.Contains(line, `"`+name+`"`) {
						if name == "session_id" {
							variables[name] = a.list()[0]["id"].(string)
							continue
						}
						value := a.object()["id"]
						if !strings.HasSuffix(name, "_id") {
							value = a.object()[name]
						}
						variables[name] = value.(string)
					}
				}
			}
		}
		for _, f := range c.Item {
			// as the descriptions say; who has ended there is staff again, and the last administrator cannot leave
			if role, asked := map[string]string{"Users": "admin", "Audit trail": "auditor", "Removal": "staff"}[f.Name]; asked {
				require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET role = ? WHERE mailbox = ?", role, variables["email"]).Error)
			}
			for _, i := range f.Item {
				run(i)
			}
		}
		operations := 0
		for _, path := range s.document.Paths.Map() {
			operations += len(path.Operations())
		}
		require.Len(t, sent, operations, "every operation is in it")
	})
}
