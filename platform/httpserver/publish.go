package httpserver

import (
	"encoding/json"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Publish is the document as clients get it: JSON, without the words that only the code generator reads.
func Publish(doc *openapi3.T) ([]byte, error) {
	whole, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(whole, &tree); err != nil {
		return nil, err
	}
	withoutGenerator(tree)
	return json.Marshal(tree) // maps are written in the order of their keys, so the same contract is the same bytes
}

func withoutGenerator(tree any) {
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			if key == "x-order" || strings.HasPrefix(key, "x-go-") {
				delete(node, key)
				continue
			}
			withoutGenerator(value)
		}
	case []any:
		for _, value := range node {
			withoutGenerator(value)
		}
	}
}
