// Package access compares the patients and assignments that each user sees with a model, after every event of random
// sequences of events, over the API of the whole service.
// Tests belong here when they change the access of users at random; those of single rules are in ../api.
// CI runs this package without the race detector: it sends thousands of requests.
package access

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
