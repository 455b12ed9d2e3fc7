package token

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func TestUserIDClaimIsTheSubjectOrAbsent(t *testing.T) {
	const id, other = "0193525f-2a41-7d3e-8a55-5b1c9f0e7d21", "0193525f-2a41-7d3e-8a55-5b1c9f0e7d22"
	for claim, accepted := range map[string]bool{
		``: true, `,"user_id":"` + id + `"`: true, `,"user_id":"` + other + `"`: false, `,"user_id":null`: false,
		`,"user_id":""`: false,
		`,"user_id":1`:  false, `,"user_id":["` + id + `"]`: false, `,"userId":"` + id + `"`: false,
	} {
		t.Run("["+claim+"]", func(t *testing.T) {
			var c claims
			err := json.Unmarshal([]byte(`{"iss":"i","aud":"a","sub":"`+id+`","sid":"`+id+`","ver":0,"exp":2000000100,`+
				`"iat":2000000000,"jti":"`+id+`","token_type":"access"`+claim+`}`), &c)
			if err == nil {
				_, err = c.issued()
			}
			require.Equal(t, accepted, err == nil, "%v", err)
		})
	}
}
