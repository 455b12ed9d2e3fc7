// Package contract merges the modules' OpenAPI documents into one, adds the parts of the server itself, validates the
// result and publishes it. It needs no HTTP server.
package contract

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// Contract is the merged document as one server uses it. It is immutable.
type Contract struct {
	Document   []byte                // OpenAPI as JSON, as it is published
	Operations map[string]*Operation // by Key
	Problems   map[string]string     // explanations for people, by code
	Resources  map[audit.Resource]Resource
}

// Key returns the key of an operation in Contract.Operations. The route is a path template, such as
// /api/patients/{id}/.
func Key(method, route string) string { return method + " " + route }

// cache has the contracts by the digest of their parts. A program needs one contract, but tests start the program
// hundreds of times.
var cache sync.Map // [sha256.Size]byte -> *Contract

// Documents are the modules' parts of the contract.
type Documents [][]byte

// New returns the contract of the modules' documents. Errors: those of Merge; an operation that does not declare who
// may call it, or that names an undeclared role.
func New(version string, documents ...[]byte) (*Contract, error) {
	parts := []string{version}
	for _, document := range documents {
		parts = append(parts, string(document))
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	if known, ok := cache.Load(key); ok {
		return known.(*Contract), nil
	}
	c, err := build(version, documents)
	if err != nil {
		return nil, err
	}
	cache.Store(key, c)
	return c, nil
}

func build(version string, documents [][]byte) (*Contract, error) {
	roles, err := Roles(documents...)
	if err != nil {
		return nil, err
	}
	doc, err := merge(version, roles, documents)
	if err != nil {
		return nil, err
	}
	c := &Contract{Problems: map[string]string{}, Resources: Resources(doc)}
	if c.Operations, err = operationsOf(doc, roles); err != nil {
		return nil, err
	}
	for code, text := range doc.Extensions[problemsExtension].(map[string]any) {
		c.Problems[code], _ = text.(string)
	}
	c.Document, err = Publish(doc)
	return c, err
}

// operationsOf returns the operations of the document, by Key. Errors: an operation that does not declare who may call
// it, or that names an undeclared role or resource.
func operationsOf(doc *openapi3.T, roles auth.Roles) (map[string]*Operation, error) {
	all, resources := map[string]*Operation{}, Resources(doc)
	for route, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			op, err := newOperation(method, route, described, roles, resources)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, route, err)
			}
			all[Key(method, route)] = op
		}
	}
	return all, nil
}
