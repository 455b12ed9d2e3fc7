package contract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Described is one operation of a document.
type Described struct {
	Route, Method string
	Operation     *openapi3.Operation
}

// methodsInOrder lists the methods in the order of a resource's life cycle.
var methodsInOrder = []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}

// InOrder returns the operations of doc, ordered by tag, x-order of the path, path and method.
func InOrder(doc *openapi3.T) []Described {
	var all []Described
	for route, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, Described{Route: route, Method: method, Operation: op})
		}
	}
	tagOf := func(d Described) int {
		return slices.IndexFunc(
			doc.Tags, func(tag *openapi3.Tag) bool { return slices.Contains(d.Operation.Tags, tag.Name) },
		)
	}
	slices.SortFunc(all, func(a, b Described) int {
		return cmp.Or(
			cmp.Compare(tagOf(a), tagOf(b)),
			cmp.Compare(orderOf(doc.Paths.Value(a.Route).Extensions), orderOf(doc.Paths.Value(b.Route).Extensions)),
			cmp.Compare(a.Route, b.Route),
			cmp.Compare(slices.Index(methodsInOrder, a.Method), slices.Index(methodsInOrder, b.Method)),
		)
	})
	return all
}

// Publish returns the document for clients: JSON, without the extensions that only the code generator and InOrder read.
// Equal contracts have equal bytes: operations have the order of InOrder, all other members are ordered by x-order and
// name.
func Publish(doc *openapi3.T) ([]byte, error) {
	whole, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(whole, &tree); err != nil {
		return nil, err
	}
	paths, numbered := tree["paths"].(map[string]any), map[string]bool{}
	for i, d := range InOrder(doc) {
		item := paths[d.Route].(map[string]any)
		item[strings.ToLower(d.Method)].(map[string]any)[orderExtension] = float64(i)
		if !numbered[d.Route] {
			numbered[d.Route], item[orderExtension] = true, float64(i)
		}
	}
	var out bytes.Buffer
	err = writeOrdered(&out, tree)
	return out.Bytes(), err
}

// leading are the first members of an OpenAPI document.
var leading = []string{"openapi", "info", "servers", "tags", "paths", "components"}

// writeOrdered writes tree as JSON. Members of objects are ordered by x-order and name.
func writeOrdered(out *bytes.Buffer, tree any) error {
	switch node := tree.(type) {
	case map[string]any:
		place := func(name string) float64 { // of a member
			if i := slices.Index(leading, name); i >= 0 {
				return float64(i)
			}
			member, _ := node[name].(map[string]any)
			return orderOf(member)
		}
		names := slices.SortedFunc(maps.Keys(node), func(a, b string) int {
			return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
		})
		return writeAll(out, "{}", slices.DeleteFunc(names, isInternal), func(name string) error {
			key, _ := json.Marshal(name) // never fails for a text
			out.Write(key)
			out.WriteByte(':')
			return writeOrdered(out, node[name])
		})
	case []any:
		return writeAll(out, "[]", node, func(value any) error { return writeOrdered(out, value) })
	}
	leaf, err := json.Marshal(tree)
	out.Write(leaf)
	return err
}

func writeAll[T any](out *bytes.Buffer, brackets string, all []T, write func(T) error) error {
	out.WriteByte(brackets[0])
	for i, one := range all {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := write(one); err != nil {
			return err
		}
	}
	out.WriteByte(brackets[1])
	return nil
}

// isInternal reports whether an extension is meant for programs of this repository only.
func isInternal(name string) bool {
	internal := []string{orderExtension, resourcesExtension, VariableExtension, UniqueExtension}
	return slices.Contains(internal, name) || strings.HasPrefix(name, "x-go-")
}

// orderOf returns the x-order of a node, or a number after all others if it has none.
func orderOf(node map[string]any) float64 {
	if order, ok := node[orderExtension].(float64); ok {
		return order
	}
	return 1 << 20
}
