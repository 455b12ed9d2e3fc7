package contract

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"healthcare/platform/auth"
)

// Roles returns the roles that the documents declare. It reads nothing else of them, because commands need the roles
// and not the contract. Errors: a document that is not YAML; a malformed name; a role that is declared twice.
func Roles(documents ...[]byte) (auth.Roles, error) {
	roles := auth.Roles{}
	for _, document := range documents {
		var members map[string]yaml.Node
		if err := yaml.Unmarshal(document, &members); err != nil {
			return nil, err
		}
		var declared map[auth.Role]string
		if node, ok := members[userRolesExtension]; ok {
			if err := node.Decode(&declared); err != nil {
				return nil, fmt.Errorf("%s: %w", userRolesExtension, err)
			}
		}
		for role, description := range declared {
			if !role.Valid() {
				return nil, fmt.Errorf("%s: %q is not a name", userRolesExtension, role)
			}
			if _, taken := roles[role]; taken {
				return nil, fmt.Errorf("%s: %s is already declared", userRolesExtension, role)
			}
			roles[role] = auth.Declaration{Description: description}
		}
	}
	return roles, nil
}
