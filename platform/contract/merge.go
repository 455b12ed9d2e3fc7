package contract

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // for the platform's part of the contract
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/platform/auth"
)

//go:embed openapi.yaml
var platformDocument []byte

// platformPath is the path by which modules' documents refer to the platform's.
const platformPath = "platform/contract/openapi.yaml"

// Merge merges the modules' documents and the platform's into one. Errors: invalid or contradictory documents; those of
// operationsOf.
func Merge(version string, documents ...[]byte) (*openapi3.T, error) {
	roles, err := Roles(documents...)
	if err != nil {
		return nil, err
	}
	doc, err := merge(version, roles, documents)
	if err != nil {
		return nil, err
	}
	_, err = operationsOf(doc, roles)
	return doc, err
}

func merge(version string, roles auth.Roles, documents [][]byte) (*openapi3.T, error) {
	merged, err := load(platformDocument, platformPath)
	if err != nil {
		return nil, err
	}
	merged.Info.Version = version
	for _, document := range documents {
		part, err := load(document, "modules/module/internal/adapters/rest/openapi.yaml")
		if err != nil {
			return nil, err
		}
		if err := absorb(merged, part); err != nil {
			return nil, fmt.Errorf("%s: %w", part.Info.Title, err)
		}
	}
	describeProblemMembers(merged)
	slices.SortFunc(merged.Tags, func(a, b *openapi3.Tag) int {
		return cmp.Or(cmp.Compare(orderOf(a.Extensions), orderOf(b.Extensions)), cmp.Compare(a.Name, b.Name))
	})
	for _, item := range merged.Paths.Map() {
		for method, op := range item.Operations() {
			addServerParts(method, op)
		}
	}
	whole, err := merged.MarshalJSON()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(whole) // resolves the added references
	if err != nil {
		return nil, err
	}
	for _, item := range doc.Paths.Map() {
		gatherParameters(item)
	}
	enumerateRoles(doc, roles)
	enumerateResources(doc)
	return doc, doc.Validate(context.Background())
}

// load reads one document and copies the parts of the platform's document that it refers to, under the same names.
func load(document []byte, at string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, uri *url.URL) ([]byte, error) {
		if strings.HasSuffix(uri.Path, platformPath) {
			return platformDocument, nil
		}
		return nil, fmt.Errorf("refers to %s: only the platform's document can be referred to", uri)
	}
	doc, err := loader.LoadFromDataWithPath(document, &url.URL{Path: at})
	if err != nil {
		return nil, err
	}
	doc.InternalizeRefs(context.Background(), func(_ *openapi3.T, ref openapi3.ComponentRef) string {
		return path.Base(ref.RefString())
	})
	return doc, nil
}

// absorb moves part's tags, paths, components and problems into merged. Errors: a name that both describe differently.
func absorb(merged, part *openapi3.T) error {
	merged.Tags = append(merged.Tags, part.Tags...)
	for route, item := range part.Paths.Map() {
		bare := strings.TrimSuffix(route, "/") // paths are routed with and without the final slash
		if merged.Paths.Value(bare) != nil || merged.Paths.Value(bare+"/") != nil {
			return fmt.Errorf("path %s is another module's", route)
		}
		merged.Paths.Set(route, item)
	}
	if err := errors.Join(
		absorbProblems(merged, part), absorbProblemMembers(merged, part), absorbResources(merged, part),
	); err != nil {
		return err
	}
	if part.Components == nil {
		return nil
	}
	return errors.Join(
		union("schema", merged.Components.Schemas, part.Components.Schemas),
		union("response", merged.Components.Responses, part.Components.Responses),
		union("header", merged.Components.Headers, part.Components.Headers),
		union("parameter", merged.Components.Parameters, part.Components.Parameters),
	)
}

func union[M ~map[string]V, V any](kind string, into, from M) error {
	for name, value := range from {
		if known, ok := into[name]; ok {
			a, _ := json.Marshal(known)
			b, _ := json.Marshal(value)
			if !bytes.Equal(a, b) {
				return fmt.Errorf("%s %s is described differently by another module", kind, name)
			}
		}
		into[name] = value
	}
	return nil
}

func absorbProblems(merged, part *openapi3.T) error {
	into, _ := merged.Extensions[problemsExtension].(map[string]any)
	from, _ := part.Extensions[problemsExtension].(map[string]any)
	for code, text := range from {
		if _, taken := into[code]; taken {
			return fmt.Errorf("problem %s is already described", code)
		}
		into[code] = text
	}
	return nil
}

// absorbProblemMembers adds the schemas of part's extension members to those in merged. Errors: a malformed schema; a
// member that every problem has, or that is declared twice.
func absorbProblemMembers(merged, part *openapi3.T) error {
	from, ok := part.Extensions[problemMembersExtension].(map[string]any)
	if !ok && part.Extensions[problemMembersExtension] != nil {
		return fmt.Errorf("%s is not an object", problemMembersExtension)
	}
	into, _ := merged.Extensions[problemMembersExtension].(openapi3.Schemas)
	if into == nil {
		into = openapi3.Schemas{}
	}
	for name, schema := range from {
		if into[name] != nil || merged.Components.Schemas["Problem"].Value.Properties[name] != nil {
			return fmt.Errorf("%s: %s is already declared", problemMembersExtension, name)
		}
		member := new(openapi3.SchemaRef)
		raw, err := json.Marshal(schema)
		if err == nil {
			err = json.Unmarshal(raw, member)
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", problemMembersExtension, name, err)
		}
		into[name] = member
	}
	merged.Extensions[problemMembersExtension] = into
	return nil
}

// describeProblemMembers moves the declared extension members into the schema of problems, as optional properties. All
// parts must have been absorbed, because they refer to the schema without them.
func describeProblemMembers(merged *openapi3.T) {
	declared, _ := merged.Extensions[problemMembersExtension].(openapi3.Schemas)
	maps.Copy(merged.Components.Schemas["Problem"].Value.Properties, declared)
	delete(merged.Extensions, problemMembersExtension)
}
