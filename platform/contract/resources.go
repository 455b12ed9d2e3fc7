package contract

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/platform/audit"
)

// Resource is the declaration of a kind of record in x-audit-resources.
type Resource struct {
	OfPatient bool // each record belongs to a patient, whom the entries about it name
}

// Resources returns the kinds of records that the modules of a merged document declare.
func Resources(doc *openapi3.T) map[audit.Resource]Resource {
	resources := map[audit.Resource]Resource{}
	for name, declaration := range declared(doc) {
		members, _ := declaration.(map[string]any)
		resources[audit.Resource(name)] = Resource{OfPatient: members["patient"] == true}
	}
	return resources
}

// absorbResources moves part's declarations into merged. Errors: a malformed name; one that is declared twice.
func absorbResources(merged, part *openapi3.T) error {
	into := declared(merged)
	for name, declaration := range declared(part) {
		if !audit.Resource(name).Valid() {
			return fmt.Errorf("%s: %q is not a name", resourcesExtension, name)
		}
		if _, taken := into[name]; taken {
			return fmt.Errorf("%s: %s is already declared", resourcesExtension, name)
		}
		into[name] = declaration
	}
	merged.Extensions[resourcesExtension] = into
	return nil
}

// enumerateResources lists the declared resources in the enums of schemas with x-resources, by x-order and name.
func enumerateResources(doc *openapi3.T) {
	resources := declared(doc)
	order := func(name string) float64 {
		members, _ := resources[name].(map[string]any)
		return orderOf(members)
	}
	names := slices.SortedFunc(maps.Keys(resources), func(a, b string) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a, b))
	})
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			if property.Value.Extensions[enumerateExtension] != true {
				continue
			}
			delete(property.Value.Extensions, enumerateExtension)
			for _, name := range names {
				property.Value.Enum = append(property.Value.Enum, name)
			}
		}
	}
}

// declared returns the resources that a document declares, an empty map if it declares none.
func declared(doc *openapi3.T) map[string]any {
	members, _ := doc.Extensions[resourcesExtension].(map[string]any)
	if members == nil {
		members = map[string]any{}
	}
	return members
}
